"""What an absolute rule is applied to, and where it finds the value of a metric: the summaries in an analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.metric_values import run_value, series_value
from lens_gate.artifacts.run import ModelResult, ProviderResult
from lens_gate.vocabulary.metrics import Metric, Scope


class Places(Protocol):
    """Says at which file and line a key of the configuration stands, None where that is unknown."""

    def __call__(self, *path: str | int) -> str | None:
        """Return the place of the key at `path`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an absolute rule is applied to: one series, with its counterpart in the base where there is one."""

    series: str
    model: ModelResult
    base: ModelResult | None


def subjects(analysis: Analysis) -> tuple[Subject, ...]:
    """Return every series of the candidate."""
    bases = _by_name(analysis.base_providers)
    current = _by_name(analysis.providers)
    if len(current) == len(bases) == 1:
        # A comparison of two models has one of each, under different names.
        bases = dict(zip(current, bases.values(), strict=True))
    return tuple(Subject(series=name, model=model, base=bases.get(name)) for name, model in current.items())


def _by_name(providers: Sequence[ProviderResult]) -> dict[str, ModelResult]:
    return {f"{provider.name}/{model.id}": model for provider in providers for model in provider.models}


def value_of(analysis: Analysis, metric: Metric, model: ModelResult | None) -> float | None:
    """Return a metric of the run, or of one model; None where it was not measured."""
    if metric.scope is Scope.RUN:
        return run_value(analysis.summary, analysis.spend, metric.name)
    return None if model is None else series_value(model, metric)
