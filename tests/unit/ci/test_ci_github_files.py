from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lens_gate.ci.github.commands import PER_LEVEL, annotation_commands, output_lines
from lens_gate.ci.github.files import SUMMARY_BYTES, RunnerFiles
from lens_gate.ci.log_text import in_log
from lens_gate.errors import PublishFailed
from lens_gate.vocabulary.publishing import Annotation, Level, Publication
from tests.fakes.github_runner import Command, Runner, commands_in, outputs_in

ON_GITHUB = {"GITHUB_ACTIONS": "true"}
HOSTILE = st.text(max_size=40) | st.text(alphabet=":#[]=,;%\r\n\u2028 adst-%0A", max_size=40)


def a_note(title: str = "t", message: str = "m", level: Level = Level.ERROR, path: str | None = "a.yaml") -> Annotation:
    return Annotation(level=level, title=title, message=message, path=path, line=3)


def files(runner: Runner, shown: list[str] | None = None) -> RunnerFiles:
    lines: list[str] = [] if shown is None else shown
    return RunnerFiles(environment=runner.environment(), show=lines.append, draw=lambda: "0123456789abcdef")


@given(title=HOSTILE, message=HOSTILE, path=HOSTILE)
@example(title="a,line=1::", message="::add-mask::x", path="x\n::stop-commands::y")
def test_an_annotation_is_one_command_with_exactly_its_texts(title: str, message: str, path: str) -> None:
    (line,) = annotation_commands([a_note(title, message, path=path)])
    (command,) = commands_in(line)
    where = {"file": path, "line": "3"} if path else {}
    told = {**where, "title": title}
    assert command.name == "error"
    assert command.properties == {name: value for name, value in told.items() if value}
    assert command.message == message


def test_of_each_level_as_many_are_shown_as_github_shows_and_the_rest_is_counted() -> None:
    notes = [a_note(level=level) for level in Level for _ in range(PER_LEVEL + 5)]
    commands = commands_in("\n".join(annotation_commands(notes)))
    assert len(commands) == 3 * PER_LEVEL
    assert [one for one in commands if one.message.startswith("6 more")] == [
        Command(level.value, {"title": "lens-gate"}, "6 more of this kind stand in the summary.") for level in Level
    ]
    assert len(annotation_commands([a_note()] * PER_LEVEL)) == PER_LEVEL


@given(values=st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]*", fullmatch=True), HOSTILE, max_size=4))
@example(values={"verdict": "pass\nlens-gate-0\nevil=1"})
def test_outputs_hold_exactly_their_values_whatever_lines_they_have(values: dict[str, str]) -> None:
    told = {name: value.replace("\r", " ") for name, value in values.items()}
    assert outputs_in(output_lines(told, "lens-gate-5f0c")) == told


@pytest.mark.parametrize(("name", "value"), [("Bad Name", "x"), ("a=b", "x"), ("ok", "a lens-gate-5f0c b")])
def test_a_name_or_value_that_would_end_its_block_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        output_lines({name: value}, "lens-gate-5f0c")


@given(text=HOSTILE)
@example(text="::set-output name=verdict::pass")
@example(text="fine\n  ::add-mask::e")
@example(text="model ##[set-env name=PATH;]/tmp")
@example(text="a\r::stop-commands::x")
def test_no_line_of_a_text_in_the_log_is_a_command(text: str) -> None:
    shown = in_log(text, ON_GITHUB)
    assert commands_in(shown) == []
    assert shown.replace("\u200b", "") == text.replace("\u200b", "")
    assert in_log(text, {}) == text


def test_what_would_be_a_command_is_shown_as_it_is_only_where_no_runner_reads_it() -> None:
    text = "fine\n ::add-mask::e and ##[set-env]"
    assert in_log(text, ON_GITHUB) == "fine\n \u200b::add-mask::e and ##\u200b[set-env]"
    assert in_log(text, {}) == text


def test_the_summary_grows_and_stays_below_what_github_takes(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    files(runner).write_summary("one")
    files(runner).write_summary("two")
    assert runner.summary == "one\n\ntwo\n\n"
    with pytest.raises(PublishFailed, match="larger than"):
        files(runner).write_summary("x" * SUMMARY_BYTES)
    assert runner.summary == "one\n\ntwo\n\n"


def test_outside_of_a_step_it_is_said_which_variable_is_missing(tmp_path: Path) -> None:
    outside = RunnerFiles(environment={}, show=print, draw=str)
    assert "GITHUB_STEP_SUMMARY" in (outside.obstacle(Publication.SUMMARY) or "")
    assert outside.obstacle(Publication.ANNOTATIONS) is None
    with pytest.raises(PublishFailed, match="GITHUB_OUTPUT"):
        outside.write_outputs({"verdict": "pass"})


def test_a_file_that_cannot_be_written_is_a_failure_to_publish(tmp_path: Path) -> None:
    runner = Runner(tmp_path, changes={"GITHUB_OUTPUT": str(tmp_path)})
    with pytest.raises(PublishFailed, match="cannot be written"):
        files(runner).write_outputs({"verdict": "pass"})


def test_annotations_are_printed(tmp_path: Path) -> None:
    shown: list[str] = []
    files(Runner(tmp_path), shown).annotate([a_note(), a_note(level=Level.NOTICE)])
    assert [one.name for one in commands_in("\n".join(shown))] == ["error", "notice"]
