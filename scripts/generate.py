"""Write what is generated (docs, schemas), or with --check fail where a file on disk differs."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from lens_gate.artifacts.samples import columns_markdown
from lens_gate.artifacts.schemas import generated_schemas
from lens_gate.cli.action_docs import types_yml, with_inputs
from lens_gate.cli.docs import generated_help
from lens_gate.config.keys import generated_config_docs
from lens_gate.reports.console import console
from lens_gate.reports.generated import generated_docs
from lens_gate.reports.view import view

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.scenarios import SCENARIOS  # noqa: E402 the sample of the README is one of those that tests hold

COLUMNS_BEGIN = "<!-- columns: written by `make docs` -->"
COLUMNS_END = "<!-- end of columns -->"
SAMPLE_BEGIN = "<!-- sample: written by `make docs` -->"
SAMPLE_END = "<!-- end of sample -->"
SAMPLE_WIDTH = 92


def everything() -> Mapping[str, Callable[[], str]]:
    """Return each generated file (relative to the root) with the function that writes its text."""
    docs = {**generated_docs(), **generated_config_docs(), **generated_help(), "docs/artifacts.md": artifacts_page}
    pages = {"action.yml": action_page, "action-types.yml": types_yml, "README.md": readme}
    return {**docs, **generated_schemas(), **pages}


def action_page() -> str:
    """Return action.yml with its inputs written anew."""
    return with_inputs((ROOT / "action.yml").read_text(encoding="utf-8"))


def artifacts_page() -> str:
    """Return docs/artifacts.md with its table of columns written anew; the text around it is written by hand."""
    return _renewed("docs/artifacts.md", COLUMNS_BEGIN, columns_markdown().strip(), COLUMNS_END)


def readme() -> str:
    """Return the README with its sample written anew: the verdict that tests show to every renderer, on a terminal."""
    page = view(SCENARIOS["regression"](), "results/verdict.json")
    sample = console(page, colour=False, width=SAMPLE_WIDTH, unicode=True)
    return _renewed("README.md", SAMPLE_BEGIN, f"```text\n{sample}\n```", SAMPLE_END)


def _renewed(name: str, begin: str, part: str, end: str) -> str:
    """Return a file with one part written anew; the text around it is written by hand."""
    head, rest = (ROOT / name).read_text(encoding="utf-8").split(begin)
    return f"{head}{begin}\n\n{part}\n\n{end}{rest.split(end)[1]}"


def difference(path: Path, wanted: str) -> str:
    """Return a short diff between the file and the wanted text; empty where they are equal."""
    found = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = difflib.unified_diff(found.splitlines(), wanted.splitlines(), f"{path} (on disk)", "generated", lineterm="")
    return "\n".join(list(lines)[:20])


def main() -> None:
    """Write or check every file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where a file differs")
    check = parser.parse_args().check
    stale = False
    for name, text in everything().items():
        path, wanted = ROOT / name, text()
        if check:
            diff = difference(path, wanted)
            stale = stale or bool(diff)
            print(diff, end="\n" if diff else "")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted, encoding="utf-8")
    if stale:
        sys.exit("generated files are out of step: run `make docs` and commit the result")


if __name__ == "__main__":
    main()
