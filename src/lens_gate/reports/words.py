"""The words of all reports: one table for marks, one for what a metric is called, one for how a change is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from lens_gate.reports.escape import plain
from lens_gate.vocabulary.metric_table import metric
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import ExitCode, Outcome, Severity


@dataclass(frozen=True, slots=True)
class Mark:
    """A state told by shape and word; `ascii` is the shape where there is no Unicode."""

    symbol: str
    ascii: str
    word: str


MARKS: Mapping[Outcome, Mark] = {
    Outcome.PASS: Mark("✓", ".", "pass"),
    Outcome.REGRESSION: Mark("◆", "#", "regression"),
    Outcome.INCONCLUSIVE: Mark("○", "o", "inconclusive"),
    Outcome.NOTHING_TO_COMPARE: Mark("=", "=", "nothing to compare"),
    Outcome.NO_BASELINE: Mark("–", "-", "no baseline"),
    Outcome.NOT_MEASURED: Mark("✗", "x", "not measured"),
}
BROKEN = Mark("◆", "#", "beyond the limit")
WARNING = Mark("▲", "^", "warning")
INFO = Mark("△", "i", "info")


def mark(outcome: Outcome, severity: Severity, *, comparison: bool) -> Mark:
    """Return the mark of a check: a breach that does not fail the gate is a warning, one without a change a limit."""
    if outcome is not Outcome.REGRESSION:
        return MARKS[outcome]
    match severity:
        case Severity.ERROR:
            return MARKS[outcome] if comparison else BROKEN
        case Severity.WARNING:
            return WARNING
        case Severity.INFO:
            return INFO
        case _ as never:
            assert_never(never)


def verdict_mark(outcome: Outcome, code: ExitCode) -> Mark:
    """Return the mark of a whole verdict: one that fails its command all the same is never marked as a pass."""
    if code is ExitCode.GATE_FAILED and outcome is not Outcome.REGRESSION:
        return WARNING
    return MARKS[Outcome.INCONCLUSIVE if outcome is Outcome.PASS and code is not ExitCode.OK else outcome]


JOINT = " · "
"""What stands between a model and what is asked of it."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """How one question is named, and how a change in it is told; `{who}` is the model, `{size}` the change."""

    label: str
    more: str
    less: str


PHRASES: Mapping[Hypothesis, Phrase] = {
    Hypothesis.TTFT: Phrase(
        "first token", "{who}'s first token comes {size} later", "{who}'s first token comes {size} earlier"
    ),
    Hypothesis.PER_TOKEN: Phrase(
        "time per token", "{who} takes {size} longer for each token", "{who} takes {size} less for each token"
    ),
    Hypothesis.TOTAL: Phrase(
        "whole answer", "{who}'s whole answer takes {size} longer", "{who}'s whole answer takes {size} less"
    ),
    Hypothesis.TOTAL_EQUAL_LENGTH: Phrase(
        "answer of equal length",
        "{who} takes {size} longer for an answer of equal length",
        "{who} takes {size} less for an answer of equal length",
    ),
    Hypothesis.TTFT_TAIL_EXCESS: Phrase(
        "slowest first tokens",
        "{who}'s slowest first tokens come {size} later",
        "{who}'s slowest first tokens come {size} earlier",
    ),
    Hypothesis.TTFT_TAIL_EXCEEDANCE: Phrase(
        "late first tokens",
        "{size} more of {who}'s requests get their first token late",
        "{size} fewer of {who}'s requests get their first token late",
    ),
    Hypothesis.ERRORS: Phrase(
        "errors", "{size} more of {who}'s requests fail", "{size} fewer of {who}'s requests fail"
    ),
    Hypothesis.COST: Phrase(
        "cost of an answer", "an answer of {who} costs {size} more", "an answer of {who} costs {size} less"
    ),
    Hypothesis.OUTPUT_LENGTH: Phrase(
        "length of an answer", "{who}'s answers are {size} longer", "{who}'s answers are {size} shorter"
    ),
    Hypothesis.CACHED_SHARE: Phrase(
        "share from the cache",
        "{who} reads {size} more of its input from the cache",
        "{who} reads {size} less of its input from the cache",
    ),
}

_QUANTITIES: Mapping[str, str] = {
    "ttft": "first token",
    "ttft_visible": "first visible token",
    "tpot": "time per token",
    "latency": "whole answer",
    "service_latency": "whole answer from the actual send",
    "inter_chunk": "gap between chunks",
}
_STATISTICS: Mapping[str, str] = {
    "mean": " (mean)",
    "median": " (median)",
    "p75": " (p75)",
    "p90": " (p90)",
    "p95": " (p95)",
    "p99": " (p99)",
    "p99_9": " (p99.9)",
}
_COUNTED: Mapping[str, str] = {
    "total_equal_length_latency": "answer of equal length",
    "ttft_above_pooled_p95": "late first tokens",
    "ttft_excess_above_pooled_p90": "slowest first tokens",
    "latency_distribution": "distribution of the whole answer",
    "error_rate": "errors",
    "success_rate": "successes",
    "throttled_share": "throttled requests",
    "truncated_share": "answers cut at the token limit",
    "refused_share": "refused answers",
    "cost_per_request_usd": "cost of an answer",
    "cost_per_1k_tokens": "cost of 1,000 tokens",
    "total_cost_usd": "cost of the run",
    "total_requests": "requests",
    "total_tokens": "tokens",
    "mean_output_tokens": "length of an answer",
    "cached_share": "share from the cache",
    "requests_per_second": "requests per second",
    "tokens_per_second": "tokens per second",
    "output_tokens_per_second": "output tokens per second",
    "goodput_share": "requests that met the objectives",
    "goodput": "requests per second that met the objectives",
}
_TIMED: Mapping[str, str] = {
    f"{statistic}_{quantity}": quantity_words + statistic_words
    for quantity, quantity_words in _QUANTITIES.items()
    for statistic, statistic_words in _STATISTICS.items()
}
LABELS: Mapping[str, str] = {**_TIMED, **_COUNTED}
"""What each metric of the table in `vocabulary` is called in reports."""


def label(metric: str, hypothesis: Hypothesis | None) -> str:
    """Return what a metric is called; a calibrated question has its own name."""
    return PHRASES[hypothesis].label if hypothesis else LABELS.get(metric, plain(metric).replace("_", " "))


def in_words(remark: str) -> str:
    """Return a remark that begins with a metric's name and a colon with what the metric is called in its place."""
    name, colon, rest = remark.partition(": ")
    return f"{label(name, metric(name).hypothesis)}{colon}{rest}" if colon and name in LABELS else remark


def told(who: str, metric: str, hypothesis: Hypothesis | None, *, size: str, more: bool) -> str:
    """Return the change as a sentence without its full stop."""
    if hypothesis is None:
        return f"{who}: {label(metric, None)} is {size} {'higher' if more else 'lower'}"
    phrase = PHRASES[hypothesis]
    return (phrase.more if more else phrase.less).format(who=who, size=size)


def listed(parts: list[str]) -> str:
    """Join parts as a sentence does: `a`, `a and b`, `a, b, and c`."""
    if len(parts) < 3:
        return " and ".join(parts)
    return ", ".join(parts[:-1]) + f", and {parts[-1]}"


_ALONE = ("lens-gate explain ", "lens-gate validate ", "lens-gate doctor --input ")
"""Commands that read what is there; all others measure anew, with the options of the run that was judged."""


def next_words(command: str) -> str:
    """Return the words that stand before the next command: `Next`, or that it takes the other options too."""
    return "Next" if f"{command} ".startswith(_ALONE) else "Next, with your other options"


_MOST_TITLES = 6


def together(titles: Sequence[str]) -> str:
    """Name checks of one model by that once: `gpt-small · first token, whole answer, and 5 more`."""
    parts = [title.partition(JOINT) for title in titles]
    subjects = {subject for subject, joint, _ in parts if joint}
    alone = len(subjects) == 1 and all(joint for _, joint, _ in parts)
    names = [label for _, _, label in parts] if alone else list(titles)
    more = len(names) - _MOST_TITLES
    told = listed(names if more <= 0 else [*names[:_MOST_TITLES], f"{more} more"])
    return f"{subjects.pop()}{JOINT}{told}" if alone else told


def sentence(text: str) -> str:
    """Return a message as a sentence: a capital where it begins with a plain word, a full stop at its end."""
    clean = plain(text)
    if not clean:
        return ""
    closed = clean if clean.endswith((".", "!", "?", "…")) else f"{clean}."
    first = closed.split(" ", 1)[0]
    return closed[:1].upper() + closed[1:] if first.isalpha() else closed
