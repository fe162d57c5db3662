from __future__ import annotations

import pytest

from lens_gate.artifacts.analysis import Attribution, EqualCache, Part
from lens_gate.reports.causes import cause_lines
from lens_gate.reports.escape import plain
from lens_gate.vocabulary.causes import Cause
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import SERIES, a_finding, an_analysis, an_attribution, an_effect

TOTAL = a_finding(metric="mean_latency", hypothesis=Hypothesis.TOTAL, established=True)
NAMES = {SERIES: "gpt-small"}


def lines(*attributions: Attribution, established: bool = True, outcome: Outcome = Outcome.PASS) -> list[str]:
    total = TOTAL.model_copy(update={"established": established, "outcome": outcome})
    told = cause_lines(an_analysis(total, attribution=attributions), NAMES)
    return [line.replace("\u00a0", " ") for line in told]


def parts(**changes: tuple[float, float | None, float | None]) -> tuple[Part, ...]:
    return tuple(
        Part(cause=Cause(cause), change_ms=change, percent=0.0, lower_ms=lower, upper_ms=upper)
        for cause, (change, lower, upper) in changes.items()
    )


def test_causes_are_told_in_one_line_the_largest_first() -> None:
    assert lines(an_attribution()) == [
        (
            "gpt-small: +120 ms, of which less from the cache +70.0 ms, longer answers +45.0 ms; the other +5.00 ms "
            "may be chance. At equal cache, the first token changed by +2.0 % (−1.0 to +5.0)."
        )
    ]


@pytest.mark.parametrize(
    ("established", "outcome", "told"),
    [(True, Outcome.PASS, 1), (False, Outcome.REGRESSION, 1), (False, Outcome.INCONCLUSIVE, 0)],
)
def test_causes_are_told_of_answers_that_changed(established: bool, outcome: Outcome, told: int) -> None:
    assert len(lines(an_attribution(), established=established, outcome=outcome)) == told
    assert lines(an_attribution(series="other/model"), established=established, outcome=outcome) == []


def test_what_saves_time_has_its_own_words() -> None:
    saved = an_attribution(
        change_ms=-100.0,
        parts=parts(
            cache=(-50.0, -60.0, -40.0),
            length=(-30.0, -40.0, -20.0),
            prompt_mix=(-20.0, None, None),
            pace=(0.5, 0.1, 0.9),
        ),
        ttft_at_equal_cache=None,
    )

    assert lines(saved) == [
        "gpt-small: −100 ms, of which more from the cache −50.0 ms, shorter answers −30.0 ms, faster prompts −20.0 ms."
    ]


def test_a_change_without_a_clear_cause_says_so() -> None:
    unclear = an_attribution(parts=parts(pace=(60.0, -5.0, 125.0), length=(60.0, -9.0, 129.0)))

    assert lines(unclear) == ["gpt-small: +120 ms; no single cause stands out."]


def test_every_cause_has_words() -> None:
    everything = an_attribution(
        change_ms=60.0, parts=parts(**dict.fromkeys(Cause, (10.0, 5.0, 15.0))), ttft_at_equal_cache=None
    )

    assert lines(everything) == [
        (
            "gpt-small: +60.0 ms, of which less from the cache +10.0 ms, first token +10.0 ms, time per token "
            "+10.0 ms, longer answers +10.0 ms, after the last token +10.0 ms, slower prompts +10.0 ms."
        )
    ]


def test_an_unknown_series_goes_by_its_own_name() -> None:
    found = cause_lines(an_analysis(TOTAL, attribution=(an_attribution(),)), {})

    assert plain(found[0]).startswith(f"{SERIES}: +120")


def test_a_small_part_of_the_cache_does_not_lengthen_the_line() -> None:
    equal = EqualCache(effect=an_effect(2.0), p_value=0.5)
    small = an_attribution(parts=parts(length=(119.0, 100.0, 140.0), cache=(1.0, -2.0, 4.0)), ttft_at_equal_cache=equal)

    assert "equal cache" not in lines(small)[0]
