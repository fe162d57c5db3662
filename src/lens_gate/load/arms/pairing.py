"""Which requests of two arms form pairs: the series and prompts that both have, and what each has alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lens_gate.artifacts.run import Uncovered
from lens_gate.load.arms.plan import ArmPlan, PromptPlan, SeriesPlan
from lens_gate.load.arms.spread import Length, Spread
from lens_gate.vocabulary.requests import Arm


@dataclass(frozen=True, slots=True)
class SeriesPair:
    """One series in both arms."""

    candidate: SeriesPlan
    base: SeriesPlan


@dataclass(frozen=True, slots=True)
class PromptPair:
    """One prompt in both arms; `drawn` holds the variables of both, each with the values that both arms have."""

    candidate: PromptPlan
    base: PromptPlan
    drawn: PromptPlan


def paired_series(candidate: ArmPlan, base: ArmPlan) -> tuple[SeriesPair, ...]:
    """Return the series that both arms have, in the candidate's order."""
    others = {series.series: series for series in base.series}
    return tuple(SeriesPair(own, others[own.series]) for own in candidate.series if own.series in others)


def paired_prompts(candidate: ArmPlan, base: ArmPlan) -> tuple[PromptPair, ...]:
    """Return the prompts that both arms have by id and that have values of all shared variables in common."""
    others = {prompt.id: prompt for prompt in base.prompts}
    found = (_pair(own, others[own.id]) for own in candidate.prompts if own.id in others)
    return tuple(pair for pair in found if pair is not None)


def _pair(candidate: PromptPlan, base: PromptPlan) -> PromptPair | None:
    shared = candidate.variables.keys() & base.variables.keys()
    if any(candidate.generators.get(name) != base.generators.get(name) for name in shared):
        return None
    common = {name: _common(candidate.variables[name], base.variables[name]) for name in shared}
    if candidate.max_tokens != base.max_tokens and not _both_fixed(candidate.max_tokens, base.max_tokens):
        return None
    if any(not values and name not in candidate.generators for name, values in common.items()):
        return None
    drawn = replace(
        candidate,
        variables={**base.variables, **candidate.variables, **common},
        generators={**base.generators, **candidate.generators},
    )
    return PromptPair(candidate, base, drawn)


def _both_fixed(own: Length | None, other: Length | None) -> bool:
    """Whether neither limit of the answers is drawn: both arms of a pair must get the same draw."""
    return not isinstance(own, Spread) and not isinstance(other, Spread)


def _common(own: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    """Keep the candidate's order and multiplicity; the other arm only says which values it has."""
    known = frozenset(other)
    return tuple(value for value in own if value in known)


def same_name(series: Sequence[SeriesPlan], names: Sequence[SeriesPlan]) -> tuple[SeriesPlan, ...]:
    """Give `series` the names of their counterparts in `names`, so that they pair.

    One model on each side is a pair whatever the two are called; otherwise provider and model must agree, else the
    model alone, each name being given once. What has no counterpart keeps its own name and stays uncovered.
    """
    if len(series) == len(names) == 1:
        return (replace(series[0], series=names[0].series),)
    free = list(names)
    given: dict[int, str] = {}
    for by_provider in (True, False):
        for index, own in enumerate(series):
            match = next((other for other in free if _matches(own, other, by_provider=by_provider)), None)
            if index not in given and match is not None:
                given[index] = match.series
                free.remove(match)
    return tuple(replace(own, series=given.get(index, own.series)) for index, own in enumerate(series))


def _matches(own: SeriesPlan, other: SeriesPlan, *, by_provider: bool) -> bool:
    return own.model == other.model and (own.provider_name == other.provider_name or not by_provider)


def uncovered(candidate: ArmPlan, base: ArmPlan) -> tuple[Uncovered, ...]:
    """List what cannot be compared because only one arm has it: series, prompts, and values of variables.

    A series stands with the prompt id `*`; missing values as `prompt[variable: n values]`.
    """
    return (*alone(candidate, base), *alone(base, candidate))


def alone(own: ArmPlan, other: ArmPlan) -> Iterator[Uncovered]:
    """Yield what the other arm lacks, in the form of `uncovered`."""
    names = {series.series for series in other.series}
    for series in own.series:
        if series.series not in names:
            yield Uncovered(prompt_id="*", arm=own.arm, series=series.series)
    pairs = {pair.candidate.id: pair for pair in paired_prompts(own, other)}
    for prompt in own.prompts:
        if prompt.id in pairs:
            yield from _values_alone(prompt, pairs[prompt.id].base, own.arm)
        else:
            yield Uncovered(prompt_id=prompt.id, arm=own.arm)


def _values_alone(own: PromptPlan, other: PromptPlan, arm: Arm) -> Iterator[Uncovered]:
    for name, values in own.variables.items():
        alone = set(values) - set(other.variables.get(name, values))
        if alone:
            yield Uncovered(prompt_id=f"{own.id}[{name}: {len(alone)} values]", arm=arm)
