"""Goodput in words: how many requests met the objectives, and which objective was missed most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lens_gate.artifacts.load import Goodput
from lens_gate.artifacts.run import ProviderResult, Run
from lens_gate.reports.escape import plain
from lens_gate.reports.facts import partners, results
from lens_gate.reports.numbers import NBSP, percent, share_of, three_digits
from lens_gate.reports.words import listed


def goodput_cell(goodput: Goodput | None) -> str:
    """Return the share of requests that met the objectives; nothing where there are none."""
    return share_of(goodput.met, goodput.total) if goodput else ""


def goodput_entry(run: Run) -> tuple[tuple[str, str], ...]:
    """Return the line of a run's summary; nothing where there are no objectives."""
    kept = [model.goodput for model in results(run.providers).values() if model.goodput]
    if not kept:
        return ()
    met = share_of(sum(one.met for one in kept), sum(one.total for one in kept))
    return (("Goodput", f"{met}{_rate(run.summary.goodput_per_second)}"),)


def goodput_lines(
    candidate: Sequence[ProviderResult], base: Sequence[ProviderResult], names: Mapping[str, str]
) -> tuple[str, ...]:
    """Say for each model how many requests met all objectives, and each of them where there are several."""
    before = partners(candidate, base)
    lines = []
    for series, model in results(candidate).items():
        if model.goodput is None:
            continue
        other = before[series].goodput if series in before else None
        earlier = f" ({goodput_cell(other)} in the baseline)" if other else ""
        name = names.get(series, plain(series))
        lines.append(
            f"{name}: {goodput_cell(model.goodput)} of all requests met {_objectives(model.goodput)}{earlier}."
        )
    return tuple(lines)


def _objectives(goodput: Goodput) -> str:
    """Name the objectives, each with its own share where there are several."""
    if len(goodput.objectives) == 1:
        return plain(goodput.objectives[0].objective)
    apart = [f"{plain(one.objective)} ({percent(round(one.percentage, 1))})" for one in goodput.objectives]
    return listed(apart)


def _rate(per_second: float | None) -> str:
    return "" if per_second is None else f", {three_digits(per_second)}{NBSP}a second"
