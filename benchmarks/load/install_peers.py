"""Makes an environment for each other load generator, outside the checkout, from pinned versions.

python -m benchmarks.load.install_peers [NAME ...]; without names all of them. Together they take about 18 GB: vllm and
guidellm need torch. One that cannot be installed is told, and the others are installed all the same.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.load.native import CACHE

PINS = {
    "aiohttp": ("aiohttp==3.14.5", "uvloop==0.23.0"),
    "locust": ("locust==2.47.0",),
    "aiperf": ("aiperf==0.13.0",),
    "inference-perf": ("inference-perf==0.7.0",),
    "guidellm": ("guidellm==0.8.1",),
    "vllm": ("vllm[bench]==0.33.0",),
}
OLDEST_PYTHON = {"inference-perf": (3, 12)}
NEWEST_PYTHON = (3, 14)
NEED_TOKENIZERS = frozenset({"aiperf", "inference-perf", "guidellm", "vllm"})
WORDS = """
import sys
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
words = Tokenizer(models.WordLevel({"[UNK]": 0, "[EOS]": 1, "word": 2}, unk_token="[UNK]"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", eos_token="[EOS]").save_pretrained(sys.argv[1])
"""
"""Makes a tokenizer of words: what a text weighs is of no account here, and none can be fetched everywhere."""


class Unavailable(Exception):
    """A tool that cannot be installed here; the message says why."""


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
        _run(interpreter_for(name), "-m", "venv", str(python.parent.parent))
    _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINS[name])
    if name in NEED_TOKENIZERS:
        _run(str(python), "-c", WORDS, str(tokenizer_of(name)))


def interpreter_for(name: str) -> str:
    """Return a Python that is new enough for a tool: this one if it is, else the first that can be found and runs."""
    oldest = OLDEST_PYTHON.get(name, sys.version_info[:2])
    if sys.version_info >= oldest:
        return sys.executable
    for candidate in _interpreters(oldest):
        if subprocess.run([candidate, "-c", ""], check=False, capture_output=True).returncode == 0:
            return candidate
    raise Unavailable(f"it needs Python {oldest[0]}.{oldest[1]} or newer, which was not found")


def _interpreters(oldest: tuple[int, int]) -> Iterator[str]:
    for minor in range(oldest[1], NEWEST_PYTHON[1] + 1):
        if on_path := shutil.which(f"python3.{minor}"):
            yield on_path
        yield from map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(
            done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PINS))
    names = parser.parse_args().names or list(PINS)
    if unknown := set(names) - set(PINS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PINS)}")
    missing = 0
    for name in names:
        try:
            install(name)
        except Unavailable as reason:
            print(f"{name}: not installed: {reason}", file=sys.stderr, flush=True)
            missing += 1
        else:
            print(f"{name}: installed", flush=True)
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
