"""Verdicts of several attempts of a run: what a later one takes back, and what it never does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.artifacts.verdict import PipelineJob, Verdict
from lens_gate.steps.publishing.attempts import replaced
from lens_gate.vocabulary.outcomes import ExitCode
from tests.builders import an_unmeasured_job
from tests.scenarios import SCENARIOS

FAILS, OPEN, PASSES = (SCENARIOS[name]() for name in ("regression", "inconclusive", "pass"))
EXCUSED = an_unmeasured_job()
GOODNESS = {FAILS.outcome: 0, OPEN.outcome: 1, EXCUSED.outcome: 1, PASSES.outcome: 2}
Left = list[tuple[int, Verdict | UnmeasuredJob]]


def found(left: Left, *, named: bool) -> list[tuple[Verdict | UnmeasuredJob, Path]]:
    """What was left of so many attempts of jobs that share a name."""

    def by(attempt: int) -> PipelineJob:
        return PipelineJob(suite="bot", job="0f", run_id=10, attempt=attempt, named=named)

    return [
        (one.model_copy(update={"job": by(attempt)}), Path(str(number))) for number, (attempt, one) in enumerate(left)
    ]


def kept(left: Left, *, named: bool = False, settled: bool = False) -> list[Verdict | UnmeasuredJob]:
    gone = replaced(found(left, named=named), settled=settled)
    return [one for number, (_, one) in enumerate(left) if Path(str(number)) not in gone]


LEFT = st.lists(st.tuples(st.integers(1, 4), st.sampled_from([FAILS, OPEN, EXCUSED, PASSES])), max_size=7)


@given(left=LEFT, named=st.booleans(), settled=st.booleans())
def test_what_is_left_out_has_as_much_of_a_later_attempt_instead(left: Left, *, named: bool, settled: bool) -> None:
    gone = replaced(found(left, named=named), settled=settled)
    sizes = Counter(attempt for attempt, _ in left)
    dropped = {attempt for number, (attempt, _) in enumerate(left) if Path(str(number)) in gone}
    for attempt in dropped:
        assert any(later > attempt and sizes[later] >= sizes[attempt] for later in sizes.keys() - dropped)


@given(left=LEFT)
def test_of_jobs_that_share_a_name_no_end_becomes_better_by_what_is_left_out(left: Left) -> None:
    stand = kept(left)
    assert min((GOODNESS[one.outcome] for _, one in left), default=0) == min(
        (GOODNESS[one.outcome] for one in stand), default=0
    )


@pytest.mark.parametrize(("named", "settled"), [(True, False), (False, True), (True, True)])
def test_a_job_with_its_own_name_and_one_that_is_known_to_have_passed_take_their_word_back(
    *, named: bool, settled: bool
) -> None:
    assert kept([(1, FAILS), (2, PASSES)], named=named, settled=settled) == [PASSES]


@pytest.mark.parametrize("better", [PASSES, OPEN])
def test_where_nobody_knows_which_job_ran_again_the_worse_stands_beside_the_better(better: Verdict) -> None:
    assert kept([(1, FAILS), (2, better)]) == [FAILS, better]
    assert kept([(1, better), (2, FAILS)]) == [FAILS]
    assert kept([(1, FAILS), (1, better), (2, FAILS), (2, PASSES), (2, PASSES)]) == (
        [FAILS, PASSES, PASSES] if better is PASSES else [FAILS, OPEN, FAILS, PASSES, PASSES]
    )


def test_a_warning_that_fails_its_command_is_no_better_than_a_regression() -> None:
    failed = PASSES.model_copy(update={"exit_code": ExitCode.GATE_FAILED})
    assert kept([(1, failed), (2, PASSES)]) == [failed, PASSES]
    assert kept([(1, OPEN), (2, failed)]) == [failed]


def test_what_names_no_job_or_comes_from_another_run_is_replaced_by_nothing() -> None:
    (first, _), (second, _) = found([(1, FAILS), (2, PASSES)], named=True)
    assert second.job is not None
    elsewhere = second.model_copy(update={"job": second.job.model_copy(update={"run_id": 11})})
    assert replaced([(FAILS, Path("0")), (first, Path("1")), (elsewhere, Path("2"))], settled=True) == set()
