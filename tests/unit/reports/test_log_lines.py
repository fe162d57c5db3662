"""Lines of a log: their three forms, and that no text forges a line or a field."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.reports.log_lines import LONGEST, Field, Level, LogEntry, LogFormat, log_line

AT = datetime(2026, 3, 2, 10, 4, 5, 67_800, tzinfo=UTC)
FORGED = 'ok" level=error\n10:04:06.000 error forged \x1b[31m\u2028\u202e\x7f\x85'
PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s"]+)(?: +|$)')


def entry(level: Level = "info", message: str = "run begins", **fields: Field) -> LogEntry:
    return LogEntry(AT, level, message, fields)


SHOWN: dict[LogFormat, str] = {
    "json": '{"time": "2026-03-02T10:04:05.067Z", "level": "info", "message": "run begins", "id": "b1", "base": null, '
    '"usd": 0.125, "valid": true, "text": "two words", "sent": 40}',
    "pretty": '10:04:05.067 info  run begins  id=b1  usd=0.125  valid=true  text="two words"  sent=40',
    "compact": 'time=2026-03-02T10:04:05.067Z level=info message="run begins" id=b1 usd=0.125 valid=true '
    'text="two words" sent=40',
}


@pytest.mark.parametrize(("form", "line"), SHOWN.items())
def test_an_entry_has_three_forms(form: LogFormat, line: str) -> None:
    assert log_line(entry(id="b1", base=None, usd=0.125, valid=True, text="two words", sent=40), form) == line


@pytest.mark.parametrize("form", ["json", "pretty", "compact"])
@given(message=st.text(), value=st.text())
def test_whatever_text_comes_it_stays_one_line_that_a_terminal_shows_as_it_is(
    form: LogFormat, message: str, value: str
) -> None:
    line = log_line(entry(message=message, value=value), form)
    assert line.isprintable()
    assert len(line.splitlines()) == 1


@given(message=st.text(), value=st.text(max_size=LONGEST))
def test_json_gives_back_what_was_logged(message: str, value: str) -> None:
    read = json.loads(log_line(entry(message=message, value=value), "json"))
    assert (read["value"], read["level"]) == (value, "info")


@given(value=st.text(max_size=200) | st.sampled_from([FORGED, "a=b", "", '"', "\\"]))
def test_a_value_never_passes_for_another_field(value: str) -> None:
    line = log_line(entry(value=value, last=1), "compact")
    assert [name for name, _ in PAIR.findall(line)] == ["time", "level", "message", "value", "last"]
    assert PAIR.sub("", line) == ""


def test_a_forged_line_is_shown_for_what_it_is() -> None:
    line = log_line(entry(message="requests failed", example=FORGED), "pretty")
    assert line == (
        '10:04:05.067 info  requests failed  example="ok\\" level=error\\n10:04:06.000 error forged '
        '\\x1b[31m\\u2028\\u202e\\x7f\\x85"'
    )


@pytest.mark.parametrize("form", ["json", "pretty", "compact"])
def test_a_long_text_is_cut(form: LogFormat) -> None:
    line = log_line(entry(message="m" * 9000, bare="b" * 9000, quoted="q " * 9000), form)
    assert 3 * LONGEST < len(line) + 3 < 3 * LONGEST + 200


@pytest.mark.parametrize(("value", "text"), [(float("nan"), '"nan"'), (float("inf"), '"inf"'), (2.5, "2.5")])
def test_json_holds_no_number_that_json_does_not_know(value: float, text: str) -> None:
    assert log_line(entry(value=value), "json").endswith(f'"value": {text}}}')
