"""The facts around a judgement, as sentences and rows: what was compared, whether it is valid, what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from lens_gate.artifacts.analysis import Analysis, Coverage, Finding, LookTaken, View
from lens_gate.artifacts.envelope import Provenance
from lens_gate.artifacts.run import (
    ArmIdentity,
    Comparison,
    ErrorCount,
    ModelResult,
    ProviderResult,
    Run,
    Spend,
    Uncovered,
    Validity,
    ValidityCheck,
)
from lens_gate.reports.escape import plain, shortened
from lens_gate.reports.numbers import (
    NBSP,
    NOTHING,
    change,
    count,
    headline_size,
    interval,
    percent,
    plural,
    quantity,
    usd,
    usd_as_set,
)
from lens_gate.reports.page import CostRow, ErrorRow
from lens_gate.reports.words import label, listed, sentence
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Arm, FinishReason

_LONGEST_LABEL = 80
_LONGEST_NOTE = 600
_COMMIT_DIGITS = 7
_NAMED_AT_MOST = 5


def results(providers: Sequence[ProviderResult]) -> dict[str, ModelResult]:
    """Return the results by series."""
    return {f"{provider.name}/{model.id}": model for provider in providers for model in provider.models}


def answered(run: Run) -> tuple[int, int]:
    """Return how many requests of both versions together were measured, and how many of them succeeded."""
    others = [model.requests for model in results(run.base_providers).values()]
    total = run.summary.total_requests + sum(one.total for one in others)
    return total, run.summary.successful_requests + sum(one.successful for one in others)


def partners(candidate: Sequence[ProviderResult], base: Sequence[ProviderResult]) -> dict[str, ModelResult]:
    """Return the base's result of each series of the candidate; where one model replaces another, that one's."""
    now, before = results(candidate), results(base)
    found = {series: before[series] for series in now if series in before}
    new, gone = [series for series in now if series not in before], [series for series in before if series not in now]
    return {**found, new[0]: before[gone[0]]} if len(new) == len(gone) == 1 else found


def compared(analysis: Analysis) -> str:
    """Say which two versions were compared, over how many pairs, and whether at the same time."""
    arms = {arm.arm: identity(arm) for arm in analysis.arms}
    candidate = arms.get(Arm.CANDIDATE, "this version")
    base = "itself" if is_itself(analysis.comparison) else arms.get(Arm.BASE, "the other version")
    if analysis.comparison is not None and analysis.comparison.equal:
        return f"{candidate} and {base} have nothing that differs and could be compared."
    match analysis.source:
        case "duet":
            pairs = pairs_used(analysis.coverage)
            earlier = base if is_itself(analysis.comparison) else f"{base}, the baseline,"
            return f"Compared {candidate} with {earlier} at the same time, {pairs}.{_looked(analysis.looks)}"
        case "stored":
            return f"Compared {candidate} with {_stored(analysis, base)}.{_visible(analysis)}"
        case "none" if Arm.BASE in arms:
            return f"Measured {candidate} and {base} at the same time, without a comparison."
        case "none":
            several = analysis.ranking is not None
            how = " side by side, and no other version of them" if several else ", and no other version"
            return f"Measured {candidate}{how}."
        case _ as never:
            assert_never(never)


@dataclass(frozen=True, slots=True)
class Basis:
    """What a run without pairs was compared with: so many stored runs, and so many control requests a model."""

    runs: int
    control_requests: int


def basis_of(analysis: Analysis) -> Basis | None:
    """Return what a run without pairs was compared with; None where no finding says so."""
    histories = [finding.history for finding in analysis.findings if finding.history]
    if not histories:
        return None
    return Basis(
        runs=max(history.runs for history in histories),
        control_requests=max(history.control_requests for history in histories),
    )


def _stored(analysis: Analysis, base: str) -> str:
    """Name what a run without pairs was compared with: stored runs, a control, or both."""
    basis = basis_of(analysis)
    if basis is None:
        return f"{base}, measured earlier and stored"
    today = f"{plural(basis.control_requests, 'control request')} a model of {base} in the same run"
    if basis.runs == 0:
        return today
    runs = plural(basis.runs, "stored run")
    return f"{runs}, corrected by {today}" if basis.control_requests else runs


def _visible(analysis: Analysis) -> str:
    """Say how large a change must be to show against stored runs; nothing where that is not known."""
    seen = [f.history.smallest_visible_percent for f in analysis.findings if f.history]
    if not seen:
        return ""
    least, most = (headline_size(end, "%") for end in (min(seen), max(seen)))
    size = least if least == most else f"{least} to {most}, depending on the question,"
    return f" A change of {size} would be found in 95 of 100 such runs; a smaller one may be found by luck."


def is_itself(comparison: Comparison | None) -> bool:
    """Whether both versions were the same on purpose, to measure the noise."""
    return comparison is not None and comparison.kind == "self"


def identity(arm: ArmIdentity) -> str:
    """Return how an arm is named: its commit, with its label where that says more."""
    name = shortened(plain(arm.label), _LONGEST_LABEL)
    commit = plain(arm.commit or "")[:_COMMIT_DIGITS]
    if not commit or name.startswith(commit):
        return name
    return f"{commit} ({name})" if name else commit


def pairs_used(coverage: Sequence[Coverage]) -> str:
    """Say over how many pairs was compared, of each model where there are several."""
    used = [series.pairs_used for series in coverage]
    if not used:
        return "no pairs"
    fewest, most = min(used), max(used)
    number = plural(most, "pair") if fewest == most else f"{count(fewest)} to {plural(most, 'pair')}"
    return number if len(used) == 1 else f"{number} a model"


def _looked(looks: Sequence[LookTaken]) -> str:
    """Say how a run ended that was to end when it is decided; nothing for any other."""
    if not looks:
        return ""
    last, times = looks[-1].outcomes.values(), "once" if len(looks) == 1 else f"{count(len(looks))} times"
    decided = Outcome.REGRESSION in last or all(outcome is Outcome.PASS for outcome in last)
    end = "ended when the answer was clear" if decided else "found no clear answer within what was allowed"
    return f" It looked {times}, and {end}."


def view_lines(findings: Sequence[Finding], names: Mapping[str, str]) -> tuple[str, ...]:
    """Say how else the changes look that were established or that stay open: by the medians, and by the means."""
    told = [f for f in findings if f.views and (f.established or f.outcome is not Outcome.PASS)]
    lines = (_viewed(finding, names.get(finding.series, plain(finding.series))) for finding in told)
    return (*lines, *([_EACH_BY_ITSELF] if told else []))


_EACH_BY_ITSELF = (
    "Each interval counts for itself. The verdict answers for all checks together and is harder to convince."
)


def _viewed(finding: Finding, subject: str) -> str:
    return f"{subject} · {label(finding.metric, finding.hypothesis)}: {listed([_view(one) for one in finding.views])}."


def _view(view: View) -> str:
    ends = interval(view.lower, view.upper)
    return f"{view.name} {change(view.estimate, '%')} ({100 * view.confidence:.4g}{NBSP}% interval {ends})"


def measured_anything(providers: Iterable[ProviderResult]) -> bool:
    """Whether any request succeeded: without one there is no measurement that could be valid or not."""
    return any(model.requests.successful for provider in providers for model in provider.models)


def valid(validity: Validity, *, measured: bool = True) -> str:
    """Say whether the measurement can carry a verdict, and what it was warned of; of nothing `measured` only that."""
    broken = [check for check in validity.checks if not check.ok]
    if validity.valid and not measured:
        warned = f"Warned of: {_messages(broken)}." if broken else ""
        return f"Nothing was measured. {warned}".rstrip()
    if not validity.valid:
        causes = [check for check in broken if check.effect == "invalid"] or broken
        return f"Measurement not valid: {_messages(causes)}."
    if broken:
        return f"Measurement valid, with {plural(len(broken), 'warning')}: {_messages(broken)}."
    return "Measurement valid."


def _messages(checks: Sequence[ValidityCheck]) -> str:
    texts = _said_once([plain(check.message).rstrip(".") for check in checks])
    return shortened("; ".join(texts), _LONGEST_NOTE) if texts else "no reason was recorded"


def _said_once(messages: Sequence[str]) -> list[str]:
    """Leave out what a message advises, behind its first semicolon, where a later one advises the same."""
    halves = [message.partition("; ") for message in messages]
    later = [{advice for _, _, advice in halves[number:]} for number in range(1, len(halves) + 1)]
    return [
        trouble if advice in behind else f"{trouble}{joint}{advice}"
        for (trouble, joint, advice), behind in zip(halves, later, strict=True)
    ]


def validity_lines(validity: Validity) -> tuple[str, ...]:
    """Return one sentence per question about the instrument."""
    return tuple(_validity_line(check) for check in validity.checks)


def _validity_line(check: ValidityCheck) -> str:
    if check.ok and check.value is None:
        return f"{plain(check.name).replace('_', ' ')}: not asked."
    word = "ok" if check.ok else "warning" if check.effect == "warn" else "not ok"
    known_value = f" ({quantity(check.value, check.unit)})" if check.value is not None else ""
    limit = f", limit {quantity(check.limit, check.unit)}" if check.limit is not None else ""
    message = "" if plain(check.message).rstrip(".") == "ok" else f" {sentence(check.message)}"
    return f"{plain(check.name).replace('_', ' ')}: {word}{known_value}{limit}.{message}"


def known_usd(spend: Spend) -> float | None:
    """Return what is known to be spent; None where nothing is, because a model has no price."""
    return None if spend.unpriced_models and not spend.spent_usd else spend.spent_usd


def spent(spend: Spend) -> str:
    """Say what the run cost, of how much, and for which models no price is known."""
    cap = f" of {usd_as_set(spend.cap_usd)} allowed" if spend.cap_usd is not None else ""
    if not spend.unpriced_models:
        least = "at least " if spend.lost_requests else ""
        return f"The run cost {least}{usd(spend.spent_usd)}{cap}."
    names = listed([shortened(plain(name), _LONGEST_LABEL) for name in spend.unpriced_models[:_NAMED_AT_MOST]])
    more = len(spend.unpriced_models) - _NAMED_AT_MOST
    others = f" and {more} more" if more > 0 else ""
    known = f"The run cost at least {usd(spend.spent_usd)}{cap};" if spend.spent_usd else "What it cost is not known:"
    return f"{known} no price is known for {names}{others}."


def coverage_lines(coverage: Sequence[Coverage], names: Mapping[str, str]) -> tuple[str, ...]:
    """Say for each model that has pairs how many could be used, and what took the others away."""
    return tuple(f"{names.get(row.series, plain(row.series))}: {_used(row)}." for row in coverage if row.pairs_planned)


def _used(row: Coverage) -> str:
    reasons = (
        (row.excluded_throttled, "left out because a provider throttled"),
        (row.excluded_failed, "left out because a request failed"),
        (row.censored, "counted at their time limit"),
    )
    others = "".join(f", {count(number)} {why}" for number, why in reasons if number)
    return f"{count(row.pairs_used)} of {plural(row.pairs_planned, 'pair')} used{others}"


def uncovered_lines(uncovered: Sequence[Uncovered]) -> tuple[str, ...]:
    """Name the prompts and models that only one version has."""
    sides = {Arm.BASE: "in the baseline only", Arm.CANDIDATE: "in the candidate only"}
    return tuple(f"{_uncovered(row)}: {sides[row.arm]}." for row in uncovered)


def _uncovered(row: Uncovered) -> str:
    series = f"model {plain(row.series)}" if row.series else ""
    prompt = "" if row.prompt_id == "*" else f"prompt {plain(row.prompt_id)}"
    return shortened(", ".join(part for part in (series, prompt) if part) or "all prompts", 2 * _LONGEST_LABEL)


def error_rows(
    candidate: Sequence[ProviderResult], base: Sequence[ProviderResult], names: Mapping[str, str]
) -> tuple[ErrorRow, ...]:
    """Return one row per model of the candidate and error class of either arm, the most frequent first."""
    now, before = results(candidate), partners(candidate, base)
    return tuple(
        row
        for series, model in now.items()
        for row in _model_errors(
            names.get(series, plain(series)),
            model.errors,
            before[series].errors if series in before else (),
            compared_arms=bool(base),
        )
    )


def _model_errors(
    subject: str, now: Sequence[ErrorCount], before: Sequence[ErrorCount], *, compared_arms: bool
) -> list[ErrorRow]:
    counts, base_counts = {row.type: row for row in now}, {row.type: row for row in before}
    classes = sorted({*counts, *base_counts}, key=lambda name: (-_times(counts.get(name)), name))
    return [
        ErrorRow(
            subject=subject,
            error_class=shortened(plain(name), _LONGEST_LABEL),
            base=_errors(base_counts.get(name)) if compared_arms else None,
            candidate=_errors(counts.get(name)),
            example=_example(counts.get(name) or base_counts.get(name)),
            base_share=_share(base_counts.get(name)) if compared_arms else None,
            share=_share(counts.get(name)),
        )
        for name in classes
    ]


def _times(row: ErrorCount | None) -> int:
    return row.count if row else 0


def _errors(row: ErrorCount | None) -> str:
    return f"{count(row.count)} ({percent(row.percentage)})" if row else "0"


def _share(row: ErrorCount | None) -> float:
    return row.percentage if row else 0.0


def _example(row: ErrorCount | None) -> str | None:
    return shortened(plain(row.example), _LONGEST_NOTE) if row and row.example else None


def cost_rows(
    candidate: Sequence[ProviderResult], base: Sequence[ProviderResult], names: Mapping[str, str]
) -> tuple[CostRow, ...]:
    """Return what an answer of each model cost in each arm."""
    before = partners(candidate, base)
    return tuple(
        CostRow(
            subject=names.get(series, plain(series)),
            base=_dollars(before[series].cost.average_per_request_usd) if series in before else NOTHING,
            candidate=_dollars(model.cost.average_per_request_usd),
            total=_dollars(model.cost.total_usd),
        )
        for series, model in results(candidate).items()
    )


def finish_lines(
    candidate: Sequence[ProviderResult], base: Sequence[ProviderResult], names: Mapping[str, str]
) -> tuple[str, ...]:
    """Say for each model how often its answers ended in another way than by themselves."""
    before = partners(candidate, base)
    return tuple(
        f"{names.get(series, plain(series))}: {plain(reason)} ended {plural(times, 'answer')}{other}."
        for series, model in results(candidate).items()
        for reason, times, other in _unusual(model, before.get(series))
    )


def _unusual(now: ModelResult, before: ModelResult | None) -> list[tuple[str, int, str]]:
    earlier = before.finish_reasons if before else {}
    reasons = sorted({*now.finish_reasons, *earlier} - {FinishReason.STOP})
    other = {reason: f" ({count(earlier.get(reason, 0))} in the baseline)" if before else "" for reason in reasons}
    return [(reason, now.finish_reasons.get(reason, 0), other[reason]) for reason in reasons]


def _dollars(value: float | None) -> str:
    return NOTHING if value is None else usd(value)


def _price(value: float | None) -> str:
    return NOTHING if value is None else usd_as_set(value)


def prices(spend: Spend) -> tuple[str, ...]:
    """Say at which prices the money was counted."""
    return tuple(
        f"Price of {plain(price.provider)}/{plain(price.model)}: {_price(price.input_usd_per_million)} in and "
        f"{_price(price.output_usd_per_million)} out for a million tokens ({plain(price.source)}"
        f"{f',{NBSP}{plain(price.date)}' if price.date else ''})."
        for price in spend.prices
    )


def moment(created_at: str) -> str:
    """Return `2026-03-02 10:05:01 UTC`; a time that cannot be read stays as it is."""
    try:
        moment = datetime.fromisoformat(created_at)
    except ValueError:
        return plain(created_at)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def tool_name(provenance: Provenance) -> str:
    """Say who wrote an artifact."""
    return f"lens-gate {plain(provenance.tool_version)}"
