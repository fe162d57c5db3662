"""HTML as users ask for it: from every artifact, by option or ending, beside the files of `ci`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lens_gate.artifacts.assemble import embed
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.samples import Samples
from tests.builders import a_run, a_sample
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
