"""Makes an environment for each other load generator, outside the checkout, from pinned versions.

python -m benchmarks.load.install_peers [NAME ...]; without names all of them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.load.native import CACHE

PINS = {
    "aiohttp": ("aiohttp==3.14.5", "uvloop==0.23.0"),
    "locust": ("locust==2.47.0",),
    "aiperf": ("aiperf==0.13.0",),
}
NEED_TOKENIZERS = frozenset({"aiperf"})
WORDS = """
import sys
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
words = Tokenizer(models.WordLevel({"[UNK]": 0, "[EOS]": 1, "word": 2}, unk_token="[UNK]"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", eos_token="[EOS]").save_pretrained(sys.argv[1])
"""
"""Makes a tokenizer of words: what a text weighs is of no account here, and none can be fetched everywhere."""


def python_of(name: str) -> Path:
    """Return the interpreter of a tool's environment."""
    return CACHE / "peers" / name / "bin" / "python"


def tokenizer_of(name: str) -> Path:
    """Return the folder of the tokenizer that a tool is given."""
    return CACHE / "peers" / name / "tokenizer"


def install(name: str) -> None:
    """Make the environment of one tool; one that is there already is kept."""
    python = python_of(name)
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *PINS[name]], check=True)
    if name in NEED_TOKENIZERS:
        subprocess.run([str(python), "-c", WORDS, str(tokenizer_of(name))], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PINS))
    names = parser.parse_args().names or list(PINS)
    if unknown := set(names) - set(PINS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PINS)}")
    for name in names:
        install(name)
        print(f"{name}: installed", flush=True)


if __name__ == "__main__":
    main()
