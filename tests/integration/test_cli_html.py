"""HTML as users ask for it: from every artifact, by option or ending, beside the files of `ci`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lens_gate.artifacts.assemble import embed
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.samples import Samples
from lens_gate.steps.archived.archive import kept_runs
from lens_gate.stores.file import FileStore
from lens_gate.vocabulary.index import OpenCheck
from tests.builders import SERIES, a_run, a_sample
from tests.histories import a_history_run
from tests.integration.conftest import Duet, Invoke
from tests.unit.reports.pages import Page, require_self_contained

Configure = Callable[..., Path]
LACKS = "no extract of the samples"


def page(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    require_self_contained(text)
    return text


def test_a_run_an_analysis_and_a_verdict_become_pages_with_figures(invoke: Invoke, duet: Duet, home: Path) -> None:
    duet(factor=1.3)
    assert invoke("analyze", "run.json", "--output", "analysis.json").code == 0
    assert invoke("gate", "analysis.json", "--output", "verdict.json").code == 1
    for name in ("run", "analysis", "verdict"):
        assert invoke("report", f"{name}.json", "--output", f"{name}.html").code == 0
        text = page(home / f"{name}.html")
        assert "During the run" in text
        assert LACKS not in text
    assert Page(page(home / "verdict.html")).text_of("h1")[0].startswith("Regression: ")
    assert invoke("report", "verdict.json", "--format", "html").out.startswith("<!doctype html>")


def test_a_large_run_without_its_samples_has_a_page_that_says_what_it_lacks(invoke: Invoke, home: Path) -> None:
    samples = Samples.of([a_sample(index=index) for index in range(20_001)])
    reference, _ = embed(samples, sidecar_name="large.samples.jsonl.gz", run="large")
    (home / "large.json").write_bytes(dumps(a_run().model_copy(update={"samples": reference})))
    assert invoke("report", "large.json", "--output", "large.html").code == 0
    assert LACKS in page(home / "large.html")


def test_a_configuration_asks_for_a_page_too(invoke: Invoke, configure: Configure, home: Path, unhurried: None) -> None:
    configure(output={"files": [{"type": "html", "path": "own.html"}]})
    assert invoke("run", "--requests", "6", "--rps", "60", "--output", "run.json").code == 0
    assert "Slowest requests" in page(home / "own.html")


def a_history(home: Path, count: int = 24, step: float = 0.3) -> list[str]:
    """Write the runs of so many days, the last third of which is slower."""
    for number in range(count):
        run = a_history_run(number, step if number >= count * 2 // 3 else 0.001 * number % 0.01)
        (home / f"day-{number:02}.json").write_bytes(dumps(run))
    return [f"day-{number:02}.json" for number in range(count)]


def test_runs_become_a_site_of_their_history(invoke: Invoke, home: Path) -> None:
    answer = invoke("report", "--site", "pages", *a_history(home))
    assert answer.code == 0, answer.err
    assert "open index.html" in answer.err
    index = Page((home / "pages/index.html").read_text(encoding="utf-8"))
    assert any("Slower since 17 Jan 2026" in text for text in index.text_of("h1"))
    lines = {path.name for path in (home / "pages/s").iterdir()}
    assert "gpt-small-whole-answer-median.html" in lines
    assert {path.stem for path in (home / "pages/badge").iterdir()} == {"index", *(Path(name).stem for name in lines)}


def test_a_trend_is_shown_as_it_was_made(invoke: Invoke, home: Path) -> None:
    names = a_history(home)
    assert invoke("trend", *names, "--metric", "median_ttft", "--output", "trend.json").code == 0
    assert invoke("report", "trend.json", "--site", "pages").code == 0
    assert [path.name for path in (home / "pages/s").iterdir()] == ["gpt-small-first-token-median.html"]
    assert invoke("report", "trend.json", "--output", "trend.html").code == 0
    assert Page(page(home / "trend.html")).tags["table"] == 2


def test_a_store_tells_which_runs_were_baselines_and_how_they_ended(invoke: Invoke, home: Path) -> None:
    for name in a_history(home, 1):
        assert invoke("baseline", "save", name).code == 0, name
    answer = invoke("report", "--site", "pages", "--history", "lens-gate-store")
    assert answer.code == 0, answer.err
    line = (home / "pages/s/gpt-small-first-token-median.html").read_text(encoding="utf-8")
    assert line.count('class="accepted"') >= 1
    assert '"ended":"' in line


def test_a_store_tells_of_which_metric_a_gate_said_regression(invoke: Invoke, home: Path) -> None:
    assert invoke("baseline", "save", *a_history(home, 1)).code == 0
    store = FileStore(home / "lens-gate-store")
    [newest] = kept_runs(store.newest("results", 1))
    bad = OpenCheck(series=SERIES, metric="mean_ttft", outcome="regression")
    entry = replace(newest.entry, outcome="regression", open_checks=(bad,))
    store.put(newest.key, store.get(newest.key), entry)
    assert invoke("report", "--site", "pages", "--history", "lens-gate-store").code == 0
    marked = {path.stem for path in (home / "pages/s").iterdir() if 'class="m regression"' in path.read_text()}
    assert marked == {"gpt-small-first-token-median"}


def test_commits_of_a_site_lead_to_the_project_of_the_pipeline_or_where_it_is_asked_for(
    invoke: Invoke, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = a_history(home)

    def links() -> set[str]:
        assert invoke("report", "--site", "pages", *names, *asked).code == 0
        index = Page((home / "pages/index.html").read_text(encoding="utf-8"))
        return {value.rpartition("/")[0] for _, name, value in index.attributes if name == "href" and "//" in value}

    asked: tuple[str, ...] = ()
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    assert links() == set()
    monkeypatch.setenv("CI_PROJECT_URL", "https://gitlab.example.org/acme/bot")
    assert links() == {"https://gitlab.example.org/acme/bot/-/commit"}
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/bot")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example.org")
    assert links() == {"https://github.example.org/acme/bot/commit"}
    asked = ("--link-commit", "https://git.example.org/c/{commit}")
    assert links() == {"https://git.example.org/c"}


def test_an_address_without_a_place_for_the_commit_is_refused(invoke: Invoke, home: Path) -> None:
    answer = invoke("report", "--site", "pages", *a_history(home, 1), "--link-commit", "https://git.example.org/c")
    assert answer.code == 2
    assert "is no address of a commit" in answer.err
    assert invoke("report", "day-00.json", "--link-commit", "https://git.example.org/{commit}").code == 2


def test_a_site_has_no_other_output_and_needs_a_history(invoke: Invoke, duet: Duet, home: Path) -> None:
    duet()
    assert invoke("report", "--site", "pages").code == 2
    assert invoke("report", "--site", "pages", "run.json", "--output", "a.html").code == 2
    assert invoke("report", "run.json", "--history", "store").code == 2
    assert not (home / "pages").exists()


def a_browser(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program that goes by the name of a browser in front of all others."""
    folder.mkdir()
    program = folder / "chromium"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


COPY = (
    'for word in "$@"; do case $word in --print-to-pdf=*) to=${word#*=};; file://*) from=${word#file://};; esac; done; '
)


def test_a_pdf_is_the_page_as_a_browser_prints_it(
    invoke: Invoke, duet: Duet, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_browser(home / "bin", COPY + 'cp "$from" "$to"', monkeypatch)
    duet()
    assert invoke("report", "run.json", "--output", "report.pdf").code == 0
    assert "During the run" in page(home / "report.pdf")
    assert invoke("report", "run.json", "--format", "pdf").code == 2
    assert invoke("report", "run.json", "--output", "a.pdf", "--template", "own.md").code == 2


@pytest.mark.parametrize("script", ["exit 3", "exit 0"])
def test_a_browser_that_prints_nothing_is_an_error_of_writing(
    script: str, invoke: Invoke, duet: Duet, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_browser(home / "bin", script, monkeypatch)
    duet()
    answer = invoke("report", "run.json", "--output", "report.pdf")
    assert answer.code == 7
    assert "chromium" in answer.err
    assert "Write HTML instead" in answer.err


def test_without_a_browser_the_error_says_what_to_do(
    invoke: Invoke, duet: Duet, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duet()
    (home / "bin").mkdir()
    monkeypatch.setenv("PATH", str(home / "bin"))
    answer = invoke("report", "run.json", "--output", "report.pdf")
    assert answer.code == 2
    assert "Install one of chromium" in answer.err
