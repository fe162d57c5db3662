"""The files of a whole line, and those that a configuration asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from lens_gate.artifacts.run import Run
from lens_gate.config.load import Source
from lens_gate.errors import PublishFailed
from lens_gate.load.wire.choice import choose
from lens_gate.load.wire.proxies import Proxies
from lens_gate.steps.judging.judge import rules
from lens_gate.steps.line import attempted, whole_line
from lens_gate.steps.recorded.reading import read_artifact, samples_beside
from lens_gate.steps.recorded.written import identity
from lens_gate.steps.rendering.outputs import write_outputs
from lens_gate.steps.resolving.arms import RunOrder, resolve
from lens_gate.steps.resolving.order import Against, Overrides
from lens_gate.steps.resolving.transporting import transport_order
from lens_gate.steps.running.measure import measure
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import ExitCode
from lens_gate.vocabulary.transports import TransportKind
from tests.fakes.world import ChatTransport, NoWatcher, a_world

PROVIDER = {"name": "p", "endpoint": "http://user:pass@p.example.org:8080/v1?key=secret", "models": ["m"]}


def an_order(against: Against | None = None, **sections: Any) -> RunOrder:
    provider = {**PROVIDER, "endpoint": "http://p.example.org:8080/v1"}
    config = {"providers": [provider], "workload": {"fixed": {"requests_per_second": 200}}} | sections
    source = Source("lens-gate.yaml", json.dumps(config))
    return RunOrder(sources=(source,), overrides=Overrides(requests=20), against=against)


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def with_outputs(world: World, *files: dict[str, Any]) -> None:
    arms = resolve(an_order(output={"files": list(files)}), world)
    measured = measure(arms, world.directory / "run.json", world, NoWatcher())
    write_outputs(measured, arms, world)


def test_the_whole_line_leaves_every_artifact_and_report(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    folder = tmp_path / "out"
    done = whole_line(an_order(Against(kind="model", value="n")), rules((), world), folder, world, NoWatcher())
    assert names(folder) == ["analysis.json", "junit.xml", "report.html", "report.md", "run.json", "verdict.json"]
    assert read_artifact(folder / "verdict.json") == done.verdict
    assert read_artifact(folder / "analysis.json") == done.verdict.analysis
    assert done.failed == ()


def test_a_file_that_cannot_be_written_hides_neither_the_verdict_nor_the_others(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    (tmp_path / "report.md").mkdir()
    done = whole_line(an_order(), rules((), world), tmp_path, world, NoWatcher())
    assert [failure.place for failure in done.failed] == [str(tmp_path / "report.md")]
    assert names(tmp_path) == ["analysis.json", "junit.xml", "report.html", "run.json", "verdict.json"]
    assert done.verdict.exit_code in {ExitCode.OK, ExitCode.COULD_NOT_MEASURE}


def test_only_failed_writes_are_collected() -> None:
    def defect() -> None:
        raise ZeroDivisionError

    assert attempted(lambda: None) == ()
    with pytest.raises(ZeroDivisionError):
        attempted(defect)


def test_configured_files_are_written_in_their_formats_with_the_start_in_their_names(tmp_path: Path) -> None:
    said: list[str] = []
    world = a_world(tmp_path, said=said)
    with_outputs(
        world,
        {"type": "json", "path": "copy/{{timestamp}}.json", "pretty": True},
        {"type": "csv", "path": "rows.csv", "delimiter": ";"},
        {"type": "markdown", "path": "page.md"},
        {"type": "junit", "path": "junit.xml"},
        {"type": "html", "path": "page.html"},
    )
    (copy,) = (tmp_path / "copy").iterdir()
    assert copy.name.startswith("20260302T")
    assert read_artifact(copy) == read_artifact(tmp_path / "run.json")
    assert (tmp_path / "rows.csv").read_text(encoding="utf-8").startswith("timestamp;provider;")
    assert "p/m" in (tmp_path / "page.md").read_text(encoding="utf-8")
    assert len(JUnitXml.fromfile(str(tmp_path / "junit.xml"))) == 1
    assert "p/m" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert said[-1] == f"written to {tmp_path / 'page.html'}"


@pytest.mark.parametrize("folder", ["copy", "."])
def test_a_copy_of_a_large_run_has_its_samples_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setattr("lens_gate.steps.running.keeper.INLINE_LIMIT", 5)
    with_outputs(a_world(tmp_path), {"type": "json", "path": f"{folder}/copy.json"})
    run = read_artifact(tmp_path / folder / "copy.json")
    assert isinstance(run, Run)
    assert len(samples_beside(run, tmp_path / folder / "copy.json")) == 20


def test_a_configured_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "page.md").mkdir()
    with pytest.raises(PublishFailed):
        with_outputs(a_world(tmp_path), {"type": "markdown", "path": "page.md"})


def test_an_arm_is_described_without_user_password_and_query(tmp_path: Path) -> None:
    arms = resolve(
        an_order(providers=[PROVIDER | {"endpoint": "http://p.example.org:8080/v1?key=secret"}]), a_world(tmp_path)
    )
    assert identity(arms.candidate, str).endpoints == ("http://p.example.org:8080/v1",)


def test_an_arm_tells_which_series_are_asked_by_http2_which_makes_the_transport_the_one_that_can(
    tmp_path: Path,
) -> None:
    two = PROVIDER | {"name": "two", "endpoint": "https://p.example.org/v1", "http2": True}
    arms = resolve(an_order(providers=[PROVIDER | {"endpoint": "http://p.example.org/v1"}, two]), a_world(tmp_path))
    assert identity(arms.candidate, str).http2 == tuple(
        series.series for series in arms.candidate.series if series.provider_name == "two"
    )
    order = transport_order(arms)
    assert order.http2 == ("https://p.example.org/v1",)
    assert choose(order, Proxies()).kind is TransportKind.HTTPX


def test_a_failed_run_says_how_each_error_sounded_and_its_provenance_names_the_commit(tmp_path: Path) -> None:
    world = a_world(tmp_path, transport=ChatTransport(status=500))
    arms = resolve(an_order(), world)
    run = measure(arms, tmp_path / "run.json", world, NoWatcher()).run
    assert [error.example for error in run.providers[0].models[0].errors if error.type == "api_error"] == ["refused"]
    assert run.provenance.commit is None
    assert run.benchmark.start_time.endswith("Z")
