from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.decisions.fixed import margin
from benchmarks.decisions.generator import UNCHANGED, Change, duet
from benchmarks.decisions.sequential import Cell, run
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.analysis.duet import duet as judged_duet
from lens_gate.analysis.pairing import pair_up
from lens_gate.analysis.rules import WEIGHTS, rules_of
from lens_gate.analysis.sequential import Settled, plan_looks, progress, settle
from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.run import Look
from lens_gate.config.model import Regression
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Cover, Outcome
from tests.saying import left_open

RULES = rules_of(Regression())
COVERING = rules_of(Regression(cover=(Cover.TAILS, Cover.ERRORS)))
LIMIT_NS = 60e9


def looks_at(*pairs: int) -> list[Look]:
    return [Look(pairs=count, through_pair=count, share=1 / len(pairs)) for count in pairs]


def settled(change: Change = UNCHANGED, *, looks: list[Look], affected: tuple[str, ...] = (), seed: int = 1) -> Settled:
    samples = duet(np.random.default_rng(seed), pairs=looks[-1].through_pair, change=change, affected=affected)
    return settle(samples, looks, RULES, LIMIT_NS)


@pytest.mark.parametrize(
    ("most", "looks"), [(600, (37, 75, 150, 300, 600)), (47, (47,)), (48, (24, 48)), (5, (5,)), (10_000, None)]
)
def test_looks_double_up_to_the_most_pairs(most: int, looks: tuple[int, ...] | None) -> None:
    planned = plan_looks(most, RULES)

    assert looks is None or planned == looks
    assert len(planned) <= 6
    assert planned[-1] == most


def test_covering_rare_events_puts_a_look_where_that_is_first_possible() -> None:
    assert plan_looks(1200, COVERING) == (37, 75, 150, 300, 600, 828, 1200)
    assert plan_looks(600, COVERING) == plan_looks(600, RULES)
    # One at 850 would be hardly later, and is left out.
    assert plan_looks(1700, COVERING) == (53, 106, 212, 425, 828, 1700)


@given(st.integers(1, 50_000), st.sampled_from([RULES, COVERING]))
def test_looks_rise_and_end_at_the_most_pairs(most: int, rules: object) -> None:
    planned = plan_looks(most, rules)  # type: ignore[arg-type] # one of the two above

    assert list(planned) == sorted(set(planned))
    assert planned[-1] == most


def test_a_change_of_one_model_ends_the_run_at_the_first_look_that_sees_it() -> None:
    found = settled(Change.slower(25), looks=looks_at(40, 80, 160), affected=("loaded",))

    assert found.decided
    assert found.regressed
    assert [look.pairs for look in found.taken] == [40]
    assert found.taken[0].outcomes["sim/loaded"] is Outcome.REGRESSION


def test_a_series_that_passed_is_asked_nothing_more_and_stands_as_it_was() -> None:
    found = settled(looks=looks_at(80, 160, 320, 640))

    assert found.decided
    assert not found.regressed
    passed_at = {
        name: look.pairs for look in found.taken for name, said in look.outcomes.items() if said is Outcome.PASS
    }
    assert set(passed_at) == {f"sim/{name}" for name in ("clean", "heavy", "cached", "loaded")}
    assert len(set(passed_at.values())) > 1
    planned = {one.series: one.pairs_planned for one in found.duet.coverage}
    assert planned == passed_at
    assert {finding.series for finding in found.duet.findings} == set(passed_at)
    assert [one.series for one in found.series] == [one.series for one in found.duet.coverage]


def test_each_look_is_held_against_its_share_of_alpha_and_of_the_error_of_a_pass() -> None:
    found = settled(looks=looks_at(30, 60))

    assert [look.alpha for look in found.taken] == [pytest.approx(RULES.alpha / 2)] * len(found.taken)
    once = settled(looks=looks_at(60))
    widest = {f.hypothesis: f.effect.upper_pass for f in once.duet.findings if f.series == "sim/cached"}
    for finding in found.duet.findings:
        if finding.series == "sim/cached" and finding.hypothesis in (Hypothesis.TTFT, Hypothesis.TOTAL):
            assert (finding.effect.upper_pass or 0) > (widest[finding.hypothesis] or 0)


def test_what_is_not_decided_stays_open_as_of_the_last_look() -> None:
    found = settled(looks=looks_at(10, 20))

    assert not found.decided
    assert found.open
    assert {look.pairs for look in found.taken} == {10, 20}
    assert {one.pairs_planned for one in found.duet.coverage if one.series in found.open} == {20}


def test_no_look_has_said_nothing() -> None:
    found = settle(duet(np.random.default_rng(1), pairs=5), [], RULES, LIMIT_NS)

    assert not found.decided
    assert found.duet.findings == ()


def test_what_goes_to_another_process_can_be_sent_there_and_back() -> None:
    samples = duet(np.random.default_rng(1), pairs=40, change=Change.slower(30))

    found = progress(*pickle.loads(pickle.dumps((samples, tuple(looks_at(40)), RULES, LIMIT_NS))))

    assert pickle.loads(pickle.dumps(found)) == found
    assert found.decided


def test_a_pass_that_must_cover_rare_events_waits_for_enough_pairs() -> None:
    samples = duet(np.random.default_rng(4), pairs=900)
    few, many = (settle(samples, looks_at(pairs), COVERING, LIMIT_NS) for pairs in (300, 900))

    assert not any(said is Outcome.PASS for look in few.taken for said in look.outcomes.values())
    assert any(said is Outcome.PASS for look in many.taken for said in look.outcomes.values())
    for found in (few, many):
        assert all(f.gated for f in found.duet.findings)
        assert all(not one.not_covered for one in found.duet.coverage)


@pytest.mark.parametrize("pairs", [300, 900])
def test_a_pass_says_what_it_does_not_cover_exactly_when_pairs_are_too_few(pairs: int) -> None:
    found = settle(duet(np.random.default_rng(4), pairs=pairs), looks_at(pairs), RULES, LIMIT_NS)

    words = " ".join(map(left_open, found.duet.coverage))
    assert ("but 300 pairs are too few" in words.partition("error_rate: ")[2]) == (pairs == 300)
    assert ("too few" in words) == (pairs == 300)


def test_runs_end_early_and_right() -> None:
    unchanged = [run(Cell(name="", cap=600, regression=margin(10)), np.random.default_rng([1, n])) for n in range(6)]
    slower = replace(Cell(name="", cap=600, regression=margin(10)), change=Change.slower(20))
    caught = [run(slower, np.random.default_rng([2, n])) for n in range(6)]

    assert {one.outcome for one in unchanged} == {Outcome.PASS}
    assert {one.outcome for one in caught} == {Outcome.REGRESSION}
    assert np.mean([one.pairs for one in unchanged]) < 0.5 * 4 * 600
    assert np.mean([one.pairs for one in caught]) < 0.2 * 4 * 600
    assert all(one.uncovered for one in unchanged)


def test_the_questions_of_a_series_that_passed_keep_their_share_of_alpha() -> None:
    alone = duet_of("cached")
    besides = duet_of("cached", spent=30.0)

    assert min(f.adjusted_p or 1.0 for f in besides) >= min(f.adjusted_p or 1.0 for f in alone)
    # Without a failed request the question about errors needs nothing, and leaves its share to the others.
    asked = sum(WEIGHTS.values()) - WEIGHTS[Hypothesis.ERRORS]
    ttft = [next(f for f in found if f.hypothesis is Hypothesis.TTFT) for found in (alone, besides)]
    shares = [1 - one.effect.confidence for one in ttft]
    assert shares[1] / shares[0] == pytest.approx(asked / (asked + 30), rel=0.02)


def duet_of(name: str, *, spent: float = 0.0) -> tuple[Finding, ...]:
    samples = duet(np.random.default_rng(3), pairs=60)
    own = samples.where(samples.texts["model"].equals(name))
    return judged_duet(pair_up(own, limit_ns=LIMIT_NS), RULES, spent=spent).findings
