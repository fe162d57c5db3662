"""What each reason says: one table of sentences, and the only place that rounds the numbers in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar, assert_never

from lens_gate.artifacts.analysis import Analysis, Finding
from lens_gate.artifacts.reasons import Reason
from lens_gate.artifacts.trend import Trend, TrendFinding, TrendVerdict
from lens_gate.artifacts.verdict import Check, Verdict
from lens_gate.reports.escape import plain
from lens_gate.reports.numbers import (
    NOTHING,
    EffectUnit,
    allowance,
    change,
    count,
    exact,
    headline_size,
    percent,
    percent_of,
    plural,
    probability,
    quantity,
    signed,
    size,
    slope,
    whole_percent,
)
from lens_gate.vocabulary.reasons import Why

SENTENCES: Mapping[Why, str] = {
    Why.SAID: "{text}",
    Why.CHANGED: "Changed by {change:change}, and that is not chance.",
    Why.MEAN_CHANGED: (
        "The mean changed by {change:change} (a typical pair by {typical:change}, so it is a part of the answers), and "
        "that is not chance."
    ),
    Why.SURELY_BEYOND: "It is surely more than the {limit:limit} that matter.",
    Why.LIKELY_BEYOND: "That it reaches the {limit:limit} that matter is likely, not sure.",
    Why.REALLY_CHANGED: "A real change of {change:change}.",
    Why.BELOW: "At most {worst:size} worse, below the {limit:limit} that matter.",
    Why.NOT_WORSE: "Not worse at all.",
    Why.UNCLEAR: "Not clear: {change:change} was measured.",
    Why.AT_MOST: "It may be up to {worst:size} worse.",
    Why.WITHOUT_BOUND: "How much worse it may be is not bounded yet.",
    Why.UNSETTLED: "{pairs:pairs} {pairs:do|does} not settle whether it reaches {limit:limit}.",
    Why.NO_INTERVAL: (
        "{pairs:pairs} {pairs:are|is} too few for an interval: anything from no change to {worst:size} worse is "
        "possible."
    ),
    Why.TOO_FEW_FOR_RARE: (
        "{change:change} was measured, but {pairs:pairs} {pairs:are|is} too few for rare events, and cannot rule out a "
        "change of {limit:limit}."
    ),
    Why.POINTS_APPLY: (
        "A percentage of an error rate needs at least {needed:errors} in the base, which has {errors:errors}, so "
        "{limit:limit} apply."
    ),
    Why.ONE_SIDED: "Unknown, because only the {side} has it: {lacking}.",
    Why.NO_SUCCESS: (
        "Not measured: no comparable request of the {sides} succeeded ({planned:pairs} planned, {throttled:count} "
        "throttled, {failed:count} failed)."
    ),
    Why.NOT_COVERED: "Not covered:",
    Why.NOT_COMPARABLE: "Not comparable:",
    Why.MANY_FAILED: (
        "{base:percent} of {base_name}'s and {candidate:percent} of {candidate_name}'s requests failed; above "
        "{most:rate} the others do not speak for all."
    ),
    Why.FAILED_UNLIKE: (
        "{base:percent} of {base_name}'s and {candidate:percent} of {candidate_name}'s requests failed; more than "
        "{limit:limit} apart, the rest cannot be compared."
    ),
    Why.THROTTLED: (
        "{base:percent} of {base_name}'s and {candidate:percent} of {candidate_name}'s requests were throttled, and "
        "their pairs left out."
    ),
    Why.SENT_SECOND: "{candidate_name} was sent second in {second:percent} of the pairs, which is no chance.",
    Why.PARTLY_LACKING: (
        "{base:percent} of the base's answers and {candidate:percent} of the candidate's {having}, and the others are "
        "not compared."
    ),
    Why.OTHER_PROMPTS: (
        "{then:percent} of the requests then and {now:percent} now are of prompts that the other did not send."
    ),
    Why.COUNTED_ONCE: "the server counted the tokens of only one of the two runs.",
    Why.CACHE_DIFFERS: "the server read {then:percent} of the input from its cache then and {now:percent} now.",
    Why.MEDIAN_BEYOND_ANY_DAY: (
        "The median changed by {change:change}, beyond the {limit:limit} that are a regression whatever the day."
    ),
    Why.MEDIAN_BEYOND_DRIFT: "The median changed by {change:change}, which drift does not explain.",
    Why.MEDIAN_NOT_SURE: (
        "The median changed by {change:change}, which drift does not explain, but not surely beyond the {limit:limit} "
        "that matter."
    ),
    Why.MEDIAN_WITHIN_DRIFT: "The median changed by {change:change}, which drift may explain.",
    Why.CONTROL_ALONE: (
        "{requests:control requests} of the same run {requests:are|is} all that there is to compare with."
    ),
    Why.ONE_STORED_RUN: "1 stored run; {spread:size} from run to run is what is usual.",
    Why.STORED_RUNS: (
        "{runs:stored runs}, {spread:size} from run to run ({own:whole} from this history, {usual:whole} from what is "
        "usual)."
    ),
    Why.CORRECTED: "{requests:control requests} of today {requests:correct|corrects} that.",
    Why.VISIBLE: "A change of {visible:rough} would be found in 95 of 100 such runs.",
    Why.MEASURE_BOTH: "To decide, measure both versions at once.",
    Why.ONE_RUN_HAS_IT: (
        "Unknown, because only one of the two runs has it: the answers of the other were not streamed."
    ),
    Why.TOO_FEW_REQUESTS: (
        "Not screened, which takes {needed:count} successes on each side: {now:requests} succeeded now, {before:count} "
        "in the {where}."
    ),
    Why.NO_SUCH_MODEL: "The {where} has no such model.",
    Why.OWN_NOISE: (
        "{series}: within this run, chance moves the median answer by up to {percent:percent} (95 %); how much days "
        "differ shows when more runs are stored."
    ),
    Why.TREND_ELSEWHERE: "A trend is a matter of many runs, not of two: see lens-gate trend. This rule did not judge.",
    Why.UNKNOWN_VALUE: "{metric} is unknown in one of the runs, or no threshold is set.",
    Why.THRESHOLD: "Changed by {change:change}; the threshold is {limit:limit}.",
    Why.ROSE_FROM_NOTHING: "It was 0 before, and is not now; the threshold is {limit:limit}.",
    Why.TWO_NEEDED: "A test needs at least two successful requests in each run.",
    Why.TESTED: "p = {p:p} at a level of {level:p}; the {centre} changed by {change:change}.",
    Why.SHOWN: "Shown, not gated: {change:change}. The noise of this ratio is as large as the changes that matter.",
    Why.SHOWN_WITHOUT: "Shown, not gated: no figure, the sample is too small for it.",
    Why.BUDGET: "{metric} is {value:value}; {side} {limit:value} is allowed.",
    Why.BUDGET_UNKNOWN: "{metric} was not measured, so its budget is not known to be kept.",
    Why.VARIANCE: "{metric} changed by {change:change}; {limit:limit} is allowed.",
    Why.VARIANCE_UNKNOWN: "{metric} changed by an unknown amount; {limit:limit} is allowed.",
    Why.NO_BASE: "There is no base from which {metric} may vary by {limit:limit}.",
    Why.SHOWN_ONLY: "The change of {metric} in percent is shown, not gated: its noise is not known.",
    Why.NO_PAIR: "The change of {metric} is unknown: no two requests could be compared for it.",
    Why.CHANGE_UNKNOWN: "{metric} is unknown or zero in one of the runs, so its change in percent is unknown.",
    Why.CONDITION_HOLDS: "{condition} holds ({figures}).",
    Why.CONDITION_FAILS: "{condition} does not hold ({figures}).",
    Why.CONDITION_UNKNOWN: "{missing} was not measured, so {condition} is unknown.",
    Why.DIVIDED_BY_ZERO: "{condition} divides by zero ({figures}).",
    Why.SERIES_SILENT: "{measured:count} of {all:count} series were measured; not measured: {names}.",
    Why.NOTHING_ANSWERED: "Nothing answered, so this is unknown.",
    Why.SHIFTED: (
        "Changed {way} by {change:change} ({confidence:share} interval {lower:signed} to {upper:signed}) at {when}; "
        "seen since run {run:count}."
    ),
    Why.SHIFTED_WITHOUT_INTERVAL: (
        "Changed {way} by {change:change} (too few runs for an interval) at {when}; seen since run {run:count}."
    ),
    Why.STEADY: "Steady: no shift of the level; a step of about {visible:size} would be found.",
    Why.NO_NEW_SHIFT: "No new shift for the worse; a step of about {visible:size} would be found. Before:",
    Why.TOO_NOISY: "Too noisy to say: only a step of about {visible:size} would be found.",
    Why.TOO_FEW_RUNS: "Too few runs: {runs:count} of the {needed:count} that it takes.",
    Why.CREPT: (
        "Since the anchor of {day} the level changed by {change:change} ({confidence:share} interval {lower:signed} to "
        "{upper:signed}), with {runs:runs} on either side; {limit:limit} is allowed."
    ),
    Why.CREPT_WITHOUT_INTERVAL: (
        "Since the anchor of {day} the level changed by {change:change} (too few runs for an interval), with "
        "{runs:runs} on either side; {limit:limit} is allowed."
    ),
    Why.NO_ANCHOR: "The anchor run has no value for this.",
    Why.NOTHING_SINCE: "Nothing has come after the anchor run.",
    Why.LINE: (
        "A straight line through the last {runs:runs} changes by {change:slope} a run; {limit:limit} is allowed."
    ),
    Why.GROWS: (
        "Grows worse run by run: {change:slope} a run over the last {runs:count}, {total:change} in all; "
        "{limit:limit} matter."
    ),
    Why.GROWS_NOT: (
        "No steady change for the worse: {change:slope} a run over the last {runs:count}, {total:change} in all; "
        "{limit:limit} matter."
    ),
    Why.NEWEST_UNKNOWN: "{metric} is unknown in the newest run.",
    Why.ZERO_IN_SOME: "{metric} is zero in some runs, so its change in percent is unknown.",
}

_IN_SHORT: Mapping[Why, str] = {
    Why.CHANGED: "Changed, and that is not chance.",
    Why.MEAN_CHANGED: (
        "The mean changed, and that is not chance; a typical pair hardly did, so it is a part of the answers."
    ),
    Why.SURELY_BEYOND: "It is surely more than what matters.",
    Why.LIKELY_BEYOND: "That it is more than what matters is likely, not sure.",
    Why.REALLY_CHANGED: "A real change.",
    Why.UNCLEAR: "Not clear.",
    Why.AT_MOST: "",
    Why.UNSETTLED: "{pairs:pairs} {pairs:do|does} not settle whether it reaches what matters.",
    Why.NO_INTERVAL: (
        "{pairs:pairs} {pairs:are|is} too few for an interval: anything from no change to the bound shown is possible."
    ),
}
"""What is said beside a table that has the numbers, so that alike reasons read alike."""

_FIELD = re.compile(r"\{(\w+)(?::([\w |]+))?\}")
_Values = Mapping[str, float | str]
_FORMS: Mapping[str, Callable[[float, _Values], str]] = {
    "change": lambda number, values: change(number, _unit(values), beside=_number(values, "limit")),
    "size": lambda number, values: size(number, _unit(values), beside=_number(values, "limit")),
    "limit": lambda number, values: allowance(number, _unit(values)),
    "value": lambda number, values: quantity(number, str(values.get("unit", "")), beside=_other(number, values)),
    "rough": lambda number, values: headline_size(number, _unit(values)),
    "slope": lambda number, values: slope(number, _unit(values)),
    "signed": lambda number, _: signed(number),
    "percent": lambda number, values: percent(number, beside=_number(values, "most")),
    "rate": lambda number, _: allowance(number, "%"),
    "share": lambda number, _: percent_of(number),
    "whole": lambda number, _: whole_percent(number),
    "count": lambda number, _: count(number),
    "p": lambda number, _: probability(number),
}
"""How a number is told; any other word is what is counted, and of two words the second goes with one alone."""


_Found = TypeVar("_Found", Finding, TrendFinding)
_Judged = TypeVar("_Judged", Analysis, Verdict, Trend, TrendVerdict)


def reason_of(finding: Finding | TrendFinding) -> str:
    """Return why a finding is as it is, as sentences; a file without reasons is quoted."""
    return told(finding.because) or finding.reason


def message_of(check: Check) -> str:
    """Return why a check ended as it did, as sentences; a file without reasons is quoted."""
    return told(check.because) or check.message


def short_of(finding: Finding) -> str:
    """Return why a finding is as it is, without the numbers that its row has."""
    parts = (_filled_in(_IN_SHORT.get(reason.why, SENTENCES[reason.why]), reason.values) for reason in finding.because)
    return " ".join(part for part in parts if part) or finding.reason


def told(reasons: Iterable[Reason]) -> str:
    """Return reasons as sentences; a number stands beside the limit of all of them."""
    said = tuple(reasons)
    limits = [(_unit(one.values), one.values["limit"]) for one in said if "limit" in one.values]
    return " ".join(_filled_in(SENTENCES[one.why], _with_limit(one.values, limits)) for one in said)


def _with_limit(values: _Values, limits: Iterable[tuple[EffectUnit, float | str]]) -> _Values:
    """Return what fills a sentence, a change with the limit of the sentences around it where it has none."""
    shared = next((limit for unit, limit in limits if unit == _unit(values)), None)
    return values if shared is None or "change" not in values else {"limit": shared, **values}


def _filled_in(sentence: str, values: _Values) -> str:
    return _FIELD.sub(lambda field: _filled(field[1], field[2] or "", values), sentence)


def _filled(name: str, form: str, values: _Values) -> str:
    """Return one value of a sentence; a dash for what a file should say, and does not."""
    if name == "figures":
        return _figures(values)
    match values.get(name):
        case str(text):
            return plain(text)
        case float() | int() as number:
            known = _FORMS.get(form)
            return known(number, values) if known else _of_number(round(number), form)
        case _:
            return NOTHING


def _of_number(number: int, form: str) -> str:
    """Return what is counted with its number, or of two forms of a verb the one that goes with it."""
    many, either, one = form.partition("|")
    if either:
        return one if number == 1 else many
    return plural(number, form.removesuffix("s"))


_WRITTEN = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
"""A number in a condition; that of `p95_latency` is none."""


def _figures(values: _Values) -> str:
    """Return all numbers by the names of their metrics, in the units in which conditions are written."""
    numbers = {name: number for name, number in values.items() if not isinstance(number, str)}
    written = [float(text) for text in _WRITTEN.findall(str(values.get("condition", "")))]
    beside = [*written, *numbers.values()]
    return ", ".join(f"{plain(name)} = {_figure(number, beside)}" for name, number in numbers.items()) or (
        "no metric is asked for"
    )


def _figure(number: float, beside: Iterable[float]) -> str:
    """Return a number that does not read like another one beside it: whole, where six digits would."""
    text = exact(number)
    alike = any(abs(other) != abs(number) and exact(abs(other)) == exact(abs(number)) for other in beside)
    return repr(number) if alike else text


def _unit(values: _Values) -> EffectUnit:
    return "points" if values.get("unit") == "points" else "%"


def _number(values: _Values, name: str) -> float | None:
    value = values.get(name)
    return None if isinstance(value, str) else value


def _other(number: float, values: _Values) -> float | None:
    """Return the limit that a value stands beside, or the value that the limit does."""
    pair = (_number(values, "value"), _number(values, "limit"))
    return next((one for one in pair if one is not None and one != number), None)


def worded(judged: _Judged) -> _Judged:
    """Return an artifact in which every reason stands as sentences too, for readers that know no codes."""
    return judged.model_copy(update=_in_words(judged))


def _in_words(judged: Analysis | Verdict | Trend | TrendVerdict) -> dict[str, object]:
    match judged:
        case Analysis():
            return {"findings": _worded(judged.findings)}
        case Trend():
            series = (one.model_copy(update={"findings": _worded(one.findings)}) for one in judged.series)
            return {"series": tuple(series)}
        case Verdict() | TrendVerdict():
            checks = (check.model_copy(update={"message": message_of(check)}) for check in judged.checks)
            return {"checks": tuple(checks)}
        case _ as never:
            assert_never(never)


def _worded(findings: Iterable[_Found]) -> tuple[_Found, ...]:
    return tuple(finding.model_copy(update={"reason": reason_of(finding)}) for finding in findings)
