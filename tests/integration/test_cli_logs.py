"""The log: who asks for one gets it, in its form and place, without secrets, and the rest of the terminal stays."""

from __future__ import annotations

import gzip
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from lens_gate.cli.logs import opened
from lens_gate.config.output import LogFile, Logging
from lens_gate.reports.log_lines import LogFormat
from lens_gate.steps.log import Log
from lens_gate.vocabulary.secrets import blotting
from tests.integration.conftest import KEY, Invoke, Listener

Configure = Callable[..., Path]
FILE = {"enabled": True, "path": "logs/lens.log"}

pytestmark = pytest.mark.usefixtures("unhurried")


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def logged_lines(err: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in err.splitlines() if line.startswith("{")]


def test_nobody_who_does_not_ask_gets_a_log(invoke: Invoke, home: Path, configure: Configure) -> None:
    configure(output={"files": [{"type": "csv", "path": "out.csv"}]})
    answer = invoke("run", "--requests", "4", "-o", "run.json")
    assert answer.code == 0
    said, last = answer.err.splitlines()
    assert said == f"written to {home / 'out.csv'}"
    assert last.startswith("lens-gate: outcome=")


@pytest.mark.parametrize("form", ["json", "pretty", "compact"])
def test_the_log_tells_what_happened_in_the_form_that_is_asked_for(
    invoke: Invoke, home: Path, configure: Configure, form: LogFormat
) -> None:
    configure(output={"files": [{"type": "csv", "path": "out.csv"}]})
    answer = invoke("run", "--requests", "4", "-o", "run.json", "--log-format", form)
    assert answer.code == 0
    *log, last = answer.err.splitlines()
    assert last.startswith("lens-gate: outcome=")
    marks = {"json": '"message": "{}"', "pretty": " info  {}", "compact": 'message="{}"'}
    for message in ("run begins", "run ended", "run written"):
        assert sum(marks[form].format(message) in line for line in log) == 1, log
    assert answer.err.count("written to ") == 1  # in the log, and not beside it
    assert all(line.isprintable() for line in log)
    assert "run begins" not in answer.out


def test_the_configuration_asks_for_a_log_and_the_command_line_wins(
    invoke: Invoke, home: Path, configure: Configure
) -> None:
    configure(logging={"level": "error", "format": "json", "file": FILE})
    assert logged_lines(invoke("run", "--requests", "4", "-o", "run.json").err) == []
    assert entries(home / "logs/lens.log") == []
    answer = invoke("run", "--requests", "4", "-o", "run.json", "--log-level", "trace")
    on_terminal, in_file = logged_lines(answer.err), entries(home / "logs/lens.log")
    assert [entry["message"] for entry in on_terminal].count("request ended") == 4
    assert in_file == on_terminal


def test_a_log_in_the_file_alone_leaves_the_terminal_as_it_is(invoke: Invoke, home: Path, configure: Configure) -> None:
    files = [{"type": "csv", "path": "out.csv"}]
    configure(output={"files": files}, logging={"output": "none", "format": "json", "file": FILE})
    answer = invoke("run", "--requests", "4", "-o", "run.json")
    assert (answer.code, logged_lines(answer.err)) == (0, [])
    assert f"written to {home / 'out.csv'}" in answer.err.splitlines()
    messages = [entry["message"] for entry in entries(home / "logs/lens.log")]
    assert messages.count(f"written to {home / 'out.csv'}") == 1
    assert {"run begins", "run ended"} <= set(messages)


def test_a_log_that_would_go_nowhere_is_refused(invoke: Invoke, configure: Configure) -> None:
    for file in (None, {**FILE, "enabled": False}):
        configure(logging={"output": "none", "file": file})
        answer = invoke("run", "--requests", "4")
        assert (answer.code, "`output: none` leaves the log to a file" in answer.err) == (2, True)


def test_what_the_transport_remarks_stands_in_the_log_too(
    invoke: Invoke, home: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    configure(providers=[{"name": "p", "endpoint": "http://api.invalid/v1", "models": ["m"]}])
    answer = invoke("run", "--requests", "1", "-o", "run.json", "--log-format", "json")
    assert answer.code == 3
    assert answer.err.count("through the proxy of the environment") == 1
    assert any("through the proxy" in entry["message"] for entry in logged_lines(answer.err))


def test_asking_for_errors_only_hides_no_news(invoke: Invoke, home: Path, configure: Configure) -> None:
    configure(output={"files": [{"type": "csv", "path": "out.csv"}]})
    answer = invoke("run", "--requests", "4", "-o", "run.json", "--log-level", "error")
    assert f"written to {home / 'out.csv'}" in answer.err.splitlines()


def test_remarks_are_told_once_on_the_terminal_and_stand_in_the_file(
    invoke: Invoke, home: Path, configure: Configure
) -> None:
    configure(logging={"format": "json", "file": FILE}, profiler={"mode": "cost"})
    answer = invoke("run", "--requests", "4", "-o", "run.json")
    assert answer.err.count("profiler.mode") == 1
    (remark,) = (entry for entry in entries(home / "logs/lens.log") if entry["message"] == "configuration")
    assert (remark["key"], remark["level"]) == ("profiler.mode", "warn")


def test_an_error_is_told_once_on_the_terminal_and_stands_in_the_file(
    invoke: Invoke, home: Path, configure: Configure
) -> None:
    target = {"command": "python3 -c ''", "ready_url": "http://127.0.0.1:{port}/", "ready_timeout": "20s"}
    configure(logging={"format": "json", "file": FILE}, target=target)
    answer = invoke("run", "--requests", "4", "-o", "run.json")
    assert answer.code == 3
    assert answer.err.count("the target ended") == 1
    last = entries(home / "logs/lens.log")[-1]
    assert (last["message"], last["kind"], last["level"]) == ("ended by an error", "TargetNotReady", "error")


def test_a_file_begins_anew_and_earlier_ones_are_compressed(invoke: Invoke, home: Path, configure: Configure) -> None:
    file = {**FILE, "max_size": "1KB", "max_backups": 2, "compress": True}
    configure(logging={"level": "trace", "format": "json", "file": file})
    assert invoke("run", "--requests", "20", "-o", "run.json").code == 0
    names = sorted(path.name for path in (home / "logs").iterdir())
    assert names == ["lens.log", "lens.log.1.gz", "lens.log.2.gz"]
    older = gzip.decompress((home / "logs/lens.log.1.gz").read_bytes())
    assert 0 < len(older) <= 1000
    assert all(json.loads(line)["level"] for line in older.splitlines())


def test_no_key_reaches_the_log_though_the_server_repeats_it(
    invoke: Invoke, home: Path, configure: Configure, listener: Listener
) -> None:
    model = {"id": "m", "max_tokens": 8}
    provider = {"name": "p", "api": "openai-chat", "endpoint": listener.url, "api_key": "${SIM_KEY}", "models": [model]}
    configure(
        providers=[provider], logging={"level": "trace", "format": "compact", "file": FILE}, profiler={"name": KEY}
    )
    answer = invoke("run", "--requests", "4", "-o", "run.json")
    assert answer.code == 3
    written = (home / "logs/lens.log").read_text(encoding="utf-8")
    assert "is not known here" in written
    assert "name=" in written
    assert KEY not in written
    assert KEY not in answer.err


@pytest.fixture
def measured(invoke: Invoke, home: Path, configure: Configure) -> Path:
    """A run of two versions, measured without a log."""
    configure()
    assert invoke("run", "--requests", "8", "--against-model", "sim-large", "-o", "run.json").code in {0, 3}
    return home / "run.json"


def test_judging_logs_what_it_read_found_and_wrote(
    invoke: Invoke, home: Path, configure: Configure, measured: Path
) -> None:
    configure(logging={"level": "debug", "format": "json", "file": FILE})
    analyzed = invoke("analyze", "run.json", "-o", "analysis.json")
    messages = [entry["message"] for entry in logged_lines(analyzed.err)]
    assert (messages[0], messages[-2:]) == ("read", ["analysed", "written"])
    assert messages.count("decided") == len(json.loads((home / "analysis.json").read_text())["findings"]) > 0

    judged = invoke("gate", "analysis.json", "-o", "verdict.json")
    verdict = json.loads((home / "verdict.json").read_text())
    told = {entry["message"]: entry for entry in logged_lines(judged.err)}
    assert (told["judged"]["outcome"], told["judged"]["exit"]) == (verdict["outcome"], verdict["exit_code"])
    failed = [check for check in verdict["checks"] if check["outcome"] != "pass"]
    assert sum("check did not pass" in line for line in judged.err.splitlines()) == len(failed) > 0
    assert judged.err.splitlines()[-1].startswith("lens-gate: outcome=")
    assert entries(home / "logs/lens.log") == logged_lines(analyzed.err) + logged_lines(judged.err)


def test_reports_and_trends_are_logged_too_and_their_output_stays_what_it_was(
    invoke: Invoke, home: Path, measured: Path
) -> None:
    for command, message in (("report", "read"), ("trend", "trend analysed"), ("analyze", "analysed")):
        plain = invoke(command, "run.json", "run.json") if command == "trend" else invoke(command, "run.json")
        logged = invoke(command, *(["run.json"] * (1 + (command == "trend"))), "--log-format", "json")
        assert logged.code == plain.code
        assert message in [entry["message"] for entry in logged_lines(logged.err)]
        assert logged_lines(plain.err) == []
        assert logged.out.count("\n") == plain.out.count("\n")
        assert '"level"' not in logged.out


def test_what_ends_a_judgement_stands_in_the_file(
    invoke: Invoke, home: Path, configure: Configure, measured: Path
) -> None:
    configure(logging={"level": "error", "format": "json", "file": FILE})
    answer = invoke("analyze", "missing.json")
    assert answer.code == 2
    assert answer.err.count("there is no such file") == 1
    (entry,) = entries(home / "logs/lens.log")
    assert (entry["message"], entry["kind"]) == ("ended by an error", "UsageProblem")
    assert invoke("gate", "run.json", "-o", "run.json/verdict.json").code == 7
    assert entries(home / "logs/lens.log")[-1]["message"] == "not written"


def test_a_log_in_the_middle_of_a_report_for_a_program_is_refused(
    invoke: Invoke, configure: Configure, measured: Path
) -> None:
    configure(logging={"output": "stdout"})
    refused = invoke("analyze", "run.json")
    assert refused.code == 2
    assert "would both go to standard output" in refused.err
    assert "lens-gate.yaml:" in refused.err
    assert invoke("analyze", "run.json", "-o", "analysis.json").code == 0
    assert invoke("report", "run.json").code == 0


def test_no_key_reaches_the_log_of_a_judgement(
    invoke: Invoke, home: Path, configure: Configure, measured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNOCENT", "hidden-value-1234")
    provider = {
        "name": "p",
        "api": "openai-chat",
        "endpoint": "http://127.0.0.1:9",
        "models": ["m"],
        "headers": {"X-A": "${INNOCENT}"},
    }
    configure(providers=[provider], logging={"format": "json", "file": FILE})
    assert invoke("analyze", f"{KEY}-hidden-value-1234.json").code == 2
    written = (home / "logs/lens.log").read_text(encoding="utf-8")
    assert "[redacted]" in written
    assert KEY not in written
    assert "hidden-value-1234" not in written


def test_a_path_of_the_log_that_needs_a_missing_variable_is_told_with_its_place(
    invoke: Invoke, configure: Configure, measured: Path
) -> None:
    configure(logging={"file": {"enabled": True, "path": "${LOG_FOLDER}/lens.log"}})
    answer = invoke("analyze", "run.json")
    assert answer.code == 2
    assert "LOG_FOLDER" in answer.err


def test_text_from_outside_forges_no_line(invoke: Invoke, home: Path, configure: Configure) -> None:
    name = "bot\n10:04:06.000 error  run ended  ending=forged\x1b[2J"
    configure(logging={"format": "pretty"}, profiler={"name": name})
    answer = invoke("run", "--requests", "4", "-o", "run.json")
    assert answer.code == 0
    assert not any(line.startswith("10:04:06.000") for line in answer.err.splitlines())
    assert r"bot\n10:04:06.000 error" in answer.err
    assert "\x1b" not in answer.err


def test_a_log_on_standard_output_is_refused_where_a_program_reads_that(
    invoke: Invoke, home: Path, configure: Configure
) -> None:
    configure(logging={"output": "stdout", "format": "json"})
    answer = invoke("doctor", "--pairs", "2", "--format", "json")
    assert (answer.code, answer.out) == (2, "")
    assert "lens-gate.yaml:1" in answer.err
    assert "both go to standard output" in answer.err
    assert not (home / "results").exists()
    answer = invoke("doctor", "--pairs", "2", "--format", "json", "-o", "report.json")
    assert [entry["message"] for entry in logged_lines(answer.out)].count("run begins") == 1
    assert '"message"' not in answer.err


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_sent(
    invoke: Invoke, home: Path, configure: Configure
) -> None:
    (home / "logs").write_text("a file, and no folder", encoding="utf-8")
    configure(logging={"file": FILE})
    answer = invoke("run", "--requests", "4", "-o", "run.json")
    assert answer.code == 7
    assert "logs/lens.log: the log cannot be written" in answer.err
    assert not (home / "run.json").exists()


@contextmanager
def writing(stream: Any, *, said: list[str] | None = None, capacity: int = 100, **asked: Any) -> Iterator[Log]:
    settings = Logging(**({"format": "json"} | asked))
    heard: list[str] = [] if said is None else said
    with opened(settings, stream, blot=blotting([KEY]), say=heard.append, capacity=capacity) as logger:
        yield Log(logger)


class Stuck(io.StringIO):
    """A terminal that takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.let_go = threading.Event(), threading.Event()

    @override
    def write(self, text: str) -> int:
        self.reached.set()
        assert self.let_go.wait(20)
        return super().write(text)


def test_a_stuck_terminal_holds_nobody_up_and_what_was_left_out_is_counted() -> None:
    stream = Stuck()
    with writing(stream, capacity=10) as log:
        log.note("info", "first")
        assert stream.reached.wait(20)
        for number in range(25):
            log.note("info", "more", number=number)
        stream.let_go.set()
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [entry.get("number") for entry in found] == [None, *range(10), None]
    assert (found[-1]["level"], found[-1]["entries"]) == ("warn", 15)


class Closed(io.StringIO):
    """A terminal that is gone."""

    @override
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_a_log_that_cannot_be_written_ends_nothing_and_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    file = LogFile(enabled=True, path=str(tmp_path / "a.log"))
    with writing(Closed(), said=said, file=file) as log:
        log.note("info", "one")
        log.note("info", "two")
    assert said == ["warning: the log could not be written to the standard stream: [Errno 32] Broken pipe"]
    assert [entry["message"] for entry in entries(tmp_path / "a.log")] == ["one", "two"]


def test_a_terminal_that_knows_ascii_only_gets_ascii() -> None:
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding="ascii")
    with writing(terminal, format="pretty") as log:
        log.note("info", "said", text="größer")
    assert b'text="gr\\xf6\\xdfer"' in raw.getvalue()


@given(before=st.text(max_size=20), after=st.text(max_size=20))
@pytest.mark.parametrize("form", ["json", "pretty", "compact"])
def test_a_secret_is_taken_out_wherever_it_stands(form: LogFormat, before: str, after: str) -> None:
    stream = io.StringIO()
    with writing(stream, format=form) as log:
        log.note("info", f"{before}{KEY}{after}", text=f"{after}{KEY}{before}", number=1)
    assert KEY not in stream.getvalue()
    assert stream.getvalue().count("[redacted]") >= 2
    assert len(stream.getvalue().splitlines()) == 1


def test_what_has_the_shape_of_a_key_and_the_parts_of_a_header_are_taken_out() -> None:
    blot = blotting(["Bearer opaque-value-of-a-gateway"], shapes=True)
    assert blot("said: opaque-value-of-a-gateway") == "said: [redacted]"
    assert blot("sk-proj-4711abcdef is unknown") == "[redacted] is unknown"
