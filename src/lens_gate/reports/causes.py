"""Where a change in the whole answer comes from, in one line a model."""

from __future__ import annotations

from collections.abc import Mapping

from lens_gate.artifacts.analysis import Analysis, Attribution, EqualCache, Part
from lens_gate.reports.escape import plain
from lens_gate.reports.numbers import change, interval, signed_quantity
from lens_gate.vocabulary.causes import Cause
from lens_gate.vocabulary.outcomes import Outcome

_WHOLE_ANSWER = "mean_latency"
_WORDS: Mapping[Cause, tuple[str, str]] = {
    Cause.CACHE: ("less from the cache", "more from the cache"),
    Cause.FIRST_TOKEN: ("first token", "first token"),
    Cause.PACE: ("time per token", "time per token"),
    Cause.LENGTH: ("longer answers", "shorter answers"),
    Cause.REST: ("after the last token", "after the last token"),
    Cause.PROMPT_MIX: ("slower prompts", "faster prompts"),
}
"""What each cause is called where it adds time, and where it saves some."""

_WORTH_TELLING = 0.02
"""What is smaller than this share of the largest part is left out."""


def cause_lines(analysis: Analysis, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return one line for each model whose whole answer has changed, and none for the others."""
    changed = {
        finding.series
        for finding in analysis.findings
        if finding.metric == _WHOLE_ANSWER and (finding.established or finding.outcome is Outcome.REGRESSION)
    }
    return tuple(
        f"{names.get(row.series, plain(row.series))}: {_line(row)}"
        for row in analysis.attribution
        if row.series in changed
    )


def _line(row: Attribution) -> str:
    parts = sorted(filter(_stands_out, row.parts), key=lambda part: -abs(part.change_ms))
    least = _WORTH_TELLING * max(abs(part.change_ms) for part in row.parts)
    words = [
        f"{_WORDS[part.cause][part.change_ms <= 0]} {_amount(part.change_ms)}"
        for part in parts
        if abs(part.change_ms) >= least
    ]
    remaining = row.change_ms - sum(part.change_ms for part in parts)
    chance = f"; the other {_amount(remaining)} may be chance" if words and abs(remaining) >= least else ""
    cached = row.ttft_at_equal_cache if any(part.cause is Cause.CACHE for part in parts) else None
    equal = _at_equal_cache(cached) if cached else ""
    told = f", of which {', '.join(words)}" if words else "; no single cause stands out"
    return f"{_amount(row.change_ms)}{told}{chance}.{equal}"


def _stands_out(part: Part) -> bool:
    """Whether a part is more than chance; against a stored run nobody can tell, and all parts are told."""
    if part.lower_ms is None or part.upper_ms is None:
        return True
    return not part.lower_ms <= 0 <= part.upper_ms


def _amount(milliseconds: float) -> str:
    return signed_quantity(milliseconds, "ms")


def _at_equal_cache(found: EqualCache) -> str:
    effect = found.effect
    return (
        f" At equal cache, the first token changed by {change(effect.estimate, effect.unit)}"
        f" ({interval(effect.lower, effect.upper)})."
    )
