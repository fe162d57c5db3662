"""`lens-gate selftest` as a user calls it, on rates that a busy machine can hold as well."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lens_gate.artifacts.codec import load_selftest
from lens_gate.artifacts.selftest import Rung, Selftest
from lens_gate.cli import selftest as command
from lens_gate.steps.selftest import QUICK
from tests.integration.conftest import Invoke, Listener
from tests.measuring import run_in
from tests.selftests import a_rung, a_selftest

Configure = Callable[..., Path]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rates of half a second, whatever they show."""
    ladder = replace(QUICK.ladder, first=10.0, lowest=10.0, highest=20.0)
    monkeypatch.setattr(command, "QUICK", replace(QUICK, window_s=0.5, limit_s=3.0, ladder=ladder))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that has been made, for what is done with it."""

    def made(effort: object, world: object, on_rung: Callable[[Rung], None]) -> Selftest:
        on_rung(a_rung(200.0))
        return a_selftest()

    monkeypatch.setattr(command, "selftest_of", made)


def kept(home: Path) -> Selftest:
    (path,) = (home / "data").rglob("selftest-*.json")
    return load_selftest(path.read_bytes(), name=path.name)


@pytest.mark.measuring
@pytest.mark.parametrize("transport", ["fast", "httpx"])
def test_whole_runs_are_held_against_what_the_simulator_wrote(
    transport: str, invoke: Invoke, home: Path, short: None
) -> None:
    answer = invoke("selftest", "--quick", "--transport", transport, "--output", "mine.json")
    result = kept(home)
    assert result.transport == transport
    assert load_selftest(Path("mine.json").read_bytes(), name="mine.json") == result
    first = result.rungs[0]
    assert (first.rate_rps, first.requests) == (10.0, 5)
    assert first.ttft_bias_ms is not None
    assert 0 < first.ttft_bias_ms < 1000
    assert answer.code == (0 if result.ceiling_rps is not None else 3)
    assert "10" in answer.err
    assert "This machine" in answer.out
    assert answer.told["exit"] == str(answer.code)


def test_later_runs_on_the_machine_carry_the_result_and_warn_above_the_ceiling(
    invoke: Invoke, home: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch, unhurried: None
) -> None:
    def made(effort: object, world: object, on_rung: Callable[[Rung], None]) -> Selftest:
        return a_selftest(ceiling_rps=20.0, transport="fast")

    monkeypatch.setattr(command, "selftest_of", made)
    assert invoke("selftest").code == 0
    answer = invoke("run", "--config", str(configure()), "--requests", "8", "-o", "run.json")
    assert answer.code == 0, answer.err
    run = run_in(Path("run.json"))
    assert run.instrument is not None
    assert (run.instrument.ceiling_rps, run.instrument.rate_rps) == (20.0, 50.0)
    (check,) = (one for one in run.validity.checks if one.name == "ceiling_share")
    assert (check.value, check.limit, check.ok) == (2.0, 1.0, False)
    assert "selftest" in answer.out


def test_a_machine_that_is_never_right_exits_with_3(
    invoke: Invoke, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "selftest_of", lambda *_: a_selftest(ceiling_rps=None))
    answer = invoke("selftest")
    assert answer.code == 3
    assert "does not measure truly" in answer.out


@pytest.mark.usefixtures("told")
def test_report_shows_it_again(invoke: Invoke, home: Path) -> None:
    invoke("selftest", "--output", "mine.json")
    assert "Measured minus true" in invoke("report", "mine.json").out
    assert "### Measured minus true" in invoke("report", "mine.json", "--format", "markdown").out
    refused = invoke("gate", "mine.json")
    assert refused.code == 2
    assert "nothing about an endpoint" in refused.err
    assert invoke("explain", "mine.json").code == 2


@pytest.mark.usefixtures("told")
def test_as_json_it_is_the_artifact(invoke: Invoke, home: Path) -> None:
    assert json.loads(invoke("selftest", "--format", "json").out)["kind"] == "selftest"


@pytest.mark.usefixtures("told")
def test_the_way_to_an_endpoint_is_measured_without_its_key(invoke: Invoke, home: Path, simulator: str) -> None:
    answer = invoke("selftest", "--endpoint", f"{simulator}/v1")
    assert answer.code == 0
    assert f"The way to {simulator}/v1" in answer.out
    assert kept(home).network[0].status == 404
    assert kept(home).network[0].tries == 5
    assert not kept(home).streaming


@pytest.mark.usefixtures("told")
def test_a_configuration_names_its_endpoints_and_costs_nothing(
    invoke: Invoke, home: Path, configure: Configure, listener: Listener
) -> None:
    configure()
    answer = invoke("selftest", "--config", "lens-gate.yaml", "--endpoint", listener.url)
    assert answer.code == 0
    assert listener.heard == []  # no POST: nothing that could be billed
    assert kept(home).network[0].endpoint == listener.url


@pytest.mark.usefixtures("told")
def test_a_paid_request_shows_whether_a_proxy_buffers(invoke: Invoke, home: Path, configure: Configure) -> None:
    configure(models=("sim-large", "sim-large+fault=buffered"))
    answer = invoke("selftest", "--config", "lens-gate.yaml", "--max-cost", "0.01")
    assert answer.code == 0, answer.err
    found = {one.series: one for one in kept(home).streaming}
    assert not found["sim/sim-large"].buffered
    assert found["sim/sim-large"].reads > 2
    assert found["sim/sim-large+fault=buffered"].buffered
    assert "arrived in one piece" in answer.out


@pytest.mark.usefixtures("told")
def test_an_endpoint_that_refuses_the_key_is_told(
    invoke: Invoke, home: Path, configure: Configure, listener: Listener
) -> None:
    configure()
    answer = invoke("selftest", "--config", "lens-gate.yaml", "--endpoint", listener.url, "--max-cost", "0.01")
    assert answer.code == 3
    assert "is not known here" in answer.out
    assert "sk-live" not in answer.out + answer.err


@pytest.mark.usefixtures("told")
def test_an_endpoint_that_nobody_serves_exits_with_3(invoke: Invoke, home: Path) -> None:
    answer = invoke("selftest", "--endpoint", "http://127.0.0.1:9")
    assert answer.code == 3
    assert "It failed" in answer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--endpoint", "ftp://x"), "no http:// or https:// address"),
        (("--max-cost", "1"), "--max-cost needs a configuration"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_tested(
    invoke: Invoke, arguments: tuple[str, ...], said: str
) -> None:
    answer = invoke("selftest", *arguments)
    assert answer.code == 2
    assert said in answer.err
    assert "requests per second" not in answer.err


@pytest.mark.usefixtures("told")
def test_a_folder_that_cannot_be_written_hides_no_result(
    invoke: Invoke, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("LENS_GATE_DATA", str(home / "file"))
    answer = invoke("selftest")
    assert answer.code == 7
    assert "This machine measures truly" in answer.out
