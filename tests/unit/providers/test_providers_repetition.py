"""Reads of a learned shape: read without parsing, and never otherwise than the parser would."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from lens_gate.providers.base import Decoder, Event, Failure, Finish, ResponseHead, Token, Usage
from lens_gate.providers.decoding import PayloadDecoder
from lens_gate.providers.json_values import parse
from lens_gate.providers.repetition import NOTHING_ASIDE, PADDING, Asides, Repetition
from lens_gate.providers.select import provider_for
from lens_gate.providers.sse import SseDecoder
from lens_gate.simulator import wire_anthropic, wire_google, wire_openai_chat, wire_openai_responses
from lens_gate.simulator.dialogue import Answer, Ask, Counts, Identity, Piece, Wire
from lens_gate.vocabulary.requests import Api, FinishReason, TokenKind
from tests.recordings.recording import fed

HEAD = ResponseHead(status=200, headers={"content-type": "text/event-stream"})


def _read(text: str, **more: JsonValue) -> bytes:
    """Write one read of a chat stream; `more` stands in the payload."""
    payload = {"model": "m", "choices": [{"delta": {"content": text}}], **more}
    return b"data: " + orjson.dumps(payload) + b"\n\n"


def _learned(*reads: tuple[bytes, str]) -> Repetition:
    repetition = Repetition(PADDING)
    for data, text in reads:
        repetition.learn(data, [Token(TokenKind.TEXT, text)])
    return repetition


def _chat() -> Decoder:
    return provider_for(Api.OPENAI_CHAT).decoder(HEAD, stream=True)


def _texts(repetition: Repetition, *reads: bytes) -> Sequence[str]:
    run = repetition.run(reads)
    return () if run is None else run.texts


def _told(text: str) -> tuple[Event, ...]:
    return (Token(TokenKind.TEXT, text),)


def test_a_shape_is_trusted_from_its_second_text_on() -> None:
    assert _learned().read(_read("a")) is None
    assert _learned((_read("a"), "a")).read(_read("b")) is None
    assert _learned((_read("a"), "a"), (_read("a"), "a")).read(_read("b")) is None
    assert _learned((_read("a"), "a"), (_read("b"), "b")).read(_read("c")) == _told("c")


def test_several_texts_in_one_read_have_no_shape_and_change_nothing() -> None:
    repetition = _learned((_read("a"), "a"), (_read("b"), "b"))
    repetition.learn(_read("c") + _read("d"), [*_told("c"), *_told("d")])
    assert repetition.read(_read("e")) == _told("e")


def test_padding_of_any_length_is_no_part_of_the_shape() -> None:
    learned = _learned((_read("a", obfuscation="x1"), "a"), (_read("b", obfuscation="abcd"), "b"))
    assert learned.read(_read("c", obfuscation="")) == _told("c")
    assert learned.read(_read("c", obfuscation='"')) == _told("c")
    assert learned.read(_read("c", obfuscation="q", usage=None)) is None
    assert learned.read(_read("c", obfuscation="q").replace(b'"q"', b'"q""')) is None
    assert learned.read(_read("c", obfuscation="q").replace(b'"q"', b'"q"\n\n')) is None
    assert learned.read(_read("c", obfuscation="q").replace(b'"q"', b"[" * 500 + b"]" * 500)) is None


def test_reads_in_a_row_are_read_at_once_up_to_the_first_that_is_another() -> None:
    learned = _learned((_read("a"), "a"), (_read("b"), "b"))
    assert _texts(_learned((_read("a"), "a")), _read("c")) == ()
    assert _texts(learned, _read("c"), _read('"\n'), _read("é"), _read("d", usage=1), _read("e")) == ["c", '"\n', "é"]
    assert _texts(learned, _read("d", usage=1), _read("c")) == ()
    assert _texts(learned) == ()


def test_reads_in_a_row_may_have_other_padding_and_other_numbers() -> None:
    learned = _learned((_read("a", obfuscation="x1"), "a"), (_read("b", obfuscation="abcd"), "b"))
    assert _texts(learned, _read("c", obfuscation=""), _read("d", obfuscation=7)) == ["c", "d"]


@pytest.mark.parametrize(
    "padding",
    [(b'1,"obfuscation":[2', b"3]"), (b"[1,2", b"3]"), (b'"', b'"'), (b"1", b""), (b"{}", b"[]"), (b"1 2", b"3")],
)
def test_values_that_reach_over_several_reads_are_left_to_the_parser(padding: tuple[bytes, ...]) -> None:
    learned = _learned((_read("a", obfuscation="x1"), "a"), (_read("b", obfuscation="abcd"), "b"))
    reads = [_read("c", obfuscation="~").replace(b'"~"', one) for one in padding]
    assert _texts(learned, *reads) == ()


@pytest.mark.parametrize(
    "texts",
    [(b'a","b', b"c"), (b'a",["b', b'c"],"d'), (b"a\\", b"b"), (b'a",{"b":"c"},"d', b"e"), (b'a",', b',"b')],
    ids=["two values", "a list over two reads", "an escaped quote", "an object", "commas"],
)
def test_texts_that_reach_over_several_reads_are_left_to_the_parser(texts: tuple[bytes, ...]) -> None:
    learned = _learned((_read("a"), "a"), (_read("b"), "b"))
    assert _texts(learned, *(_read("~").replace(b"~", text) for text in texts)) == ()


def test_text_that_looks_like_padding_is_text() -> None:
    text = ',"obfuscation":"x"'
    learned = _learned((_read("a", obfuscation="x1"), "a"), (_read("b", obfuscation="y"), "b"))
    assert learned.read(_read(text, obfuscation="zz")) == _told(text)
    assert _learned((_read("a"), "a"), (_read("b"), "b")).read(_read(text)) == _told(text)


@pytest.mark.parametrize("text", ['with "quotes"', "two\nlines", "\\", "é", "😀", "data: x", '","', "\u2028"])
def test_text_of_any_kind_is_read_as_it_was_written(text: str) -> None:
    assert _learned((_read("a"), "a"), (_read("b"), "b")).read(_read(text)) == _told(text)


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
    [
        [],
        [Usage(input=1)],
        [Token(TokenKind.TEXT, "x"), Usage(input=1)],
        [Token(TokenKind.TEXT, "x", 2)],
        [Token(TokenKind.TEXT, "x"), Token(TokenKind.REASONING, "y")],
        [Token(TokenKind.TEXT, "x"), Finish(FinishReason.STOP, "stop")],
    ],
    ids=["nothing", "usage", "text with usage", "counted", "two kinds", "finish"],
)
def test_whatever_else_is_told_ends_the_trust(between: list[Event]) -> None:
    learned = _learned((_read("a"), "a"), (_read("b"), "b"))
    learned.learn(b"other", between)
    assert learned.read(_read("c")) is None


def test_a_token_of_another_kind_begins_another_shape() -> None:
    learned = _learned((_read("a"), "a"), (_read("b"), "b"))
    for text in ("x", "y"):
        learned.learn(_read(text), [Token(TokenKind.REASONING, text)])
    assert learned.read(_read("z")) == (Token(TokenKind.REASONING, "z"),)


class _Counting:
    """A dialect that counts what it is given to read."""

    def __init__(self, asides: Asides | None) -> None:
        self.asides = asides
        self.read_payloads = 0

    def read(self, payload: JsonValue) -> Sequence[Event]:
        self.read_payloads += 1
        return [Token(TokenKind.TEXT, str(payload))]

    def done(self) -> Sequence[Event]:
        return []

    def closed(self) -> Sequence[Event]:
        return []


@pytest.mark.parametrize(("asides", "parsed"), [(NOTHING_ASIDE, 2), (None, 6)])
def test_only_a_dialect_that_passes_text_on_is_spared_the_parsing(asides: Asides | None, parsed: int) -> None:
    dialect = _Counting(asides)
    reads = [b'data: "%c"\n\n' % letter for letter in b"abcdef"]
    told = fed(PayloadDecoder(SseDecoder(), dialect), reads)
    assert told == [Token(TokenKind.TEXT, letter) for letter in "abcdef"]
    assert dialect.read_payloads == parsed


def test_a_read_that_ends_inside_an_event_is_parsed() -> None:
    reads = [_read("a"), _read("b"), _read("c"), _read("d")[:-1], b"\n" + _read("e"), _read("f")]
    assert [event.text for event in fed(_chat(), reads) if isinstance(event, Token)] == list("abcdef")


def test_a_failure_of_the_usual_shape_is_still_one() -> None:
    reads = [_read("a"), _read("b"), _read("c"), _read("d", error="broken"), _read("e")]
    *tokens, failure = fed(_chat(), reads)
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


@given(st.lists(_CHAT | _CHAT | _CHAT | _OTHER, max_size=12))
def test_streams_of_similar_reads_are_read_as_if_each_was_parsed(reads: list[bytes]) -> None:
    parsed = [data[at : at + 1] for data in reads for at in range(len(data))]
    assert fed(_chat(), reads) == fed(_chat(), parsed)


def test_another_shape_that_tells_text_too_leaves_the_learned_one() -> None:
    learned = _learned((_read("a"), "a"), (_read("b"), "b"), (_read("c", index=1), "c"))
    assert learned.read(_read("d")) == _told("d")


WIRES: dict[Api, Wire] = {
    Api.OPENAI_CHAT: wire_openai_chat,
    Api.OPENAI_RESPONSES: wire_openai_responses,
    Api.ANTHROPIC: wire_anthropic,
    Api.GOOGLE: wire_google,
}


def _stream(api: Api, kinds: Sequence[TokenKind]) -> list[bytes]:
    """Tell an answer of pieces of these kinds in the simulator's frames, each of which is a read."""
    answer = Answer(
        pieces=[Piece(kind, f" word{number}", 1, 0.1 * number) for number, kind in enumerate(kinds)],
        opening_s=0.0,
        done_s=0.1 * len(kinds),
        finish=FinishReason.STOP,
        counts=Counts(prompt=10, output=len(kinds)),
    )
    ask = Ask(model="m", prompt="…", stream=True)
    return [frame.data for frame in WIRES[api].frames(ask, answer, Identity(1, 1_750_000_000))]


THINKING = [TokenKind.REASONING] * 4 + [TokenKind.TEXT] * 6
STREAMS = {api: _stream(api, THINKING) for api in WIRES}


def _decoded(api: Api, reads: Sequence[bytes]) -> list[Event]:
    return fed(provider_for(api).decoder(HEAD, stream=True), reads)


def _byte_by_byte(reads: Sequence[bytes]) -> list[bytes]:
    """Cut reads so that each event must be parsed."""
    return [data[at : at + 1] for data in reads for at in range(len(data))]


@pytest.mark.proving
@pytest.mark.parametrize("api", WIRES)
def test_nearly_all_of_a_stream_is_read_without_parsing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = _stream(api, [TokenKind.TEXT] * 100)
    parsed: list[bytes] = []

    def counting(data: bytes) -> JsonValue:
        parsed.append(data)
        return parse(data)

    monkeypatch.setattr("lens_gate.providers.decoding.parse", counting)
    events = _decoded(api, reads)
    assert sum(isinstance(event, Token) for event in events) == 100
    assert len(parsed) < 15
    assert events == _decoded(api, _byte_by_byte(reads))


def test_counts_that_come_with_each_text_are_told_as_they_change() -> None:
    usages = [event.output for event in _decoded(Api.GOOGLE, STREAMS[Api.GOOGLE]) if isinstance(event, Usage)]
    assert usages == list(range(1, 11))


@pytest.mark.parametrize("counts", [{"n": 1, "of": "x" * 800}, {"usageMetadata": {"n": 1}}])
def test_counts_that_are_long_or_stand_inside_others_of_their_name_give_no_shape(counts: JsonValue) -> None:
    repetition = Repetition({"usageMetadata": lambda _: [Usage(output=1)]})
    for text in "ab":
        repetition.learn(_read(text, usageMetadata=counts), [Token(TokenKind.TEXT, text), Usage(output=1)])
    assert repetition.read(_read("c", usageMetadata=counts)) is None


_BYTES = [b'"', b"\\", b"\n\n", b"\r", b" ", b"{", b"}", b"]", b",", b":", b"1", b"-", b"e9", b"null", b"\xff", b"\x00"]
_WORDS = [b"data: ", b'"error":1,', b'"usageMetadata":{"promptTokenCount":7},', b',"obfuscation":"', b"\\u0061"]
_MEMBERS = [b'"sequence_number":', b',"sequence_number":5', b'"text":"x"', b'"delta":"y"', b'"type":"error"', b"word"]
_DAMAGE = st.sampled_from([*_BYTES, *_WORDS, *_MEMBERS, b"[" * 600])


@st.composite
def _damaged(draw: st.DrawFn) -> tuple[Api, list[bytes]]:
    """Draw a stream in which reads are repeated, and damaged in the places where things change, or anywhere."""
    api = draw(st.sampled_from(list(WIRES)))
    whole = STREAMS[api]
    reads = []
    for number in draw(st.lists(st.integers(0, len(whole) - 1), max_size=8)):
        reads += whole[max(0, number - 3) : number + 1]
    for _ in range(draw(st.integers(0, 3)) if reads else 0):
        which = draw(st.integers(0, len(reads) - 1))
        data = reads[which]
        near = draw(st.sampled_from([b"word", b"number", b"TokenCount", b"usage", b"delta", b"data", b"\n"]))
        at = data.find(near) + draw(st.integers(0, 24)) if near in data else draw(st.integers(0, len(data)))
        reads[which] = data[:at] + draw(_DAMAGE) + data[at + draw(st.integers(0, 3)) :]
    return api, reads


@given(_damaged())
def test_damaged_streams_of_every_dialect_are_read_as_if_each_event_was_parsed(stream: tuple[Api, list[bytes]]) -> None:
    api, reads = stream
    assert _decoded(api, reads) == _decoded(api, _byte_by_byte(reads))
