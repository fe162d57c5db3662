from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.stats.multiplicity import holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_a_published_example_is_reproduced() -> None:
    stepped = holm([0.01, 0.04, 0.03, 0.005], alpha=0.05)

    assert [one.adjusted_p for one in stepped] == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(P_VALUES, st.sampled_from([0.01, 0.05]))
def test_a_question_stands_exactly_when_its_p_value_is_below_its_level(p_values: list[float], alpha: float) -> None:
    for p, one in zip(p_values, holm(p_values, alpha=alpha), strict=True):
        if abs(one.adjusted_p - alpha) > 1e-12:
            assert (one.adjusted_p < alpha) == (p < one.level)


@given(P_VALUES)
def test_holm_lies_between_no_correction_and_bonferroni(p_values: list[float]) -> None:
    for p, one in zip(p_values, holm(p_values, alpha=0.05), strict=True):
        assert p <= one.adjusted_p <= min(1.0, len(p_values) * p) + 1e-12
        assert 0.05 / len(p_values) <= one.level <= 0.05


def test_no_questions_need_no_answers() -> None:
    assert holm([], alpha=0.01) == ()


@pytest.mark.parametrize(("p", "alpha"), [(-0.1, 0.05), (1.5, 0.05), (0.5, 0.0), (0.5, 1.0)])
def test_probabilities_lie_between_zero_and_one(p: float, alpha: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([p], alpha=alpha)
