"""Each question that a pass does not cover stands beside the command or the key that would cover it."""

from __future__ import annotations

from typing import Any

import pytest

from lens_gate.artifacts.analysis import CoveredBy, Need
from lens_gate.artifacts.run import Comparison, Uncovered
from lens_gate.reports.console import console
from lens_gate.reports.covering import gaps, not_covered
from lens_gate.reports.markdown import markdown
from lens_gate.reports.page import MOST_TOLD, Gap
from lens_gate.reports.view import view
from lens_gate.vocabulary.outcomes import Cover, Remedy
from lens_gate.vocabulary.requests import Arm
from tests.builders import a_coverage, a_verdict, an_analysis
from tests.scenarios import STEADY

LATE = CoveredBy(remedy=Remedy.PAIRS, pairs=663, cover=Cover.TAILS)
FAILED = CoveredBy(remedy=Remedy.PAIRS, pairs=829, cover=Cover.ERRORS)


def gaps_of(*by: CoveredBy, series: tuple[str, ...] = ("openai/gpt-small",), **changes: Any) -> tuple[Gap, ...]:
    texts = tuple(f"reason {number}" for number in range(len(by)))
    coverage = tuple(a_coverage(series=one, not_covered=texts, covered_by=by) for one in series)
    return gaps(an_analysis(coverage=coverage, **changes), {})


def test_one_command_covers_all_rare_events_of_all_models() -> None:
    (gap,) = gaps_of(LATE, FAILED, series=("p/a", "p/b"), comparison=Comparison(kind="model", value="x y", equal=False))
    assert gap.texts == ("p/a: reason 0.", "p/a: reason 1.", "p/b: reason 0.", "p/b: reason 1.")
    assert gap.remedy.startswith("Covered by 829 pairs a model")
    assert "A pair is two requests, one to each version." in gap.remedy
    assert gap.command == "lens-gate ci --against-model 'x y' --requests 3316 --cover errors,tails"


def test_what_it_costs_to_cover_them_is_said_and_capped() -> None:
    price = Need(pairs=829, usd=0.0829, minutes=2.4)
    (gap,) = gaps_of(LATE, FAILED, covering=price)
    assert gap.remedy.startswith("Covered by 829 pairs a model ($0.0829, 3 minutes). A pair")
    assert gap.command == "lens-gate ci --against-ref main --requests 1658 --max-cost 0.10 --cover errors,tails"
    (other,) = gaps_of(LATE, covering=price)
    assert "Covered by 663 pairs a model. A pair" in other.remedy, "a price of other pairs says nothing"


def test_a_headline_names_each_topic_once() -> None:
    def named(*texts: str, **changes: Any) -> tuple[str, ...]:
        return not_covered(
            an_analysis(coverage=(a_coverage(not_covered=texts), a_coverage(not_covered=texts)), **changes)
        )

    slow = ("ttft_above_pooled_p95: few", "ttft_excess_above_pooled_p90: few", "error_rate: few")
    assert named(*slow) == ("slow first tokens", "errors")
    assert named("too few") == ("some checks",)
    alone = (Uncovered(prompt_id="new", arm=Arm.CANDIDATE),)
    assert named("error_rate: few", uncovered=alone) == ("errors", "what only one version has")
    assert named(*slow, "cached_share: none", "cost_per_request_usd: none") == ("slow first tokens", "errors", "2 more")


def test_a_version_against_itself_has_no_gate_to_repeat() -> None:
    (gap,) = gaps_of(LATE, comparison=Comparison(kind="self", value="itself", equal=False))
    assert gap.command is None


@pytest.mark.parametrize("remedy", [one for one in Remedy if one is not Remedy.PAIRS])
def test_every_other_remedy_is_said_in_words(remedy: Remedy) -> None:
    (gap,) = gaps_of(CoveredBy(remedy=remedy))
    assert gap.remedy.startswith("Covered ")
    assert (gap.command is not None) is (remedy is Remedy.BOTH_AT_ONCE)


def test_what_only_one_version_has_is_compared_once_both_have_it() -> None:
    (gap,) = gaps(an_analysis(uncovered=(Uncovered(prompt_id="new", arm=Arm.CANDIDATE),)), {})
    assert gap == Gap(
        texts=("prompt new: in the candidate only.",), remedy="Covered once both versions have it.", command=None
    )


def test_a_file_that_does_not_say_what_would_cover_it_is_told_as_it_is() -> None:
    (gap,) = gaps(an_analysis(coverage=(a_coverage(not_covered=("too few",)),)), {})
    assert (gap.texts, gap.remedy, gap.command) == (("openai/gpt-small: too few.",), "", None)


def test_many_questions_of_one_kind_are_counted() -> None:
    (gap,) = gaps_of(*[LATE] * (MOST_TOLD + 2))
    assert len(gap.texts) == MOST_TOLD + 2
    assert gap.few == (*gap.texts[:MOST_TOLD], "And 2 more checks.")
    (short,) = gaps_of(LATE)
    assert short.few == short.texts


def test_such_a_file_is_reported_without_what_would_cover_it() -> None:
    page = view(a_verdict(an_analysis(STEADY, coverage=(a_coverage(not_covered=("too few",)),))))
    for text in (markdown(page), console(page, colour=False, width=72, unicode=True)):
        assert "too few." in text
        assert "Covered" not in text
