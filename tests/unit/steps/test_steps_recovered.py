"""A journal alone becomes a run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import JsonValue

from lens_gate.artifacts.journal import (
    encode_block,
    encode_end,
    encode_header,
    encode_look,
    encode_promise,
    encode_segment,
)
from lens_gate.artifacts.run import Look, Run, Sidecar
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.artifacts.segment import Segment
from lens_gate.errors import ArtifactCorrupt
from lens_gate.load.record.run_end import RunEnd, Spread
from lens_gate.steps.recorded.reading import read_artifact, samples_beside
from lens_gate.steps.recorded.recovered import LAG_UNKNOWN
from lens_gate.steps.recorded.tail import Tail, read_tail, tail_note
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Arm, ErrorClass, Status
from tests.builders import a_failed_sample, a_pair, a_plan, a_run_head, a_sample, a_spend, both_arms

HEAD = a_run_head()
ROWS = [a_sample(index=index, cost_usd=0.25) for index in range(6)]
END = RunEnd(
    ending=Ending.COST_CAP,
    message="the cap was reached",
    anchor_ns=5,
    scheduled=6,
    sent=6,
    shed=0,
    lateness=Spread(count=6, p50_ns=1, p99_ns=2, max_ns=3),
    loop_lag=Spread(count=9, p50_ns=10, p99_ns=2_000_000, max_ns=30),
    given_up={"acme/large": Ending.UNREACHABLE},
    examples={("acme/large", ErrorClass.API_ERROR): "it said no"},
)
TAIL = Tail(end=END, ended="2026-03-02T10:01:00.000Z", spend=a_spend(spent_usd=1.5), looks=())


def a_journal(folder: Path, *lines: bytes, head: Any = None) -> Path:
    path = folder / "run.r1.journal.jsonl.gz"
    known = HEAD.model_dump(mode="json") if head is None else head
    path.write_bytes(encode_header(run="r1", run_head=known) + b"".join(lines))
    return path


def block(rows: list[Sample]) -> bytes:
    return encode_block(Samples.of(rows))


def read(path: Path) -> Run:
    run = read_artifact(path)
    assert isinstance(run, Run)
    return run


def test_a_killed_run_is_interrupted_and_says_what_is_missing(tmp_path: Path) -> None:
    path = a_journal(tmp_path, encode_promise(4), block(ROWS[:4]), encode_promise(9), block(ROWS[4:])[:-9])
    run = read(path)
    assert run.ending is Ending.INTERRUPTED
    assert run.ending_message == (
        "the run was killed: its journal holds 4 requests; up to 5 more had been sent, and nobody knows what became of "
        "them; the last line of the file was cut, and is left out"
    )
    assert run.segments == (Segment(start_time=HEAD.start_time, begin_ns=0, requests=4, lost=5),)
    assert (run.benchmark.id, run.benchmark.name, run.benchmark.config) == ("r1", HEAD.name, HEAD.config)
    assert (run.plan, run.arms, run.provenance, run.fingerprint) == (
        HEAD.plan, HEAD.arms, HEAD.provenance, HEAD.fingerprint,
    )  # fmt: skip
    assert run.summary.total_requests == 4
    assert run.spend.spent_usd == pytest.approx(1.0)
    assert run.spend.lost_requests == 5
    assert list(samples_beside(run, path).numbers["index"]) == [0, 1, 2, 3]


def test_a_killed_run_lasted_as_long_as_its_samples_tell(tmp_path: Path) -> None:
    rows = [a_sample(index=0, end_ns=2_500_000_000), a_failed_sample(index=1, end_ns=None)]
    benchmark = read(a_journal(tmp_path, block(rows))).benchmark
    assert (benchmark.end_time, benchmark.duration_seconds) == ("2026-03-02T10:00:02.500Z", 2.5)


def test_a_killed_run_is_not_trusted_beyond_what_its_journal_holds(tmp_path: Path) -> None:
    validity = read(a_journal(tmp_path, block(ROWS))).validity
    (lag,) = [check for check in validity.checks if check.name == "loop_lag_p99"]
    assert (lag.value, lag.ok, lag.effect, lag.message) == (None, False, "warn", LAG_UNKNOWN)
    assert len(validity.checks) > 5


def test_a_journal_with_its_last_line_is_the_run_as_it_ended(tmp_path: Path) -> None:
    run = read(a_journal(tmp_path, block(ROWS), encode_end(tail_note(TAIL))))
    assert (run.ending, run.ending_message, run.segments) == (Ending.COST_CAP, "the cap was reached", ())
    assert (run.spend, run.benchmark.end_time) == (TAIL.spend, TAIL.ended)
    (lag,) = [check for check in run.validity.checks if check.name == "loop_lag_p99"]
    assert (lag.value, lag.ok) == (2.0, True)


def test_the_tail_comes_back_as_it_was_written() -> None:
    assert read_tail(tail_note(TAIL), name="journal") == TAIL
    assert read_tail(None, name="journal") is None


@pytest.mark.parametrize("note", ["nonsense", {"examples": []}, {"examples": [["a", "no class", "b"]]}])
def test_a_tail_that_says_nothing_is_told_by_name(tmp_path: Path, note: Any) -> None:
    with pytest.raises(ArtifactCorrupt, match=r"run\.r1\.journal\.jsonl\.gz: the last line"):
        read(a_journal(tmp_path, block(ROWS), encode_end(note)))


@pytest.mark.parametrize("head", [{}, {"name": "x"}, 5])
def test_a_head_that_is_none_of_a_run_is_told_by_name(tmp_path: Path, head: Any) -> None:
    with pytest.raises(ArtifactCorrupt, match=r"run\.r1\.journal\.jsonl\.gz: the head of this journal does not"):
        read(a_journal(tmp_path, head=head))


def test_a_journal_without_a_request_is_a_run_of_none(tmp_path: Path) -> None:
    run = read(a_journal(tmp_path, encode_promise(1)))
    assert (run.summary.total_requests, run.segments[0].lost) == (0, 1)
    assert run.ending_message is not None
    assert "holds 0 requests; up to 1 more" in run.ending_message


def test_the_samples_of_a_large_journal_stay_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lens_gate.steps.recorded.recovered.INLINE_LIMIT", 3)
    path = a_journal(tmp_path, block(ROWS))
    run = read(path)
    assert isinstance(run.samples, Sidecar)
    assert run.samples.file == path.name
    assert len(samples_beside(run, path)) == 6


def test_each_stretch_of_sending_counts_its_own_losses(tmp_path: Path) -> None:
    second: JsonValue = {"start_time": "2026-03-02T11:00:00.000Z", "begin_ns": 7_000_000_000}
    path = a_journal(
        tmp_path, encode_promise(4), block(ROWS[:3]), encode_segment(second), encode_promise(8), block(ROWS[4:])
    )  # fmt: skip
    assert read(path).segments == (
        Segment(start_time=HEAD.start_time, begin_ns=0, requests=3, lost=1),
        Segment(start_time="2026-03-02T11:00:00.000Z", begin_ns=7_000_000_000, requests=2, lost=2),
    )


def test_what_was_shed_was_never_sent(tmp_path: Path) -> None:
    rows = [*ROWS[:2], a_sample(index=2, status=Status.SHED, error_class=ErrorClass.SHED, sent_ns=None)]
    run = read(a_journal(tmp_path, block(rows)))
    assert run.providers[0].models[0].requests.shed == 1


def test_both_arms_of_a_killed_duet_are_there_with_the_looks_that_were_taken(tmp_path: Path) -> None:
    rows = [sample for number in range(10) for sample in a_pair(number)]
    head = a_run_head(arms=both_arms(), plan=a_plan(looks=(4, 8, 16)))
    look = Look(pairs=4, through_pair=4, share=1 / 3)
    lines = [block(rows), encode_look(look.model_dump(mode="json"))]
    run = read(a_journal(tmp_path, *lines, head=head.model_dump(mode="json")))
    assert run.looks == (look, Look(pairs=10, through_pair=10, share=1 / 3))
    assert run.base_providers
    columns = samples_beside(run, tmp_path / "x").texts["arm"]
    assert int(np.sum(columns.equals(Arm.BASE))) == 10


def test_no_look_is_added_after_the_last_planned_one(tmp_path: Path) -> None:
    rows = [sample for number in range(10) for sample in a_pair(number)]
    head = a_run_head(arms=both_arms(), plan=a_plan(looks=(4,)))
    look = Look(pairs=4, through_pair=4, share=1.0)
    lines = [block(rows), encode_look(look.model_dump(mode="json"))]
    assert read(a_journal(tmp_path, *lines, head=head.model_dump(mode="json"))).looks == (look,)
