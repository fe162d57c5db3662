"""What was measured is never lost: not by a crash, not by a full disk, not by its size."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.assemble import samples_of
from lens_gate.artifacts.journal import JournalContents, decode_journal
from lens_gate.artifacts.run import InlineSamples, Look, Run, Sidecar
from lens_gate.artifacts.run_head import read_head
from lens_gate.artifacts.samples import Attempt, Samples
from lens_gate.errors import PublishFailed
from lens_gate.steps.running.keeper import BLOCK, Keeper, KeeperOptions
from lens_gate.vocabulary.requests import ErrorClass
from tests.builders import a_run, a_run_head, a_sample

HEAD = a_run_head()


class Kept:
    """A keeper in a folder, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "run.json"
        self.said: list[str] = []

    def keeper(self, **options: Any) -> Keeper:
        return Keeper(self.output, run_id="r1", say=self.said.append, options=KeeperOptions(**options))

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def journal(self) -> JournalContents:
        (path,) = self.folder.glob("*.journal.jsonl.gz")
        return decode_journal(path.read_bytes(), name=path.name)

    def publish(self, keeper: Keeper) -> Run:
        run = a_run().model_copy(update={"samples": keeper.reference(keeper.samples())})
        keeper.publish(run)
        return run


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


@pytest.fixture
def at_most_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples beyond ten go into a file beside the run."""
    monkeypatch.setattr("lens_gate.steps.running.keeper.INLINE_LIMIT", 10)


def fill(keeper: Keeper, count: int) -> Keeper:
    keeper.begin(HEAD)
    for index in range(count):
        keeper.take(a_sample(index=index))
    return keeper


def crash(kept: Kept, count: int, **options: Any) -> None:
    """Break off after so many samples."""
    with kept.keeper(**options) as keeper:
        if keeper.take_chunks is not None:
            keeper.take_chunks(0, ((5, 10),))
        fill(keeper, count)
        raise RuntimeError


def indices(samples: Samples) -> list[float]:
    return list(samples.numbers["index"])


def test_a_small_run_lies_inline_and_its_journal_goes(kept: Kept) -> None:
    with kept.keeper() as keeper:
        run = kept.publish(fill(keeper, 3))
    assert kept.names() == ["run.json"]
    assert isinstance(run.samples, InlineSamples)
    assert kept.said == []


@pytest.mark.usefixtures("at_most_ten")
def test_a_large_run_keeps_its_journal_as_the_file_beside_it(kept: Kept) -> None:
    with kept.keeper() as keeper:
        run = kept.publish(fill(keeper, BLOCK + 7))
    assert kept.names() == ["run.json", "run.samples.jsonl.gz"]
    data = (kept.folder / "run.samples.jsonl.gz").read_bytes()
    assert run.samples == Sidecar(
        file="run.samples.jsonl.gz", sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), requests=BLOCK + 7
    )
    read = samples_of(run, lambda name: (kept.folder / name).read_bytes())
    assert indices(read) == list(range(BLOCK + 7))


def test_a_crash_keeps_what_was_taken_and_says_where(kept: Kept) -> None:
    with pytest.raises(RuntimeError):
        crash(kept, BLOCK + 3)
    assert indices(kept.journal().samples) == list(range(BLOCK + 3))
    assert kept.journal().header.run == "r1"
    assert read_head(kept.journal().header.run_head, name="journal") == HEAD
    assert kept.said == [f"what was measured is kept in {kept.folder / 'run.r1.journal.jsonl.gz'}"]


def test_a_crash_before_the_first_sample_leaves_nothing(kept: Kept) -> None:
    with pytest.raises(RuntimeError):
        crash(kept, 0)
    assert kept.names() == []
    assert kept.said == []


def test_fewer_than_a_block_of_requests_are_not_yet_on_the_disk_and_a_flush_brings_them(kept: Kept) -> None:
    with kept.keeper() as keeper:
        keeper.begin(HEAD)
        for index in range(BLOCK + 3):
            keeper.take(a_sample(index=index))
            assert index + 1 - len(kept.journal().samples) < BLOCK
        keeper.flush()
        assert len(kept.journal().samples) == BLOCK + 3
        keeper.flush()
        assert len(kept.journal().samples) == BLOCK + 3


def test_others_run_while_what_waits_is_brought_to_the_disk(kept: Kept) -> None:
    turns = 0

    async def brought(keeper: Keeper) -> None:
        nonlocal turns
        bringing = asyncio.create_task(keeper.bring())
        while not bringing.done():
            turns += 1
            if turns <= 10:
                keeper.take(a_sample(index=100 + turns))
            await asyncio.sleep(0)
        await keeper.bring()

    with kept.keeper() as keeper:
        asyncio.run(brought(fill(keeper, 101)))
        assert turns > 10
        assert indices(kept.journal().samples) == list(range(111))


def test_a_failure_in_the_middle_of_a_block_loses_nothing_and_keeps_the_order(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([True])
    with kept.keeper() as keeper:
        keeper.begin(HEAD)
        failing(monkeypatch, lambda: next(answers, False))
        for index in range(BLOCK):
            keeper.take_attempts([replace(ATTEMPTS[0], index=index)])
            keeper.take(a_sample(index=index))
        assert keeper.failure is not None
        assert indices(keeper.samples()) == list(range(BLOCK))
        assert [row["index"] for row in kept.journal().attempts] == list(range(BLOCK))


def failing(monkeypatch: pytest.MonkeyPatch, fails: Callable[[], bool]) -> None:
    """Let writes of journals fail as on a full disk while `fails` says so."""
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        if fails():
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr("lens_gate.stores.files.os.write", write)


def test_what_could_not_be_written_waits_for_the_next_flush(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[bool] = iter([False, True])
    failing(monkeypatch, lambda: next(answers, False))
    told: list[PublishFailed] = []
    with kept.keeper(on_failure=told.append) as keeper:
        fill(keeper, 3)
        keeper.flush()
        assert kept.journal().samples.numbers["index"].size == 0
        assert indices(keeper.samples()) == [0, 1, 2]
        assert len(kept.journal().samples) == 3
        assert told == [keeper.failure]
        assert "No space left" in str(keeper.failure)


def test_samples_that_never_reach_the_disk_stay_in_memory_and_are_told(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[PublishFailed] = []
    with kept.keeper(on_failure=told.append) as keeper:
        fill(keeper, BLOCK + 3)
        keeper.flush()
        failing(monkeypatch, lambda: True)
        for index in range(BLOCK + 3, 3 * BLOCK):
            keeper.take(a_sample(index=index))
        assert not keeper.promise(1000)
        assert indices(keeper.samples()) == list(range(3 * BLOCK))
    assert len(told) == 1
    assert indices(kept.journal().samples) == list(range(BLOCK + 3))
    path = kept.folder / "run.r1.journal.jsonl.gz"
    assert kept.said == [f"what was measured is kept in {path}, but for the last {2 * BLOCK - 3} requests"]


@pytest.mark.usefixtures("at_most_ten")
def test_a_large_run_whose_journal_lacks_requests_is_not_published(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    with kept.keeper() as keeper:
        fill(keeper, 20)
        failing(monkeypatch, lambda: True)
        with pytest.raises(PublishFailed, match="No space left"):
            keeper.reference(keeper.samples())


def test_looks_see_what_was_taken_without_reading_it_back(kept: Kept) -> None:
    with kept.keeper(remember=True) as keeper:
        fill(keeper, BLOCK + 3)
        first = keeper.samples()
        keeper.take(a_sample(index=BLOCK + 3))
        kept.folder.joinpath("run.r1.journal.jsonl.gz").unlink()
        assert indices(keeper.samples()) == list(range(BLOCK + 4))
        assert indices(first) == list(range(BLOCK + 3))


def test_the_journal_holds_what_no_sample_tells(kept: Kept) -> None:
    look = Look(pairs=25, through_pair=50, share=0.5)
    with kept.keeper() as keeper:
        fill(keeper, 3)
        assert keeper.promise(8)
        keeper.flush()
        keeper.look(look)
        before = kept.journal()
        keeper.end({"how": "well"})
        found = kept.journal()
    assert (before.stretches[0].through, before.stretches[0].requests) == (8, 3)
    # Once it has ended nothing is in flight.
    assert (found.stretches[0].through, found.stretches[0].requests) == (0, 3)
    assert found.looks == (look.model_dump(mode="json"),)
    assert found.end == {"how": "well"}


def test_the_journals_of_a_run_that_was_resumed_have_names_of_their_own(kept: Kept) -> None:
    with pytest.raises(RuntimeError):
        crash(kept, 1, part=2)
    assert kept.names() == ["run.r1-2.journal.jsonl.gz"]


def test_an_output_that_cannot_be_written_keeps_the_journal_and_says_where(kept: Kept) -> None:
    with kept.keeper() as keeper:
        kept.output.mkdir()
        with pytest.raises(PublishFailed):
            kept.publish(fill(keeper, 3))
    assert len(kept.journal().samples) == 3
    assert "run.r1.journal.jsonl.gz" in kept.said[0]


@pytest.mark.usefixtures("at_most_ten")
def test_the_samples_of_a_large_run_outlive_an_artifact_that_cannot_be_written(kept: Kept) -> None:
    with kept.keeper() as keeper:
        kept.output.mkdir()
        with pytest.raises(PublishFailed):
            kept.publish(fill(keeper, 20))
    assert kept.names() == ["run.json", "run.samples.jsonl.gz"]
    assert kept.said == [f"what was measured is kept in {kept.folder / 'run.samples.jsonl.gz'}"]


def test_a_second_run_replaces_the_first_one(kept: Kept) -> None:
    for count in (2, 3):
        with kept.keeper() as keeper:
            kept.publish(fill(keeper, count))
    assert json.loads(kept.output.read_text(encoding="utf-8"))["samples"]["requests"] == 3


def test_an_output_that_is_a_folder_is_told_before_anything_is_sent(kept: Kept) -> None:
    kept.output.mkdir()
    with pytest.raises(PublishFailed, match="a folder"):
        kept.keeper()


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PublishFailed):
        Kept(tmp_path / "file").keeper()


def test_raw_chunk_times_lie_beside_the_run_one_line_for_each_request(kept: Kept) -> None:
    with kept.keeper(save_chunks=True) as keeper:
        assert keeper.take_chunks is not None
        keeper.take_chunks(0, ((5, 10), (9, 20)))
        fill(keeper, 1)
        keeper.flush()
        keeper.flush()
        keeper.take_chunks(1, ())
        kept.publish(keeper)
    assert kept.names() == ["run.chunks.jsonl.gz", "run.json"]
    text = gzip.decompress((kept.folder / "run.chunks.jsonl.gz").read_bytes())
    assert [json.loads(line) for line in text.splitlines()] == [
        {"index": 0, "chunks": [[5, 10], [9, 20]]},
        {"index": 1, "chunks": []},
    ]


def test_raw_chunk_times_of_a_crash_stay_with_the_journal(kept: Kept) -> None:
    with pytest.raises(RuntimeError):
        crash(kept, 1, save_chunks=True)
    assert kept.names() == ["run.r1.chunks.jsonl.gz", "run.r1.journal.jsonl.gz"]


def test_without_being_asked_no_chunk_times_are_kept(kept: Kept) -> None:
    with kept.keeper() as keeper:
        assert keeper.take_chunks is None


ATTEMPTS = [
    Attempt(
        index=3, attempt=n, sent_ns=n, end_ns=n + 1, backoff_ns=0, http_status=500, error_class=ErrorClass.API_ERROR
    )
    for n in (1, 2)
]


def test_single_attempts_lie_in_the_journal_and_in_a_small_run(kept: Kept) -> None:
    with kept.keeper() as keeper:
        keeper.begin(HEAD)
        keeper.take_attempts(ATTEMPTS)
        keeper.take(a_sample(index=3))
        keeper.flush()
        rows = kept.journal().attempts
        assert [(row["index"], row["attempt"], row["error_class"]) for row in rows] == [
            (3, 1, "api_error"),
            (3, 2, "api_error"),
        ]
        assert keeper.attempts(keeper.samples()) == tuple(map(asdict, ATTEMPTS))


@pytest.mark.usefixtures("at_most_ten")
def test_single_attempts_of_a_large_run_stay_with_its_samples(kept: Kept) -> None:
    with fill(kept.keeper(), 11) as keeper:
        keeper.take_attempts(ATTEMPTS)
        assert keeper.attempts(keeper.samples()) == ()
