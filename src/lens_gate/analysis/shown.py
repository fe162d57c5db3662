"""Changes that a configuration names, and that no sample of a usual size can carry: shown, not gated, and said so."""

from __future__ import annotations

from collections.abc import Sequence

from lens_gate.analysis.judgement import silent_finding
from lens_gate.analysis.stored import StoredSeries
from lens_gate.artifacts.analysis import Finding
from lens_gate.artifacts.metric_values import series_value
from lens_gate.artifacts.reasons import because
from lens_gate.config.model import ThresholdMethod
from lens_gate.vocabulary.metric_table import metric
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why


def shown_findings(series: Sequence[StoredSeries], methods: Sequence[ThresholdMethod]) -> tuple[Finding, ...]:
    """Return the ratio of each of these metrics in each series; none of them is gated."""
    return tuple(_shown(one, method) for one in series for method in methods)


def _shown(series: StoredSeries, method: ThresholdMethod) -> Finding:
    used = metric(method.metric)
    base, candidate = series_value(series.base, used), series_value(series.candidate, used)
    change = 100 * (candidate - base) / base if base and candidate is not None else None
    why = because(Why.SHOWN_WITHOUT) if change is None else because(Why.SHOWN, change=change, unit="%")
    finding = silent_finding(
        series.series,
        metric=method.metric,
        hypothesis=used.hypothesis,
        method="ratio",
        outcome=Outcome.INCONCLUSIVE,
        why=why,
    )
    effect = finding.effect.model_copy(update={"estimate": change})
    figures = {"base_value": base, "candidate_value": candidate, "threshold": method.threshold_percent}
    return finding.model_copy(update={"effect": effect, "gated": False, **figures})
