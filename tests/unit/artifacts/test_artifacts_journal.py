from __future__ import annotations

import gzip
from dataclasses import asdict
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.compressed import compress
from lens_gate.artifacts.journal import (
    BLOCK_REQUESTS,
    BlockPacking,
    JournalHeader,
    Stretch,
    decode_journal,
    encode_block,
    encode_blocks,
    encode_end,
    encode_header,
    encode_look,
    encode_promise,
    encode_segment,
    is_journal,
)
from lens_gate.artifacts.migrations import Document
from lens_gate.artifacts.samples import SAMPLE_HINTS, Attempt, Sample, Samples
from lens_gate.errors import ArtifactCorrupt, ArtifactTooNew
from lens_gate.vocabulary.requests import ErrorClass
from tests.builders import a_sample
from tests.unit.artifacts.artifact_examples import duet_rows
from tests.unit.artifacts.sample_strategies import same, sample_rows

HEAD: dict[str, Any] = {"plan": {"seed": 7}, "arms": ["base", None]}
ATTEMPTS = (
    Attempt(index=3, attempt=1, sent_ns=5, end_ns=9, backoff_ns=0, http_status=500, error_class=ErrorClass.API_ERROR),
    Attempt(index=3, attempt=2, sent_ns=None, end_ns=None, backoff_ns=7, http_status=None, error_class=ErrorClass.NONE),
)
ROWS = duet_rows(pairs=6)


def parts() -> list[bytes]:
    blocks = [Samples.of(ROWS[:5]), Samples.of(ROWS[5:9]), Samples.of(ROWS[9:])]
    return [encode_header(run="bench-1", run_head=HEAD), *(encode_block(block) for block in blocks)]


@given(st.lists(sample_rows(max_size=3), max_size=3), st.integers(1, 500))
def test_a_journal_comes_back_whatever_the_pieces(blocks: list[list[Sample]], size: int) -> None:
    data = encode_header(run="r", run_head=HEAD) + b"".join(encode_block(Samples.of(rows)) for rows in blocks)
    contents = decode_journal((data[start : start + size] for start in range(0, len(data), size)), name="x")
    assert contents.header == JournalHeader(run="r", run_head=HEAD)
    assert same(contents.samples, Samples.of([row for rows in blocks for row in rows]))
    assert not contents.truncated


def test_what_became_of_a_run_stands_between_its_blocks() -> None:
    head, first, second, _ = parts()
    notes = [encode_promise(8), encode_segment("again"), encode_promise(12), encode_look({"share": 0.5})]
    contents = decode_journal([head, first, *notes, second], name="x")
    assert contents.stretches == (
        Stretch(note=None, requests=5, through=8),
        Stretch(note="again", requests=4, through=12),
    )
    assert (contents.looks, contents.end) == (({"share": 0.5},), None)


def test_who_came_to_the_end_promises_nothing_and_who_went_on_after_it_has_not_come_to_it() -> None:
    ended = [*parts(), encode_promise(40), encode_end("all were sent")]
    contents = decode_journal(ended, name="x")
    assert (contents.stretches[-1].through, contents.end) == (0, "all were sent")
    assert decode_journal([*ended, encode_segment("again")], name="x").end is None


def test_a_journal_is_known_by_its_beginning_packed_or_not() -> None:
    head = encode_header(run="bench-1")
    assert is_journal(head)
    assert is_journal(gzip.decompress(head))
    assert not is_journal(compress(b'{"kind":"run"}'))


@given(sample_rows(max_size=6))
def test_a_block_that_is_packed_by_steps_is_the_same_line_whatever_it_holds(rows: list[Sample]) -> None:
    packed_by_steps_as_at_once(rows)


def test_a_block_that_is_packed_by_steps_is_the_same_line() -> None:
    packed_by_steps_as_at_once(ROWS)


def packed_by_steps_as_at_once(rows: list[Sample]) -> None:
    packing = BlockPacking(rows, ATTEMPTS)
    steps = [packing.step() for _ in SAMPLE_HINTS]
    assert steps == [None] * len(SAMPLE_HINTS)
    packed = packing.step()
    assert packed is not None
    assert gzip.decompress(packed) == gzip.decompress(encode_block(Samples.of(rows), attempts=ATTEMPTS))


def test_a_count_that_is_too_large_is_refused_as_in_a_whole_block() -> None:
    packing = BlockPacking([a_sample(input_tokens=2**53)])
    for _ in range(list(SAMPLE_HINTS).index("input_tokens")):
        assert packing.step() is None
    with pytest.raises(ValueError, match="input_tokens"):
        packing.step()


def test_each_line_is_readable_with_gzip_and_any_json_reader() -> None:
    lines = gzip.decompress(b"".join(parts())).splitlines()
    head, *blocks = [orjson.loads(line) for line in lines]
    assert head == {"kind": "samples", "schema_version": 1, "run": "bench-1", "run_head": HEAD}
    assert [block["requests"] for block in blocks] == [5, 4, 3]


def test_an_unpacked_journal_is_read_the_same() -> None:
    contents = decode_journal(gzip.decompress(b"".join(parts())), name="x")
    assert same(contents.samples, Samples.of(ROWS))
    assert not contents.truncated


def test_a_journal_that_another_tool_packed_as_one_is_read_the_same() -> None:
    contents = decode_journal(gzip.compress(gzip.decompress(b"".join(parts()))), name="x")
    assert same(contents.samples, Samples.of(ROWS))


def test_a_file_whose_last_line_break_was_lost_is_whole() -> None:
    contents = decode_journal(gzip.decompress(b"".join(parts())).rstrip(b"\n"), name="x")
    assert (len(contents.samples), contents.truncated) == (len(ROWS), False)


def test_attempts_travel_with_their_block_as_rows() -> None:
    data = encode_header(run="r") + encode_block(Samples.of([a_sample()]), attempts=ATTEMPTS)
    assert decode_journal(data, name="x").attempts == tuple(asdict(attempt) for attempt in ATTEMPTS)


def whole_lines(ends: list[int], cut: int) -> int:
    return sum(end <= cut for end in ends)


def ends_of(pieces: list[bytes]) -> list[int]:
    return [sum(map(len, pieces[: count + 1])) for count in range(len(pieces))]


@pytest.mark.proving
@pytest.mark.parametrize("packed", [True, False])
def test_a_cut_at_any_byte_loses_the_last_line_and_nothing_else(packed: bool) -> None:
    pieces = parts() if packed else [gzip.decompress(part) for part in parts()]
    data, ends = b"".join(pieces), ends_of(pieces)
    rows = [0, 5, 9, 12]
    for cut in sorted({*range(0, len(data), 9), *(end - near for end in ends for near in range(3))}):
        complete = whole_lines(ends, cut if packed else cut + 1)  # a plain line is complete without its line break
        if not complete:
            with pytest.raises(ArtifactCorrupt):
                decode_journal(data[:cut], name="x")
            continue
        contents = decode_journal(data[:cut], name="x")
        assert same(contents.samples, Samples.of(ROWS[: rows[complete - 1]]))
        assert contents.truncated == (cut not in ends and (packed or cut + 1 not in ends))


def test_what_follows_damage_is_left_out_and_told() -> None:
    pieces = parts()
    damaged = pieces[2][:40] + bytes([pieces[2][40] ^ 255]) + pieces[2][41:]
    contents = decode_journal(b"".join([*pieces[:2], damaged, pieces[3]]), name="x")
    assert (len(contents.samples), contents.truncated) == (5, True)


def test_zeros_after_a_power_cut_are_left_out_and_told() -> None:
    contents = decode_journal(b"".join(parts()) + bytes(512), name="x")
    assert (len(contents.samples), contents.truncated) == (12, True)


def line(value: object) -> bytes:
    return compress(orjson.dumps(value) + b"\n")


BLOCK: dict[str, Any] = orjson.loads(gzip.decompress(parts()[1]))
CORRUPT: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "the file is empty"),
    "one byte": (b"\x1f", "the file is empty, or cut inside its first line"),
    "an artifact": (line({"kind": "run"}), "the first line is not the head of a samples file"),
    "no run": (line({"kind": "samples", "schema_version": 1, "run": 5}), "the head names no run"),
    "no version": (line({"kind": "samples", "run": "r"}), "`schema_version` is missing"),
    "prose": (b"once upon a time\nthere was\n", "a line is no JSON object"),
    "a list": (parts()[0] + line([1]), "a line is no JSON object"),
    "no block": (parts()[0] + line({"requests": 1}), "a line is no block of samples"),
    "a wrong count": (parts()[0] + line({**BLOCK, "requests": 6}), "a block does not hold what it says"),
    "a wrong attempt": (parts()[0] + line({**BLOCK, "attempts": [1]}), "a block does not hold what it says"),
    "a wrong column": (parts()[0] + line({**BLOCK, "columns": {}}), "missing columns"),
}


@pytest.mark.parametrize(("data", "says"), CORRUPT.values(), ids=CORRUPT.keys())
def test_a_foreign_journal_is_refused_by_name_with_a_next_step(data: bytes, says: str) -> None:
    with pytest.raises(ArtifactCorrupt) as caught:
        decode_journal(data, name="run.samples.jsonl.gz")
    assert says in caught.value.message
    assert caught.value.place == "run.samples.jsonl.gz"
    assert caught.value.hint


def test_a_newer_journal_asks_for_an_upgrade() -> None:
    with pytest.raises(ArtifactTooNew, match="schema_version 2 is newer"):
        decode_journal(line({"kind": "samples", "schema_version": 2, "run": "r"}), name="x")


def test_the_blocks_of_an_older_journal_are_migrated() -> None:
    def tries(block: Document) -> Document:
        columns = block["columns"]
        assert isinstance(columns, dict)
        renamed = {("attempts" if name == "tries" else name): cells for name, cells in columns.items()}
        return {**block, "columns": renamed}

    columns = {("tries" if name == "attempts" else name): cells for name, cells in BLOCK["columns"].items()}
    old = line({"kind": "samples", "schema_version": 0, "run": "r"}) + line({**BLOCK, "columns": columns})
    contents = decode_journal(old, name="x", steps={("samples", 0): tries})
    assert same(contents.samples, Samples.of(ROWS[:5]))


def test_many_requests_become_blocks_of_the_largest_size() -> None:
    samples = Samples.concatenate([Samples.of(ROWS)] * (1 + BLOCK_REQUESTS // len(ROWS)))
    blocks = list(encode_blocks(samples))
    assert [orjson.loads(gzip.decompress(block))["requests"] for block in blocks] == [BLOCK_REQUESTS, 8]
    assert same(decode_journal([encode_header(run="r"), *blocks], name="x").samples, samples)
    with pytest.raises(ValueError, match="at most 4096 requests, not 4104"):
        encode_block(samples)
