"""The pages in a real browser: whole without a network, on every screen, for every reader."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lens_gate.analysis.exhibits_history import history_exhibit, newest_part
from lens_gate.reports.html.history import Known, Part
from lens_gate.reports.html.report import comparison_html, run_html, verdict_html
from lens_gate.reports.html.site import site
from lens_gate.reports.view import view
from lens_gate.steps.rendering.paper import printed
from lens_gate.vocabulary.index import OpenCheck
from tests.builders import a_run
from tests.comparisons import a_comparison
from tests.histories import FIRST_DAY, a_record, a_trend_verdict, noisy, run_id
from tests.scenarios import SCENARIOS
from tests.unit.reports.test_reports_html import a_drawn_verdict, a_duet_of, one_arm, trend_page
from tests.unit.reports.test_reports_snapshots import TRENDS

pytestmark = pytest.mark.real

PACKAGES = Path(".real/node_modules").resolve()
WIDTHS = (320, 390, 768, 1024, 1600)
PAGES: dict[str, Callable[[], str]] = {
    "pass": lambda: verdict_html(SCENARIOS["pass"](), "verdict.json"),
    "partial_pass": lambda: verdict_html(SCENARIOS["partial_pass"](), "verdict.json"),
    "regression": lambda: verdict_html(a_drawn_verdict(), "verdict.json"),
    "large": lambda: verdict_html(a_drawn_verdict(a_duet_of(700)), "verdict.json"),
    "many_errors": lambda: verdict_html(SCENARIOS["regression"](), "verdict.json"),
    "inconclusive": lambda: verdict_html(SCENARIOS["inconclusive"](), "verdict.json"),
    "stored_runs": lambda: verdict_html(SCENARIOS["stored_runs"](), "verdict.json"),
    "error_budget": lambda: verdict_html(SCENARIOS["error_budget"](), "verdict.json"),
    "invalid": lambda: verdict_html(SCENARIOS["not_measured"](), "verdict.json"),
    "nothing": lambda: verdict_html(SCENARIOS["nothing_to_compare"](), "verdict.json"),
    "run": lambda: run_html(a_run(), "run.json", one_arm()),
    "comparison": lambda: comparison_html(a_comparison()),
    "trend": lambda: trend_page(TRENDS["mixed"]),
}
SITE = ("site/index", "site/s/anthropic-claude-sonnet-first-token-median")
MODELS = ("anthropic/claude-sonnet", "openai/gpt-mini", "google/gemini-flash")


def a_site(runs: int) -> dict[str, str]:
    """Return the site of 90 days, in which one first token shifts three times and one is steady."""
    steps = np.select([np.arange(runs) < share * runs for share in (0.26, 0.5, 0.84)], [0.0, 0.09, 0.02], 0.14)
    logs = {name: np.array(noisy(runs, seed=seed)) for seed, name in enumerate(MODELS)}
    logs[MODELS[0]] += steps
    records = [
        a_record(
            number,
            values={(name, "median_ttft"): 480 * float(np.exp(log[number])) for name, log in logs.items()},
            start=FIRST_DAY + timedelta(days=90 * number / runs),
        )
        for number in range(runs)
    ]
    verdict = a_trend_verdict(records, metrics=("median_ttft",))
    said = {run_id(78): "regression", run_id(9): "inconclusive"}
    checks = {run: (OpenCheck(series=MODELS[0], metric="mean_ttft", outcome=outcome),) for run, outcome in said.items()}
    known = Known(outcomes=said | {run_id(200): "regression"}, open_checks=checks, baselines={run_id(20): "main"})
    series = verdict.trend.series
    parts = {
        place: [Part(30, part, history_exhibit(part))]
        for place, one in enumerate(series)
        if (part := newest_part(one, 30)) is not None
    }
    return site(verdict, [history_exhibit(one) for one in series], known, parts)


ALIKE = ("partial_pass", "large", "many_errors", "stored_runs", "nothing")
"""Pages that hold no element that another one has not: axe reads that one."""

Visit = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def visit() -> Iterator[Visit]:
    """Open pages in one browser for all tests."""
    node, browser = shutil.which("node"), shutil.which("chromium")
    assert node is not None
    assert browser is not None
    script = Path(__file__).with_name("browser.mjs")
    with subprocess.Popen(
        [node, str(script), str(PACKAGES), browser], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asks, answers = process.stdin, process.stdout

        def see(**wanted: Any) -> dict[str, Any]:
            asks.write(json.dumps(wanted) + "\n")
            asks.flush()
            seen: dict[str, Any] = json.loads(answers.readline())
            assert "error" not in seen, seen["error"]
            return seen

        yield see
        asks.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pages")
    for name, make in PAGES.items():
        (folder / f"{name}.html").write_text(make(), encoding="utf-8")
    for name, text in a_site(300).items():
        path = folder / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return {name: str(folder / f"{name}.html") for name in (*PAGES, *SITE)}


OPENED = ["evaluate", "for (const one of document.querySelectorAll('details')) one.open = true"]


@pytest.mark.parametrize("name", [*PAGES, *SITE])
def test_a_page_needs_no_network_fits_every_screen_and_has_no_serious_fault(
    name: str, visit: Visit, files: dict[str, str]
) -> None:
    seen = visit(file=files[name], widths=WIDTHS, steps=[OPENED], audit=name not in ALIKE)
    assert (seen["requests"], seen["console"]) == ([], [])
    assert seen["sizes"] == [[width, width] for width in WIDTHS]
    assert seen["faults"] == []


def test_every_number_is_there_without_a_script(visit: Visit, files: dict[str, str]) -> None:
    shown = view(a_drawn_verdict())
    seen = visit(file=files["regression"], widths=[1280], script=False)
    assert seen["drawings"] > len(shown.rows)
    for row in shown.rows:
        assert row.change in seen["shown"]
        assert row.interval in seen["shown"]


def test_a_page_prints_on_a_few_sheets(files: dict[str, str]) -> None:
    data = printed(Path(files["regression"]).read_text(encoding="utf-8"))
    assert data.startswith(b"%PDF-")
    assert len(data) < 400_000
    assert 2 <= data.count(b"/Type /Page\n") <= 3


def test_the_filter_of_the_site_shows_the_lines_that_hold_its_words(visit: Visit, files: dict[str, str]) -> None:
    typed = ["fill", "#filter", "token GPT"]
    seen = visit(file=files[SITE[0]], widths=[1280], steps=[typed])
    assert "1 of 3" in seen["shown"]
    assert "gemini-flash" not in seen["shown"].partition("All lines")[2].partition("Shifts")[0]
    without = visit(file=files[SITE[0]], widths=[1280], script=False)["shown"]
    assert all(name.partition("/")[2] in without for name in MODELS)
    assert "Filter" not in without


def test_the_arrow_keys_walk_from_run_to_run(visit: Visit, files: dict[str, str]) -> None:
    keys = [["press", "#plot", key] for key in ("ArrowLeft", "ArrowLeft", "ArrowRight")]
    told = visit(file=files[SITE[1]], widths=[1280], steps=keys)["shown"]
    assert re.search(r"2026-03-3[01] \d\d:\d\d UTC · \d{3}\u00a0ms · 000012b", told)
    assert "regression" in visit(file=files[SITE[1]], widths=[1280], steps=regressed())["shown"]
    assert "arrow keys" not in visit(file=files[SITE[1]], widths=[1280], script=False)["shown"]


def regressed() -> list[list[str]]:
    """Return the keys that lead to run 78 from the first one."""
    return [["press", "#plot", key] for key in ("Home", *["PageDown"] * 4, "ArrowLeft", "ArrowLeft")]


def test_the_last_days_are_shown_without_a_script(visit: Visit, files: dict[str, str]) -> None:
    drawn = [visit(file=files[SITE[1]], widths=[1280], script=False)["drawings"]]
    seen = visit(file=files[SITE[1]], widths=[390], steps=[["click", "label[for=d-30]"]])
    assert seen["sizes"] == [[390, 390]]
    assert seen["drawings"] == drawn[0] == 2  # the line of the chosen days, and the badge
