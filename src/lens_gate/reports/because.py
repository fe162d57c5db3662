"""Why the outcome of one finding follows from its numbers and the rule, in sentences for people without statistics."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log10
from typing import assert_never

from lens_gate.artifacts.analysis import Finding, Policy
from lens_gate.reports.headlines import between
from lens_gate.reports.numbers import NBSP, allowance, at_worst, change, count, quantity
from lens_gate.reports.page import Bounds
from lens_gate.reports.reasons import reason_of
from lens_gate.reports.rows import bounds, of_typical_pair
from lens_gate.reports.words import sentence
from lens_gate.vocabulary.metric_table import METRICS
from lens_gate.vocabulary.metrics import Direction, Hypothesis
from lens_gate.vocabulary.outcomes import Decision, Outcome

QUESTIONS: Mapping[Hypothesis, str] = {
    Hypothesis.TTFT: "how long it takes until the first token of an answer comes, from when the request was due",
    Hypothesis.PER_TOKEN: "how long each further token of an answer takes",
    Hypothesis.TOTAL: "how long the whole answer takes, from when the request was due",
    Hypothesis.TOTAL_EQUAL_LENGTH: "how long the whole answer takes, with the effect of its length taken out",
    Hypothesis.TTFT_TAIL_EXCESS: "how much later the slowest first tokens come",
    Hypothesis.TTFT_TAIL_EXCEEDANCE: "how many first tokens come late: later than 95 of 100 of both versions together",
    Hypothesis.ERRORS: "how many requests fail",
    Hypothesis.COST: "what an answer costs",
    Hypothesis.OUTPUT_LENGTH: "how many tokens an answer has; fewer count as much as more",
    Hypothesis.CACHED_SHARE: "how much of the input comes from the provider's cache; only less is worse",
}
"""What each calibrated question asks, as a clause."""

_DEFINITIONS: Mapping[str, str] = {row.name: row.definition for row in METRICS}
_RAREST = 1e-6


def question(finding: Finding) -> str:
    """Return what was asked, as a sentence; of a classic rule what its metric is."""
    if finding.hypothesis is not None:
        return f"Asked was {QUESTIONS[finding.hypothesis]}."
    return _DEFINITIONS.get(finding.metric, sentence(finding.metric))


def because(finding: Finding, policy: Policy) -> str:
    """Say why the outcome follows from the rule; in the finding's own words where it has no bounds to speak of."""
    numbers = bounds(finding)
    if numbers is None or numbers.limit is None or numbers.upper_pass is None or policy.decision is Decision.CLASSIC:
        return sentence(reason_of(finding))
    match finding.outcome:
        case Outcome.REGRESSION:
            both = "It is a regression because both parts of the rule hold."
            return f"{both} {_real(finding, numbers)} {_matters(numbers, policy)}{_partly(finding)}"
        case Outcome.PASS:
            small = " The change itself is real, and too small to matter." if finding.established else ""
            return f"It passes because {_worst_case(numbers, policy)}, below {_limit(numbers)}.{small}"
        case Outcome.INCONCLUSIVE:
            return _open(finding, numbers, policy)
        case Outcome.NOT_MEASURED | Outcome.NO_BASELINE | Outcome.NOTHING_TO_COMPARE:
            return sentence(reason_of(finding))
        case _ as never:
            assert_never(never)


def measured(finding: Finding) -> str:
    """Return both values, the change and what the data allow of it, as sentences; nothing where nothing is known."""
    numbers = bounds(finding)
    if numbers is None:
        return ""
    unit, known = finding.value_unit, finding.base_value is not None and finding.candidate_value is not None
    before, now = quantity(finding.base_value, unit), quantity(finding.candidate_value, unit)
    moved = change(numbers.estimate, numbers.unit, beside=numbers.limit)
    if known and of_typical_pair(finding):
        size = f"The means are {before} before and {now} now; a typical pair changed by {moved}"
    else:
        size = f"{before} before, {now} now: a change of {moved}" if known else f"A change of {moved}"
    if numbers.lower is None and numbers.upper is None:
        return f"{size}."
    return f"{size}, and the data allow {between(numbers, 'to')}."


def worst(numbers: Bounds) -> str:
    """Return the change that a pass has to rule out, or else the estimate, with its unit."""
    harm = numbers.harm.estimate if numbers.upper_pass is None else numbers.upper_pass
    return f"{at_worst(harm, numbers.worse, beside=numbers.limit)}{NBSP}{numbers.unit}"


def chance(p_value: float) -> str:
    """Return how often chance alone does something, in words: `about 1 of 200 such runs`."""
    if p_value >= 0.5:
        return "more than half of such runs"
    if p_value < _RAREST:
        return f"less than 1 of {count(1 / _RAREST)} such runs"
    runs = 1 / p_value
    return f"about 1 of {count(round(runs, 1 - floor(log10(runs))))} such runs"


def _limit(numbers: Bounds) -> str:
    return f"the {allowance(numbers.limit or 0.0, numbers.unit)} that matter"


def _kindest(numbers: Bounds) -> float | None:
    """Return the end of the interval that is kindest to the new version."""
    match numbers.worse:
        case Direction.LOWER_IS_BETTER:
            return numbers.lower
        case Direction.HIGHER_IS_BETTER:
            return numbers.upper
        case Direction.TWO_SIDED:
            return numbers.lower if numbers.estimate >= 0 else numbers.upper
        case _ as never:
            assert_never(never)


def _real(finding: Finding, numbers: Bounds) -> str:
    """Say why the change is no chance."""
    kindest = _kindest(numbers)
    if kindest is not None and numbers.harm.lower is not None and numbers.harm.lower > 0:
        end = change(kindest, numbers.unit, beside=numbers.limit)
        return f"The change is real: even the end of the interval that is kindest to the new version, {end}, is worse."
    return f"The change is real: chance alone does this in {chance(finding.adjusted_p or 0.0)}."


def _partly(finding: Finding) -> str:
    if not finding.effect.of_means:
        return ""
    return " It is the mean that shows it: a typical answer hardly changed, so it is a part of the answers that did."


def _matters(numbers: Bounds, policy: Policy) -> str:
    if policy.gate_small_effects:
        return "And every real change counts here, however small (`gate_small_effects`)."
    if policy.strict:
        return f"And it matters: even that end lies beyond {_limit(numbers)} (`strict`)."
    return f"And it matters: its size, {change(numbers.estimate, numbers.unit)}, reaches {_limit(numbers)}."


def _worst_case(numbers: Bounds, policy: Policy) -> str:
    """Tell the bound that a pass is judged by, which is another one than the ends of the gate's interval."""
    return f"the worst case by which a pass is judged ({sure_of_pass(policy)} sure) is {worst(numbers)}"


def sure_of_pass(policy: Policy) -> str:
    """Return how sure the bound of a pass is; several looks, and stored runs, ask for more than the policy says."""
    return f"at least {100 * policy.pass_confidence:.4g}{NBSP}%"


def _open(finding: Finding, numbers: Bounds, policy: Policy) -> str:
    """Say why neither a regression nor a pass can be said."""
    bound = numbers.upper_pass
    if bound is None or numbers.limit is None or bound < numbers.limit:
        return sentence(reason_of(finding))
    if not finding.established:
        doubt = "that nothing changed at all is not ruled out"
    elif numbers.harm.estimate <= 0:
        doubt = "the change is one for the better"
    else:
        doubt = f"the change is real, but that it reaches {_limit(numbers)} is not sure enough"
    return (
        f"It is inconclusive because neither can be said. No regression: {doubt}. No pass: "
        f"{_worst_case(numbers, policy)}, not below {_limit(numbers)}."
    )
