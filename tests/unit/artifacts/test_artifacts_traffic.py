"""Recorded traffic of every format, written by hand: what is read, and what is said where it is damaged."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import islice, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.artifacts.traffic import reading
from lens_gate.artifacts.traffic.call import Call
from lens_gate.artifacts.traffic.formats import WAITING, in_order, opened
from lens_gate.artifacts.traffic.reading import documents, lines
from lens_gate.errors import ArtifactCorrupt, ArtifactProblem, LensGateError
from lens_gate.vocabulary.logs import LogFormat

AZURE = (
    b"TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 18:17:04.5,31,7\r\n"
)
BURSTGPT = (
    b"Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    b"5.5,1,2.5,ChatGPT,472,18,490,Conversation log\n45,2,1,GPT-4,1087,0,1087,API log\n"
)
MOONCAKE = (
    b'{"timestamp": 0, "input_length": 1100, "output_length": 9, "hash_ids": [4, 5, 6]}\n'
    b'{"timestamp": 27.5, "input_length": 600, "output_length": 2, "hash_ids": [4, 9]}\n'
)
LOG = [
    {"timestamp": "2024-01-15T10:30:00Z", "model": "gpt-small", "prompt": "Hello", "max_tokens": 20},
    {
        "timestamp": 1705314601.5,
        "provider": "anthropic",
        "request": {"model": "claude-x", "messages": [{"role": "user", "content": "Hi"}], "system": "Be brief."},
        "response": {"usage": {"input_tokens": 12, "output_tokens": 3}},
    },
    {"ts": 1705314602000, "prompt_tokens": 40, "completion_tokens": 0, "error": "overloaded"},
]
OTEL = {
    "resourceSpans": [
        {
            "scopeSpans": [
                {
                    "spans": [
                        {"startTimeUnixNano": "1705314600000000000", "attributes": attributes}
                        for attributes in (
                            [
                                {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                                {"key": "gen_ai.provider.name", "value": {"stringValue": "gcp.gemini"}},
                                {"key": "gen_ai.request.model", "value": {"stringValue": "gemini-x"}},
                                {"key": "gen_ai.request.max_tokens", "value": {"intValue": "64"}},
                                {"key": "gen_ai.request.temperature", "value": {"doubleValue": 0.5}},
                                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "30"}},
                                {"key": "gen_ai.usage.output_tokens", "value": {"intValue": 8}},
                            ],
                            [{"key": "gen_ai.operation.name", "value": {"stringValue": "execute_tool"}}],
                            [{"key": "http.method", "value": {"stringValue": "GET"}}],
                        )
                    ]
                }
            ]
        }
    ]
}


def as_lines(entries: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


def read(data: bytes, form: LogFormat | None = None) -> tuple[LogFormat, list[Call]]:
    found, calls = opened([data], name="log", form=form)
    return found, list(calls)


def refused(data: bytes, form: LogFormat | None = None) -> LensGateError:
    with pytest.raises(ArtifactProblem) as caught:
        read(data, form)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value


def counts(calls: list[Call]) -> list[tuple[int | None, int | None]]:
    return [(call.input_tokens, call.output_tokens) for call in calls]


def seconds(calls: list[Call]) -> list[float]:
    return [(call.at_ns - calls[0].at_ns) / 1e9 for call in calls]


def test_azure_gives_times_and_counts() -> None:
    form, calls = read(AZURE)
    assert (form, counts(calls), seconds(calls)) == (LogFormat.AZURE, [(4808, 10), (31, 7)], [0, 0.52004])
    assert [call.place for call in calls] == ["log:2", "log:3"]


def test_azure_of_2024_names_its_zone() -> None:
    head = b"TIMESTAMP,ContextTokens,GeneratedTokens\n"
    _, calls = read(head + b"2024-05-10 00:00:00.009930+00:00,2162,5\n2024-05-10 00:00:01+00:00,1,5\n")
    assert seconds(calls) == [0, 0.99007]


def test_burstgpt_without_an_answer_is_a_failure_and_cannot_be_played() -> None:
    form, calls = read(BURSTGPT)
    assert (form, seconds(calls), [call.model for call in calls]) == (
        LogFormat.BURSTGPT,
        [0, 39.5],
        ["ChatGPT", "GPT-4"],
    )
    assert [call.playable for call in calls] == [True, False]


def test_mooncake_gives_the_blocks_of_its_prefixes() -> None:
    form, calls = read(MOONCAKE)
    assert (form, seconds(calls), counts(calls)) == (LogFormat.MOONCAKE, [0, 0.0275], [(1100, 9), (600, 2)])
    assert [call.blocks for call in calls] == [(4, 5, 6), (4, 9)]


def test_a_production_log_gives_prompts_where_it_has_them() -> None:
    form, calls = read(as_lines(LOG))
    assert (form, seconds(calls)) == (LogFormat.LOG, [0, 1.5, 2])
    first, second, third = calls
    assert (first.messages, first.model, first.max_tokens) == ((("user", "Hello"),), "gpt-small", 20)
    assert (second.messages, second.system) == ((("user", "Hi"),), "Be brief.")
    assert (second.provider, second.model, second.output_tokens) == ("anthropic", "claude-x", 3)
    assert [call.playable for call in calls] == [True, True, False]
    assert third.input_tokens == 40


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_production_log_may_be_one_document(indent: int | None, wrapped: bool) -> None:
    data = json.dumps({"version": 1, "requests": LOG} if wrapped else LOG, indent=indent).encode()
    form, calls = read(data)
    assert (form, [call.model for call in calls]) == (LogFormat.LOG, ["gpt-small", "claude-x", None])
    if indent and not wrapped:
        assert [call.place for call in calls] == ["log:2", "log:8", "log:28"]


def test_a_system_prompt_in_blocks_is_its_text() -> None:
    entry = {"time": 1, "prompt": "x", "system": [{"type": "text", "text": "Be"}, {"type": "text", "text": "brief."}]}
    assert read(as_lines([entry]))[1][0].system == "Be\nbrief."


@pytest.mark.parametrize("indent", [None, 1])
def test_spans_of_model_calls_are_found_among_others(indent: int | None) -> None:
    form, calls = read(json.dumps(OTEL, indent=indent).encode())
    (call,) = calls
    assert (form, call.provider, call.model, counts(calls)) == (LogFormat.OTEL, "google", "gemini-x", [(30, 8)])
    assert (call.max_tokens, call.temperature, call.messages) == (64, 0.5, ())


def a_span(**attributes: object) -> bytes:
    listed = [{"key": name.replace("__", "."), "value": value} for name, value in attributes.items()]
    listed.append({"key": "gen_ai.request.model", "value": {"stringValue": "m"}})
    spans = [{"startTimeUnixNano": 5, "attributes": listed}]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


def test_recorded_messages_are_read_in_the_new_form_and_in_the_old_one() -> None:
    turns = [{"role": "user", "parts": [{"type": "text", "content": "Hi"}, {"type": "blob"}]}]
    new = a_span(
        gen_ai__input__messages={"stringValue": json.dumps(turns)},
        gen_ai__system_instructions={"stringValue": json.dumps([{"type": "text", "content": "Be brief."}])},
    )
    (call,) = read(new)[1]
    assert (call.messages, call.system) == ((("user", "Hi"),), "Be brief.")
    old = a_span(
        gen_ai__prompt__0__role={"stringValue": "user"},
        gen_ai__prompt__0__content={"stringValue": "Hello"},
        gen_ai__prompt__1__content={"stringValue": "again"},
    )
    assert read(old)[1][0].messages == (("user", "Hello"), ("user", "again"))
    structured = {"values": [{"kvlistValue": {"values": [{"key": "role", "value": {"stringValue": "tool"}}]}}]}
    assert read(a_span(gen_ai__input__messages={"arrayValue": structured}))[1][0].messages == (("tool", ""),)


def test_what_an_attribute_does_not_say_is_not_known() -> None:
    (call,) = read(
        a_span(gen_ai__usage__input_tokens={"boolValue": True}, gen_ai__usage__output_tokens={"bytes": "x"})
    )[1]
    assert (call.input_tokens, call.output_tokens, call.playable) == (None, None, False)


def test_a_log_may_be_gzipped_in_several_members() -> None:
    head, *rows = AZURE.splitlines(keepends=True)
    data = b"".join(map(gzip.compress, [head, *rows]))
    assert read(data) == read(AZURE)
    assert "cut short" in refused(data[:-9]).message
    packed = bytearray(gzip.compress(AZURE))
    packed[-8] ^= 1
    assert "damaged" in refused(bytes(packed)).message


DAMAGED = [
    (b"", "log", "the file is empty"),
    (b"\n \n", "log", "the file is empty"),
    (b"hello\nworld\n", "log", "this is no log"),
    (AZURE + b"2023-11-16 18:17:05,12\n", "log:4", "2 cells"),
    (AZURE + b"yesterday,1,2\n", "log:4", "'yesterday' is no time"),
    (AZURE + b"2023-11-16 18:17:05,many,2\n", "log:4", "`ContextTokens`: 'many'"),
    (AZURE + b"2023-11-16 18:17:05,1,-2\n", "log:4", "`GeneratedTokens`: '-2'"),
    (AZURE + b'"2023-11-16,1,2\n', "log:4", "cells"),
    (AZURE + b"\xff,1,2\n", "log:4", "no line of a table"),
    (BURSTGPT + b"nan,1,1,m,1,1,2,API log\n", "log:4", "`Timestamp`: 'nan'"),
    (BURSTGPT + b"soon,1,1,m,1,1,2,API log\n", "log:4", "`Timestamp`: 'soon'"),
    (MOONCAKE + b'{"timestamp": 30, "input_length": 1}\n', "log:3", "there is no `output_length`"),
    (MOONCAKE + b'{"timestamp": 30, "input\n', "log:3", "cut short or damaged"),
    (MOONCAKE + b'{"timestamp":30,"input_length":5,"output_length":1,"hash_ids":[1,2]}', "log:3", "hold more than 5"),
    (as_lines(LOG) + b'{"timestamp": "noon", "prompt": "x"}\n', "log:4", "`timestamp`"),
    (as_lines(LOG) + b'{"timestamp": true, "prompt": "x"}\n', "log:4", "neither an RFC 3339 time"),
    (as_lines(LOG) + b'{"timestamp": 1e30, "prompt": "x"}\n', "log:4", "neither an RFC 3339 time"),
    (as_lines(LOG) + b'{"prompt": "x"}\n', "log:4", "there is no `timestamp`"),
    (as_lines(LOG) + b"{not JSON}\n", "log:4", "expected a string key at character 2"),
    (b'[\n{"timestamp": 1,\n"prompt": }]', "log:2", "at line 2 of it, character 11"),
    (as_lines(LOG) + b"[1, 2]\n", "log:4", "no JSON object"),
    (b'{"requests": [1]}', "log:1, entry 1", "no JSON object"),
    (b'[\n{"timestamp": 1, "prompt": "x"},\n{"timestamp": 2', "log:3", "cut short"),
    (b'[\n{"timestamp": 1, "prompt": "x"},\n17]', "log:3", "neither a JSON object"),
    (b'[\n{"timestamp": 1, "prompt": "x\\', "log:2", "cut short"),
    (a_span(gen_ai__input__messages={"stringValue": "[oh"}), "log:1, span 1", "not JSON"),
    (b'{"resourceSpans": [{"scopeSpans": 3}]}', "log:1", "`resourceSpans.0.scopeSpans`"),
]


@pytest.mark.parametrize(("data", "place", "message"), DAMAGED)
def test_damage_is_named_with_its_line(data: bytes, place: str, message: str) -> None:
    problem = refused(data)
    assert message in problem.message
    assert problem.place == place


def test_a_forced_format_says_what_the_file_lacks() -> None:
    assert "there is no column TIMESTAMP" in refused(BURSTGPT, LogFormat.AZURE).message
    assert "there is no `input_length`" in refused(as_lines(LOG), LogFormat.MOONCAKE).message
    assert "there is no `resourceSpans`" in refused(MOONCAKE, LogFormat.OTEL).message


@pytest.mark.parametrize("begin", [as_lines(LOG[:1]), b'[{"a": "'])
def test_a_line_without_end_takes_bounded_memory(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_BYTES", 1024)
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield begin
        for piece in repeat(b"x" * 512):
            taken += 1
            yield piece

    with pytest.raises(ArtifactCorrupt, match="longer than"):
        list(opened(endless(), name="log", form=LogFormat.LOG)[1])
    assert taken < 8


def test_a_log_is_read_as_it_is_taken() -> None:
    def endless() -> Iterator[bytes]:
        yield b"TIMESTAMP,ContextTokens,GeneratedTokens\n"
        yield from repeat(b"2023-11-16 18:17:05,1,2\n")

    _, calls = opened(endless(), name="log", form=None)
    assert len(list(islice(calls, 10))) == 10


@settings(max_examples=60, deadline=None)
@given(at=st.lists(st.integers(0, 50), max_size=30))
def test_requests_come_in_the_order_of_their_times(at: list[int]) -> None:
    calls = [Call(place=f"log:{number}", at_ns=time) for number, time in enumerate(at)]
    assert list(in_order(calls)) == sorted(calls, key=lambda call: call.at_ns)


def test_a_request_that_comes_too_late_in_the_file_is_an_error() -> None:
    assert WAITING >= 1000
    calls = [Call(place=f"log:{number}", at_ns=time) for number, time in enumerate([5, 6, 7, 1])]
    assert [call.at_ns for call in in_order(calls, waiting=3)] == [1, 5, 6, 7]
    with pytest.raises(ArtifactProblem, match="earlier") as caught:
        list(in_order(calls, waiting=2))
    assert caught.value.place == "log:3"


PARTS = st.text('{}[]"\\ ,\n:ab', max_size=6)


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.dictionaries(PARTS, PARTS | st.lists(PARTS, max_size=2), max_size=3), max_size=4), data=st.data()
)
def test_objects_are_found_however_the_file_is_laid_out_and_cut(
    values: list[dict[str, object]], data: st.DataObject
) -> None:
    text = json.dumps(values, indent=data.draw(st.sampled_from([None, 1]))).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found = list(documents(reading.Beginning(line=b"[", seen=b"", pieces=iter(pieces)), name="log"))
    assert [json.loads(line.data) for line in found] == values
    split = list(lines(pieces, name="log"))
    assert [line.data for line in split] == [line.strip() for line in text.split(b"\n") if line.strip()]
