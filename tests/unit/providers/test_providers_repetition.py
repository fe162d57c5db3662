"""Reads of a learned shape: read without parsing, and never otherwise than the parser would."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from lens_gate.providers.base import Decoder, Event, Failure, ResponseHead, Token, Usage
from lens_gate.providers.decoding import PayloadDecoder
from lens_gate.providers.repetition import Repetition
from lens_gate.providers.select import provider_for
from lens_gate.providers.sse import SseDecoder
from lens_gate.vocabulary.requests import Api, TokenKind

HEAD = ResponseHead(status=200, headers={"content-type": "text/event-stream"})


def _read(text: str, **more: JsonValue) -> bytes:
    """Write one read of a chat stream; `more` stands in the payload."""
    payload = {"model": "m", "choices": [{"delta": {"content": text}}], **more}
    return b"data: " + orjson.dumps(payload) + b"\n\n"


def _learned(*reads: tuple[bytes, str]) -> Repetition:
    repetition = Repetition()
    for data, text in reads:
        repetition.learn(data, [Token(TokenKind.TEXT, text)])
    return repetition


def _chat() -> Decoder:
    return provider_for(Api.OPENAI_CHAT).decoder(HEAD, stream=True)


def _fed(decoder: Decoder, reads: Sequence[bytes]) -> list[Event]:
    return [*(event for data in reads for event in decoder.feed(data)), *decoder.close()]


def test_a_shape_is_trusted_from_its_second_text_on() -> None:
    assert _learned().read(_read("a")) is None
    assert _learned((_read("a"), "a")).read(_read("b")) is None
    assert _learned((_read("a"), "a"), (_read("a"), "a")).read(_read("b")) is None
    assert _learned((_read("a"), "a"), (_read("b"), "b")).read(_read("c")) == Token(TokenKind.TEXT, "c")


def test_padding_of_any_length_is_no_part_of_the_shape() -> None:
    learned = _learned((_read("a", obfuscation="x1"), "a"), (_read("b", obfuscation="abcd"), "b"))
    assert learned.read(_read("c", obfuscation="")) == Token(TokenKind.TEXT, "c")
    assert learned.read(_read("c", obfuscation="q", usage=None)) is None
    assert learned.read(_read("c", obfuscation='"')) is None


def test_text_that_looks_like_padding_is_text() -> None:
    text = ',"obfuscation":"x"'
    learned = _learned((_read("a", obfuscation="x1"), "a"), (_read("b", obfuscation="y"), "b"))
    assert learned.read(_read(text, obfuscation="zz")) == Token(TokenKind.TEXT, text)
    assert _learned((_read("a"), "a"), (_read("b"), "b")).read(_read(text)) == Token(TokenKind.TEXT, text)


@pytest.mark.parametrize("text", ['with "quotes"', "two\nlines", "\\", "é", "😀", "data: x", '","', "\u2028"])
def test_text_of_any_kind_is_read_as_it_was_written(text: str) -> None:
    assert _learned((_read("a"), "a"), (_read("b"), "b")).read(_read(text)) == Token(TokenKind.TEXT, text)


@pytest.mark.parametrize(
    "text",
    [b"", b'a","x":"b', b"a\n\ndata: b", b"\\", b"\xff", b"\\ud800", b'a"', b'"a', b"a" * 70_000],
    ids=["empty", "two values", "two events", "escape", "bytes", "half a pair", "end quote", "start quote", "long"],
)
def test_what_is_no_whole_string_in_the_place_of_the_text_is_left_to_the_parser(text: bytes) -> None:
    data = _read("~").replace(b"~", text)
    assert _learned((_read("a"), "a"), (_read("b"), "b")).read(data) is None


def test_another_shape_is_left_to_the_parser() -> None:
    learned = _learned((_read("a"), "a"), (_read("b"), "b"))
    assert learned.read(_read("c", usage={"prompt_tokens": 1})) is None
    assert learned.read(_read("c")[:-1]) is None
    assert learned.read(b"") is None


def test_bytes_that_do_not_follow_the_text_are_never_trusted() -> None:
    """The text stands in an escape, and the same characters in a name: another name is no other text."""
    first, second = (b'{"id":"%b","content":"\\u0061"}' % name for name in (b"a", b"b"))
    assert _learned((first, "a"), (second, "a")).read(second) is None


def test_text_that_stands_at_two_places_is_no_shape() -> None:
    learned = _learned((_read("m"), "m"), (_read("b"), "b"))
    assert learned.read(_read("c")) is None


@pytest.mark.parametrize(
    "between",
    [[], [Usage(input=1)], [Token(TokenKind.TEXT, "x", 2)], [Token(TokenKind.TEXT, "x"), Token(TokenKind.TEXT, "y")]],
    ids=["nothing", "usage", "counted", "two"],
)
def test_whatever_else_is_told_ends_the_trust(between: list[Event]) -> None:
    learned = _learned((_read("a"), "a"), (_read("b"), "b"))
    learned.learn(b"other", between)
    assert learned.read(_read("c")) is None


def test_a_token_of_another_kind_begins_another_shape() -> None:
    learned = _learned((_read("a"), "a"), (_read("b"), "b"))
    for text in ("x", "y"):
        learned.learn(_read(text), [Token(TokenKind.REASONING, text)])
    assert learned.read(_read("z")) == Token(TokenKind.REASONING, "z")


class _Counting:
    """A dialect that counts what it is given to read."""

    def __init__(self, *, verbatim: bool) -> None:
        self.verbatim = verbatim
        self.read_payloads = 0

    def read(self, payload: JsonValue) -> Sequence[Event]:
        self.read_payloads += 1
        return [Token(TokenKind.TEXT, str(payload))]

    def done(self) -> Sequence[Event]:
        return []

    def closed(self) -> Sequence[Event]:
        return []


@pytest.mark.parametrize(("verbatim", "parsed"), [(True, 2), (False, 6)])
def test_only_a_dialect_that_passes_text_on_is_spared_the_parsing(*, verbatim: bool, parsed: int) -> None:
    dialect = _Counting(verbatim=verbatim)
    reads = [b'data: "%c"\n\n' % letter for letter in b"abcdef"]
    told = _fed(PayloadDecoder(SseDecoder(), dialect), reads)
    assert told == [Token(TokenKind.TEXT, letter) for letter in "abcdef"]
    assert dialect.read_payloads == parsed


def test_a_read_that_ends_inside_an_event_is_parsed() -> None:
    reads = [_read("a"), _read("b"), _read("c"), _read("d")[:-1], b"\n" + _read("e"), _read("f")]
    assert [event.text for event in _fed(_chat(), reads) if isinstance(event, Token)] == list("abcdef")


def test_a_failure_of_the_usual_shape_is_still_one() -> None:
    reads = [_read("a"), _read("b"), _read("c"), _read("d", error="broken"), _read("e")]
    *tokens, failure = _fed(_chat(), reads)
    assert len(tokens) == 4  # the model, and what was generated before
    assert isinstance(failure, Failure)


_TEXTS = st.text(max_size=3) | st.sampled_from(["a", "m", '"', "\\", "stop", "\n\n", "error", "data: "])
_CHAT = st.builds(
    lambda text, more: _read(text, **more),
    _TEXTS,
    st.sampled_from(
        [{}, {}, {}, {"model": "n"}, {"usage": {"prompt_tokens": 3}}, {"usage": {"completion_tokens": 1}}, {"error": 1}]
    ),
)
_OTHER = st.sampled_from(
    [
        b"data: [DONE]\n\n",
        b": ping\n\n",
        b"event: error\ndata: 1\n\n",
        b"\n",
        b"data: {",
        b"junk\n\n",
        b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n',
        b'data: {"model":"m","choices":[{"finish_reason":"stop"}]}\r\n\r\n',
        b'data: {"model":"m","choices":[{"delta":{"tool_calls":[{"function":{"arguments":"a"}}]}}]}\n\n',
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_CHAT | _CHAT | _CHAT | _OTHER, max_size=12))
def test_streams_of_similar_reads_are_read_as_if_each_was_parsed(reads: list[bytes]) -> None:
    parsed = [data[at : at + 1] for data in reads for at in range(len(data))]
    assert _fed(_chat(), reads) == _fed(_chat(), parsed)


def test_another_shape_that_tells_text_too_leaves_the_learned_one() -> None:
    learned = _learned((_read("a"), "a"), (_read("b"), "b"), (_read("c", index=1), "c"))
    assert learned.read(_read("d")) == Token(TokenKind.TEXT, "d")
