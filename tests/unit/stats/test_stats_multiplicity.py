from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lens_gate.stats.multiplicity import Member, Stepped, holm


def plain(p_values: list[float], alpha: float) -> tuple[Stepped, ...]:
    return holm([Member(p) for p in p_values], alpha=alpha)


P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_a_published_example_is_reproduced() -> None:
    stepped = plain([0.01, 0.04, 0.03, 0.005], 0.05)

    assert [one.adjusted_p for one in stepped] == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(P_VALUES, st.sampled_from([0.01, 0.05]))
def test_a_question_stands_exactly_when_its_p_value_is_below_its_level(p_values: list[float], alpha: float) -> None:
    for p, one in zip(p_values, plain(p_values, alpha), strict=True):
        if abs(one.adjusted_p - alpha) > 1e-12:
            assert (one.adjusted_p < alpha) == (p < one.level)


@given(P_VALUES)
def test_holm_lies_between_no_correction_and_bonferroni(p_values: list[float]) -> None:
    for p, one in zip(p_values, plain(p_values, 0.05), strict=True):
        assert p <= one.adjusted_p <= min(1.0, len(p_values) * p) + 1e-12
        assert 0.05 / len(p_values) <= one.level <= 0.05


def test_no_questions_need_no_answers() -> None:
    assert holm([], alpha=0.01) == ()


@pytest.mark.parametrize(("p", "alpha"), [(-0.1, 0.05), (1.5, 0.05), (0.5, 0.0), (0.5, 1.0)])
def test_probabilities_lie_between_zero_and_one(p: float, alpha: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        plain([p], alpha)


def test_a_heavier_question_has_a_larger_share_of_the_level() -> None:
    heavy, light = holm([Member(0.03, weight=3), Member(0.03, weight=1)], alpha=0.04)

    assert heavy.level == pytest.approx(0.03)
    assert heavy.adjusted_p == pytest.approx(0.04)
    assert light.level == pytest.approx(0.01)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 5)), min_size=1, max_size=8))
def test_equal_weights_change_nothing_and_any_weights_keep_the_sum_of_first_shares(
    members: list[tuple[float, float]],
) -> None:
    p_values = [p for p, _ in members]
    equal = holm([Member(p, weight=2.5) for p in p_values], alpha=0.05)

    assert [one.adjusted_p for one in equal] == pytest.approx([one.adjusted_p for one in plain(p_values, 0.05)])
    weighted = holm([Member(1.0, weight=w) for _, w in members], alpha=0.05)
    assert sum(one.level for one in weighted) == pytest.approx(0.05)


def test_a_question_that_its_sample_cannot_answer_leaves_the_family() -> None:
    able, unable = holm([Member(0.03), Member(0.5, floor=0.5)], alpha=0.04)

    assert able.level == pytest.approx(0.04)
    assert able.adjusted_p == pytest.approx(0.03)
    assert unable.adjusted_p == 1.0
    assert holm([Member(0.03), Member(0.5, floor=0.0)], alpha=0.04)[0].adjusted_p == pytest.approx(0.06)


@pytest.mark.proving
def test_the_family_keeps_its_level_with_weights_and_floors() -> None:
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(4000):
        # Discrete p values of the sign test with few pairs, of which some can never be small.
        pairs = rng.integers(1, 12, 8)
        p_values = np.asarray(stats.binom.sf(rng.binomial(pairs, 0.5) - 1, pairs, 0.5))
        family = [
            Member(float(p), weight=float(w), floor=0.5 ** float(n))
            for p, n, w in zip(p_values, pairs, rng.uniform(0.2, 3, 8), strict=True)
        ]
        alarms += any(one.adjusted_p < 0.05 for one in holm(family, alpha=0.05))

    # At most 5 % of 4,000: 200, standard deviation 14.
    assert 20 <= alarms <= 230
