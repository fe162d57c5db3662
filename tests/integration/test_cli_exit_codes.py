"""Every exit code of the contract, and which one wins where two things happened, through the command line."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from lens_gate.artifacts.codec import dumps
from lens_gate.vocabulary.outcomes import Ending
from tests.builders import a_model_result, a_provider_result, a_run, a_sample, a_validity, a_validity_check
from tests.integration.conftest import Duet, Invoke
from tests.measuring import run_in, samples_in, texts

Configure = Callable[..., Path]

BRIEFLY = ("--requests", "120", "--rps", "100")
INCONCLUSIVE = {"factor": 1.15, "pairs": 5}
REGRESSION = {"factor": 1.6, "pairs": 60}
INVALID = {"validity": a_validity(a_validity_check(ok=False, message="requests left late"))}
CAPPED = {"ending": Ending.COST_CAP, "ending_message": "the cap was reached"}
INTERRUPTED = {"ending": Ending.INTERRUPTED, "ending_message": "the run was interrupted"}
UNWRITABLE = "file-in-the-way/out.json"


@pytest.fixture
def rules(home: Path) -> Callable[..., Path]:
    """Write a configuration that only judges."""

    def write(**sections: Any) -> Path:
        path = home / "rules.yaml"
        path.write_text(json.dumps(sections), encoding="utf-8")
        return path

    return write


@pytest.fixture
def in_the_way(home: Path) -> Path:
    """A file where a folder would have to be: nothing can be written below it, not even by root."""
    path = home / "file-in-the-way"
    path.write_text("", encoding="utf-8")
    return path


def closed_port() -> str:
    """The address of a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/v1"


def a_model(name: str, **changes: Any) -> dict[str, Any]:
    prices = {"input_usd_per_million": 0.5, "output_usd_per_million": 1.5}
    return {"id": name, "max_tokens": 32, **prices, **changes}


def a_provider(url: str, *models: str, name: str = "sim") -> dict[str, Any]:
    entries = [a_model(one) for one in models or ("sim-small",)]
    return {"name": name, "api": "openai-chat", "endpoint": url, "api_key": "${SIM_KEY}", "models": entries}


def a_gate(condition: str, severity: str = "error") -> dict[str, Any]:
    return {"quality_gates": [{"name": "limit", "condition": condition, "severity": severity}]}


# 0


def test_a_pass_exits_with_0(invoke: Invoke, duet: Duet) -> None:
    duet(factor=1.0)
    answer = invoke("gate", "run.json")
    assert (answer.code, answer.told["outcome"], answer.told["exit"]) == (0, "pass", "0")


def test_inconclusive_is_neutral_by_default(invoke: Invoke, duet: Duet) -> None:
    duet(**INCONCLUSIVE)
    answer = invoke("gate", "run.json", "--junit", "junit.xml")
    assert (answer.code, answer.told["outcome"]) == (0, "inconclusive")
    assert "<skipped" in Path("junit.xml").read_text(encoding="utf-8")
    assert "<failure" not in Path("junit.xml").read_text(encoding="utf-8")


def test_nothing_to_compare_is_neutral_by_default(invoke: Invoke, configure: Configure) -> None:
    configure()
    answer = invoke("ci", "--against-config", "lens-gate.yaml", "--requests", "10")
    assert (answer.code, answer.told["outcome"]) == (0, "nothing_to_compare")
    assert "pass" not in answer.out.lower()


def test_no_baseline_is_neutral_by_default(invoke: Invoke, configure: Configure, unhurried: None) -> None:
    configure()
    answer = invoke("ci", "--requests", "6")
    assert (answer.code, answer.told["outcome"]) == (0, "no_baseline")
    assert "nothing to compare with" in answer.err


# 1


def test_a_regression_exits_with_1(invoke: Invoke, duet: Duet) -> None:
    duet(**REGRESSION)
    answer = invoke("gate", "run.json")
    assert (answer.code, answer.told["outcome"], answer.told["exit"]) == (1, "regression", "1")


def test_a_regression_that_was_just_measured_exits_with_1(
    invoke: Invoke, configure: Configure, unhurried: None
) -> None:
    configure(models=("sim-small", "sim-small+errors=80"))
    answer = invoke("ci", "--model", "sim-small+errors=80", "--against-model", "sim-small", *BRIEFLY)
    assert (answer.code, answer.told["outcome"]) == (1, "regression")
    verdict = json.loads(Path("results/verdict.json").read_bytes())
    assert verdict["regression"]["detected"] is True


@pytest.mark.parametrize(
    ("severity", "options", "code"),
    [
        ("error", (), 1),
        ("warning", (), 0),
        ("info", (), 0),
        ("warning", ("--fail-on", "warning"), 1),
        ("info", ("--fail-on", "warning"), 0),
    ],
)
def test_a_breached_quality_gate_fails_by_its_severity(
    severity: str, options: tuple[str, ...], code: int, invoke: Invoke, duet: Duet, rules: Callable[..., Path]
) -> None:
    duet(factor=1.0)
    rules(regression=a_gate("mean_latency < 5", severity))
    answer = invoke("gate", "run.json", "--config", "rules.yaml", *options)
    assert answer.code == code, answer.err
    assert "limit" in answer.out


@pytest.mark.parametrize(("severity", "code"), [("error", 1), ("warning", 0)])
def test_a_breached_budget_fails_by_its_severity(
    severity: str, code: int, invoke: Invoke, duet: Duet, rules: Callable[..., Path]
) -> None:
    duet(factor=1.0)
    rules(budgets=[{"metric": "p95_latency", "budget": 5, "severity": severity}])
    answer = invoke("gate", "run.json", "--config", "rules.yaml")
    assert answer.code == code, answer.err + answer.out


# 2


@pytest.mark.parametrize(
    "words",
    [
        ("gate", "run.json", "--no-such-option"),
        ("gate",),
        ("gate", "one.json", "two.json"),
        ("gate", "run.json", "--fail-on", "sunday"),
        ("nonsense",),
        ("run", "--duration", "soon"),
        ("run",),
        ("run", "--config", "missing.yaml"),
        ("report", "run.json", "--template", "own.md"),
        ("migrate", "config", "--from", "a.yaml", "--mode", "distributed"),
        ("baseline", "anything", "--at-all"),
        ("trend",),
        ("trend", "run.json", "--method", "guessing"),
        ("trend", "run.json", "--metric", "vibes"),
        ("trend", "run.json", "--method", "creep"),
    ],
)
def test_wrong_usage_exits_with_2(words: tuple[str, ...], invoke: Invoke, duet: Duet) -> None:
    duet(**INCONCLUSIVE)
    answer = invoke(*words)
    assert answer.code == 2
    assert answer.told == {"outcome": "not_measured", "exit": "2"}


# 3


def test_an_unreachable_endpoint_exits_with_3_and_so_does_the_gate(invoke: Invoke, configure: Configure) -> None:
    configure(providers=[a_provider(closed_port())])
    ran = invoke("run", "--requests", "400", "--output", "run.json")
    judged = invoke("gate", "run.json")
    assert [ran.code, judged.code] == [3, 3]
    assert [ran.told["outcome"], judged.told["outcome"]] == ["not_measured", "not_measured"]
    assert ran.told["ending"] == "unreachable"
    assert int(ran.told["requests"]) < 200


def test_a_wrong_key_exits_with_3_and_so_does_the_gate(
    invoke: Invoke, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIM_KEY", "not-the-key-at-all")
    configure()
    ran = invoke("run", "--requests", "400", "--output", "run.json")
    judged = invoke("gate", "run.json")
    assert [ran.code, judged.code] == [3, 3]
    assert ran.told["ending"] == "authentication"


def test_without_a_single_success_there_is_no_pass(invoke: Invoke, configure: Configure, unhurried: None) -> None:
    configure(models=("sim-small+errors=100",))
    answer = invoke("ci", "--requests", "8")
    assert (answer.code, answer.told["outcome"]) == (3, "not_measured")


def test_an_invalid_run_exits_with_3_and_says_nothing_about_the_endpoint(invoke: Invoke, duet: Duet) -> None:
    duet(**REGRESSION, **INVALID)
    answer = invoke("gate", "run.json")
    assert (answer.code, answer.told["outcome"], answer.told["valid"]) == (3, "not_measured", "false")
    assert answer.told["regressions"] == "0"


def test_a_run_that_was_mostly_throttled_exits_with_3(invoke: Invoke, configure: Configure, unhurried: None) -> None:
    configure(models=("sim-small+throttle=90",))
    answer = invoke("run", "--requests", "30", "--output", "run.json")
    assert (answer.code, answer.told["valid"]) == (3, "false")
    assert run_in(Path("run.json")).validity.valid is False


# 4


def test_inconclusive_exits_with_4_where_the_policy_says_so(invoke: Invoke, duet: Duet) -> None:
    duet(**INCONCLUSIVE)
    answer = invoke("gate", "run.json", "--fail-on", "no_baseline,inconclusive", "--junit", "junit.xml")
    assert (answer.code, answer.told["outcome"], answer.told["exit"]) == (4, "inconclusive", "4")
    assert "<failure" in Path("junit.xml").read_text(encoding="utf-8")


# 5


def test_no_baseline_exits_with_5_where_the_policy_says_so(
    invoke: Invoke, configure: Configure, unhurried: None
) -> None:
    configure()
    invoke("run", "--requests", "6", "--output", "run.json")
    answer = invoke("gate", "run.json", "--fail-on", "no_baseline")
    assert (answer.code, answer.told["outcome"]) == (5, "no_baseline")


def test_nothing_to_compare_exits_with_5_where_the_policy_says_so(invoke: Invoke, configure: Configure) -> None:
    configure()
    answer = invoke("ci", "--against-config", "lens-gate.yaml", "--fail-on", "nothing_to_compare")
    assert (answer.code, answer.told["outcome"]) == (5, "nothing_to_compare")


# 6


def test_a_cost_cap_before_an_answer_exits_with_6_and_so_does_the_gate(
    invoke: Invoke, configure: Configure, unhurried: None
) -> None:
    configure()
    ran = invoke("run", "--requests", "200", "--max-cost", "0.0006", "--output", "run.json")
    judged = invoke("gate", "run.json")
    assert [ran.code, judged.code] == [6, 6]
    assert ran.told["ending"] == "cost_cap"
    assert 0 < run_in(Path("run.json")).spend.spent_usd <= 0.0006


def test_what_a_cost_cap_kept_from_being_sent_is_no_failure_of_the_endpoint(
    invoke: Invoke, configure: Configure, unhurried: None
) -> None:
    configure(regression=a_gate("success_rate > 99"))
    invoke("run", "--requests", "800", "--rps", "400", "--max-cost", "0.0006", "--output", "run.json")
    judged = invoke("gate", "run.json")
    assert texts(samples_in(Path("run.json")), "error_class") == {"none", "capped"}
    assert run_in(Path("run.json")).providers[0].models[0].errors == ()
    assert (judged.code, judged.told["outcome"]) == (6, "no_baseline")


def test_the_planned_end_of_a_run_is_no_cap(invoke: Invoke, configure: Configure, unhurried: None) -> None:
    configure()
    answer = invoke("run", "--duration", "300ms", "--output", "run.json")
    assert (answer.code, answer.told["ending"]) == (0, "complete")


# 7


@pytest.mark.parametrize("command", ["analyze", "report"])
def test_an_unwritable_report_exits_with_7(command: str, invoke: Invoke, duet: Duet, in_the_way: Path) -> None:
    duet()
    answer = invoke(command, "run.json", "--output", UNWRITABLE)
    assert answer.code == 7
    assert UNWRITABLE in answer.err


def test_an_unwritable_run_is_noticed_before_anything_is_paid(
    invoke: Invoke, configure: Configure, listener: Any
) -> None:
    configure(providers=[a_provider(f"{listener.url}/v1")])
    Path("folder").mkdir()
    Path("file").touch()
    assert [invoke("run", "--requests", "4", "--output", name).code for name in ("folder", "file/run.json")] == [7, 7]
    assert len(listener) == 0


def test_a_pass_whose_report_cannot_be_written_exits_with_7_and_is_still_told(
    invoke: Invoke, duet: Duet, in_the_way: Path
) -> None:
    duet()
    answer = invoke("gate", "run.json", "--output", UNWRITABLE, "--markdown", "report.md")
    assert (answer.code, answer.told["outcome"], answer.told["exit"]) == (7, "pass", "7")
    assert Path("report.md").stat().st_size > 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_standard_output_hides_no_verdict(duet: Duet) -> None:
    duet(**REGRESSION)
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lens_gate", "gate", "run.json"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=100, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "standard output cannot be written" in done.stderr
    assert "outcome=regression exit=1" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", ["gate", "report"])
def test_a_closed_standard_output_is_told(
    command: str, invoke: Invoke, duet: Duet, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = click.echo

    def closed(text: str, *, err: bool = False, nl: bool = True) -> None:
        if not err:
            raise BrokenPipeError(32, "Broken pipe")
        real(text, err=True, nl=nl)

    duet()
    monkeypatch.setattr("lens_gate.cli.wiring.os.dup2", lambda *_: None)
    monkeypatch.setattr("click.echo", closed)
    answer = invoke(command, "run.json")
    assert answer.code == 7
    assert "standard output cannot be written: Broken pipe" in answer.err


# 70


def planted(*args: object, **kwargs: object) -> str:
    raise RuntimeError("planted")


def test_a_defect_exits_with_70_and_never_with_1(invoke: Invoke, duet: Duet, monkeypatch: pytest.MonkeyPatch) -> None:
    duet()
    monkeypatch.setattr("lens_gate.cli.judging.verdict_of", planted)
    answer = invoke("gate", "run.json")
    assert (answer.code, answer.told["exit"]) == (70, "70")
    assert "not a verdict" in answer.err


# 130


def test_an_interrupted_run_keeps_what_was_measured_and_exits_with_130(
    invoke: Invoke, configure: Configure, home: Path
) -> None:
    configure()
    command = [sys.executable, "-m", "lens_gate", "run", "--duration", "100s", "--rps", "20", "--output", "run.json"]
    with subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while_it_measures(home, process)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "ending=interrupted" in told.splitlines()[-1]
    run = run_in(home / "run.json")
    assert run.ending is Ending.INTERRUPTED
    assert run.summary.successful_requests > 0
    assert not list(home.glob("*.journal.*"))
    answer = invoke("gate", "run.json")
    assert (answer.code, answer.told["ending"]) == (130, "interrupted")


def while_it_measures(home: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the journal has grown past its head: then some requests have ended."""
    journal_sizes: set[int] = set()
    for _ in range(600):
        assert process.poll() is None
        journal_sizes |= {path.stat().st_size for path in home.glob("run.*.journal.*")}
        if len(journal_sizes - {0}) > 1:
            return
        time.sleep(0.1)
    raise AssertionError("the run has measured nothing in a minute")


def test_ctrl_c_outside_of_a_run_exits_with_130(invoke: Invoke, duet: Duet, monkeypatch: pytest.MonkeyPatch) -> None:
    duet()

    def pressed(*args: object, **kwargs: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)

    monkeypatch.setattr("lens_gate.cli.judging.verdict_of", pressed)
    # A shell that starts something in the background lets it ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        answer = invoke("gate", "run.json")
    finally:
        signal.signal(signal.SIGINT, before)
    assert answer.code == 130
    assert answer.told == {"outcome": "not_measured", "exit": "130"}


# precedence: 70, 130, 2, 1, 3, 6, 5, 4, 7, 0


def test_70_before_1_and_7(invoke: Invoke, duet: Duet, in_the_way: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duet(**REGRESSION)
    monkeypatch.setattr("lens_gate.cli.judging.told", planted)
    assert invoke("gate", "run.json", "--output", UNWRITABLE).code == 70


def test_70_before_130(invoke: Invoke, duet: Duet, monkeypatch: pytest.MonkeyPatch) -> None:
    duet(**REGRESSION, **INTERRUPTED)
    monkeypatch.setattr("lens_gate.cli.judging.told", planted)
    assert invoke("gate", "run.json").code == 70


def test_130_before_1(invoke: Invoke, duet: Duet) -> None:
    duet(**REGRESSION, **INTERRUPTED)
    answer = invoke("gate", "run.json")
    assert (answer.code, answer.told["outcome"], answer.told["ending"]) == (130, "regression", "interrupted")


def test_130_before_3_and_4(invoke: Invoke, duet: Duet) -> None:
    duet(**INCONCLUSIVE, **INTERRUPTED)
    assert invoke("gate", "run.json", "--fail-on", "inconclusive").code == 130
    duet(**REGRESSION, **INTERRUPTED, **INVALID)
    assert invoke("gate", "run.json").code == 130


def test_130_before_7(invoke: Invoke, duet: Duet, in_the_way: Path) -> None:
    duet(**INTERRUPTED)
    assert invoke("gate", "run.json", "--output", UNWRITABLE).code == 130


def test_2_before_1(invoke: Invoke, duet: Duet, rules: Callable[..., Path]) -> None:
    duet(**REGRESSION)
    rules(regression=a_gate("mean_latency <"))
    answer = invoke("gate", "run.json", "--config", "rules.yaml")
    assert (answer.code, answer.told["outcome"]) == (2, "not_measured")
    assert "rules.yaml:1" in answer.err


def test_1_before_3_a_regression_stands_although_another_provider_is_unreachable(
    invoke: Invoke, configure: Configure, simulator: str, unhurried: None
) -> None:
    def providers(**changes: Any) -> list[dict[str, Any]]:
        elsewhere = a_provider(closed_port(), name="elsewhere")
        return [a_provider(f"{simulator}/v1") | changes, elsewhere]

    configure("base.yaml", providers=providers())
    configure(providers=providers(headers={"x-lens-simulate": "errors=80"}))
    answer = invoke("ci", "--against-config", "base.yaml", "--requests", "240", "--rps", "160")
    assert (answer.code, answer.told["outcome"]) == (1, "regression"), answer.out
    assert int(answer.told["not_measured"]) > 0


def test_1_before_6(invoke: Invoke, duet: Duet) -> None:
    duet(**REGRESSION, **CAPPED)
    assert invoke("gate", "run.json").code == 1


def test_1_before_7_and_the_failed_write_is_told(invoke: Invoke, duet: Duet, in_the_way: Path) -> None:
    duet(**REGRESSION)
    answer = invoke("gate", "run.json", "--output", UNWRITABLE)
    assert (answer.code, answer.told["outcome"], answer.told["exit"]) == (1, "regression", "1")
    assert UNWRITABLE in answer.err


def test_1_before_7_where_ci_cannot_write_what_was_asked_for(
    invoke: Invoke, configure: Configure, home: Path, unhurried: None
) -> None:
    output = {"files": [{"type": "csv", "path": "results/rows.csv"}]}
    configure(models=("sim-small", "sim-small+errors=80"), output=output)
    (home / "results" / "rows.csv").mkdir(parents=True)
    answer = invoke("ci", "--model", "sim-small+errors=80", "--against-model", "sim-small", *BRIEFLY)
    assert (answer.code, answer.told["outcome"]) == (1, "regression")
    assert "rows.csv: the file cannot be written" in answer.err
    assert (home / "results" / "report.md").stat().st_size > 0


def test_7_before_anything_is_sent_where_an_earlier_result_cannot_be_replaced(
    invoke: Invoke, configure: Configure, home: Path
) -> None:
    configure()
    (home / "results" / "junit.xml").mkdir(parents=True)
    answer = invoke("ci", "--against-model", "sim-fast", *BRIEFLY)
    assert (answer.code, answer.told["outcome"]) == (7, "not_measured")
    assert "junit.xml: a file of an earlier run cannot be replaced" in answer.err
    assert [path.name for path in (home / "results").iterdir()] == ["junit.xml"]


def test_3_before_6(invoke: Invoke, duet: Duet) -> None:
    duet(**INCONCLUSIVE, **INVALID, **CAPPED)
    assert invoke("gate", "run.json").code == 3


def test_3_before_6_in_a_run(invoke: Invoke, configure: Configure, unhurried: None) -> None:
    configure(models=("sim-small+throttle=90",))
    answer = invoke("run", "--requests", "600", "--rps", "100", "--max-cost", "0.0005", "--output", "run.json")
    assert (answer.code, answer.told["ending"], answer.told["valid"]) == (3, "cost_cap", "false")


def test_3_before_7_in_a_run(invoke: Invoke, configure: Configure, in_the_way: Path, unhurried: None) -> None:
    files = [{"type": "csv", "path": "file-in-the-way/rows.csv"}]
    configure(models=("sim-small+errors=100",), output={"files": files})
    answer = invoke("run", "--requests", "4", "--output", "run.json")
    assert answer.code == 3
    assert "rows.csv: the file cannot be written" in answer.err


def test_6_before_5(invoke: Invoke, duet: Duet) -> None:
    duet(**CAPPED, comparison=None, base_providers=())
    answer = invoke("gate", "run.json", "--fail-on", "no_baseline")
    assert (answer.code, answer.told["outcome"]) == (6, "no_baseline")


def test_6_before_4(invoke: Invoke, duet: Duet) -> None:
    duet(**INCONCLUSIVE, **CAPPED)
    answer = invoke("gate", "run.json", "--fail-on", "inconclusive")
    assert (answer.code, answer.told["outcome"]) == (6, "inconclusive")


def test_a_cap_after_the_answer_is_no_failure(invoke: Invoke, duet: Duet) -> None:
    duet(**CAPPED)
    assert invoke("gate", "run.json").code == 0


def test_5_before_4(invoke: Invoke, home: Path) -> None:
    known, new = a_sample(), a_sample(index=1, series="openai/gpt-new", model="gpt-new")
    (home / "old.json").write_bytes(dumps(a_run([known])))
    models = (a_model_result(), a_model_result(id="gpt-new"))
    (home / "new.json").write_bytes(dumps(a_run([known, new], providers=(a_provider_result(*models),))))
    asked = ("gate", "new.json", "--baseline", "old.json", "--fail-on")
    assert invoke(*asked, "inconclusive,no_baseline").code == 5
    assert invoke(*asked, "inconclusive").code == 4


@pytest.mark.parametrize("fail_on", ["inconclusive", "no_baseline"])
def test_4_and_5_before_7(fail_on: str, invoke: Invoke, duet: Duet, in_the_way: Path) -> None:
    alone = {"comparison": None, "base_providers": ()} if fail_on == "no_baseline" else INCONCLUSIVE
    duet(**alone)
    answer = invoke("gate", "run.json", "--fail-on", fail_on, "--output", UNWRITABLE)
    assert answer.code == {"inconclusive": 4, "no_baseline": 5}[fail_on]
    assert UNWRITABLE in answer.err


# the last line, and the options that change the code


def test_exit_zero_changes_the_code_and_not_the_verdict(invoke: Invoke, duet: Duet) -> None:
    duet(**REGRESSION)
    answer = invoke("gate", "run.json", "--exit-zero", "--output", "verdict.json")
    assert (answer.code, answer.told["outcome"], answer.told["exit"]) == (0, "regression", "0")
    assert json.loads(Path("verdict.json").read_bytes())["exit_code"] == 1


def test_exit_zero_does_not_hide_a_failed_write(invoke: Invoke, duet: Duet, in_the_way: Path) -> None:
    duet(**REGRESSION)
    assert invoke("gate", "run.json", "--exit-zero", "--output", UNWRITABLE).code == 7


def test_fail_on_error_is_accepted_and_is_the_default(invoke: Invoke, duet: Duet) -> None:
    duet(**REGRESSION)
    assert invoke("gate", "run.json", "--fail-on-error").code == 1
    duet()
    assert invoke("gate", "run.json", "--fail-on-error").code == 0


def test_fail_on_may_be_repeated(invoke: Invoke, duet: Duet) -> None:
    duet(**INCONCLUSIVE)
    answer = invoke("gate", "run.json", "--fail-on", "no_baseline", "--fail-on", " inconclusive , warning")
    assert answer.code == 4


def test_a_verdict_that_is_gated_again_says_the_same(invoke: Invoke, duet: Duet) -> None:
    duet(**REGRESSION)
    invoke("gate", "run.json", "--output", "verdict.json")
    answer = invoke("gate", "verdict.json")
    assert (answer.code, answer.told["outcome"]) == (1, "regression")
