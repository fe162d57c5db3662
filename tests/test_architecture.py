"""What linters cannot see."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "lens_gate"
PURE = (
    "stats",
    "artifacts",
    "analysis",
    "gates",
    "trends",
    "baselines",
    "reports",
    "vocabulary",
    "errors.py",
    "providers",
)
LONGEST_MODULE = 400
LONGEST_BODY = 40
LONGEST_BODY_P95 = 30
HEAVY = ("scipy", "numpy", "boto3", "github", "gitlab", "jinja2", "httpx", "rich", "pydantic", "genai_prices", "yaml")


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def told(path: Path, word: str) -> Iterator[ast.AST]:
    """All nodes of a module, or none where a pattern that what is looked for must match is not in its text."""
    text = path.read_text(encoding="utf-8")
    return ast.walk(ast.parse(text)) if re.search(word, text) else iter(())


def bodies(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                yield node.name, (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    lengths = {str(path.relative_to(SOURCE)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_function_body_is_longer_than_forty_lines_and_nearly_all_are_far_shorter() -> None:
    found = [
        (length, f"{path.relative_to(SOURCE)}:{name}")
        for path in modules()
        for name, length in bodies(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert [row for row in found if row[0] > LONGEST_BODY] == []
    sizes = sorted(length for length, _ in found)
    assert sizes[int(0.95 * len(sizes)) - 1] <= LONGEST_BODY_P95


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_neither_open_nor_print_nor_read_input(room: str) -> None:
    place = SOURCE / room
    files = [place] if place.is_file() else sorted(place.rglob("*.py"))
    assert files
    calls = [
        f"{path.name}:{node.lineno} {node.func.id}"
        for path in files
        for node in told(path, r"\b(open|print|input)\b")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"open", "print", "input"}
    ]
    assert calls == []


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from lens_gate.cli.app import execute\n"
        "code = execute(['--help'])\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "print('heavy:', heavy, file=sys.stderr)\n"
        "sys.exit(code or bool(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "analyze" in done.stdout


def test_a_process_beside_the_first_loads_nothing_heavy_before_it_begins() -> None:
    """Such a process imports the module of the function that it is started with."""
    script = f"import sys; import lens_gate.cli.sandbox; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


FORMATTED = re.compile(r"[0-9.]*[gfe%]$")
SPELLED_OUT = {
    "analysis/selftest.py": "words about the instrument, which has no findings",
    "analysis/summarize.py": "the name of a percentile",
}
"""Where a number becomes text outside of reports, and why no reader can find two roundings of one value."""


@pytest.mark.parametrize("room", ["analysis", "gates", "trends"])
def test_what_judges_rounds_nothing(room: str) -> None:
    rounding = {
        f"{room}/{path.relative_to(SOURCE / room)}"
        for path in sorted((SOURCE / room).rglob("*.py"))
        for node in told(path, r"[gfe%][{}]")
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None and _rounds(node.format_spec)
    }
    assert rounding <= set(SPELLED_OUT)


def _rounds(spec: ast.expr) -> bool:
    parts = spec.values if isinstance(spec, ast.JoinedStr) else []
    return any(isinstance(part, ast.Constant) and FORMATTED.search(str(part.value)) for part in parts)
