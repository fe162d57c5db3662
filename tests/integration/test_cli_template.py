"""`report --template` as a user types it: in a process of its own, with limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lens_gate.artifacts.codec import Artifact, dumps
from lens_gate.cli import sandbox
from tests.builders import a_run
from tests.comparisons import a_comparison
from tests.histories import a_trend_verdict, noisy, records_of
from tests.integration.conftest import Invoke
from tests.scenarios import SCENARIOS
from tests.selftests import a_selftest

Configure = Callable[..., Path]


def write(path: Path, artifact: Artifact) -> None:
    path.write_bytes(dumps(artifact))


@pytest.fixture
def verdict(home: Path) -> Path:
    path = home / "verdict.json"
    write(path, SCENARIOS["regression"]())
    return path


def test_a_page_of_several_inputs_has_our_words_and_numbers_and_escapes_foreign_text(
    invoke: Invoke, verdict: Path, home: Path
) -> None:
    write(home / "run.json", a_run())
    write(home / "comparison.json", a_comparison())
    write(home / "selftest.json", a_selftest())
    write(home / "trend.json", a_trend_verdict(records_of(noisy(12))))
    lines = (
        "<h1>{{ report.view.headline }}</h1>",
        "{% for row in report.view.open_rows %}<li>{{ row.title }} {{ row.change }} {{ '<script>' }}{% endfor %}",
        "{% for one in reports %}{{ one.kind }}: {{ one.view.headline | default(one.view.title) }}<br>{% endfor %}",
        "{{ reports[1].data.summary.total_requests | count }} requests",
    )
    (home / "summary.html").write_text("\n".join(lines), encoding="utf-8")
    names = ("verdict", "run", "trend", "comparison", "selftest")
    options = ("--template", "summary.html", "--output", "report.html")
    answer = invoke("report", "--input", *(f"{name}.json" for name in names), *options)
    assert (answer.code, answer.out) == (0, ""), answer.err
    page = (home / "report.html").read_text(encoding="utf-8")
    assert "+14.8" in page
    assert "&lt;script&gt;" in page
    assert page.endswith("300 requests")
    for kind in ("verdict: ", "run: Measured", "trend_verdict: ", "analysis: ", "selftest: "):
        assert kind in page


def test_the_template_that_is_shipped_tells_runs_verdicts_and_trends(invoke: Invoke, verdict: Path, home: Path) -> None:
    write(home / "run.json", a_run())
    write(home / "trend.json", a_trend_verdict(records_of(noisy(12))))
    shipped = str(Path(__file__).parents[2] / "templates/executive-summary.html")
    answer = invoke("report", "--input", "verdict.json", "run.json", "trend.json", "--template", shipped)
    assert answer.code == 0, answer.err
    said = " ".join(answer.out.replace("\u00a0", " ").split())
    assert "<title>3 reports, " in said
    assert "<h2>Regression: openai/gpt-small&#39;s first token comes 15 % later" in said
    assert "Next: <code>lens-gate explain verdict.json</code>" in said
    assert "<h2>Measured 300 requests" in said
    assert "<h2>Pass: no alarm in 12 runs</h2>" in said


def test_a_loop_without_end_is_stopped(
    invoke: Invoke, verdict: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 1)
    loop = "{% for i in range(99999) %}"
    (home / "loop.md").write_text(f"{loop * 4}{'{% endfor %}' * 4}", encoding="utf-8")
    answer = invoke("report", "verdict.json", "--template", "loop.md")
    assert answer.code == 2
    assert "loop.md: the template was stopped: it may use 1 s of processor time" in answer.err
    assert re.search(r"outcome=not_measured exit=2$", answer.err.strip())


def test_a_template_that_takes_all_memory_is_stopped(invoke: Invoke, verdict: Path, home: Path) -> None:
    (home / "large.md").write_text("{{ 'x' | center(4000000000) }}", encoding="utf-8")
    answer = invoke("report", "verdict.json", "--template", "large.md")
    assert answer.code == 2
    assert "large.md:1: the template needs too much memory" in answer.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--template", "nowhere.md"), "nowhere.md: there is no such file"),
        (("--template", "odd.md"), "odd.md: this is no text"),
        (("--template", "odd.md", "--format", "json"), "--format says nothing beside --template"),
    ],
)
def test_what_makes_no_sense_is_refused(
    options: tuple[str, ...], said: str, invoke: Invoke, verdict: Path, home: Path
) -> None:
    (home / "odd.md").write_bytes(b"\xff")
    answer = invoke("report", "verdict.json", *options)
    assert answer.code == 2
    assert said in answer.err


def test_a_file_of_the_configuration_may_have_a_template(
    invoke: Invoke, configure: Configure, unhurried: None, home: Path
) -> None:
    (home / "report.md.tmpl").write_text("{{ report.view.name }}: {{ report.kind }}", encoding="utf-8")
    configure(output={"files": [{"type": "markdown", "path": "own.md", "template": "report.md.tmpl"}]})
    answer = invoke("run", "--requests", "2", "--output", "run.json")
    assert answer.code == 0, answer.err
    assert (home / "own.md").read_text(encoding="utf-8") == "benchmark: run"


def test_a_template_for_programs_is_refused(invoke: Invoke, configure: Configure) -> None:
    configure(output={"files": [{"type": "csv", "path": "own.csv", "template": "report.md.tmpl"}]})
    answer = invoke("validate")
    assert answer.code == 2
    assert "a `template` goes with `type: markdown` or `html`, and csv is for programs" in answer.err
