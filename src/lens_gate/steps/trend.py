"""From stored runs to a trend: each file is read, what a history needs of it is kept, and the rest is let go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lens_gate.artifacts.run import Run
from lens_gate.artifacts.trend import LeftOut, Trend
from lens_gate.config.model import Regression
from lens_gate.errors import ArtifactProblem, UsageProblem
from lens_gate.steps.reading import read_artifact
from lens_gate.steps.world import World
from lens_gate.trends.history import RunRecord, record
from lens_gate.trends.policy import TrendChoices, trend_policy
from lens_gate.trends.trend import trend
from lens_gate.vocabulary.metric_table import metric
from lens_gate.vocabulary.metrics import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendOrder:
    """Which files make up the history, which one creep is measured against, and how it is judged."""

    paths: tuple[Path, ...]
    anchor: Path | None
    choices: TrendChoices
    regression: Regression


def trend_of(order: TrendOrder, world: World) -> Trend:
    """Read the history and judge it; raises ArtifactProblem for a file that is no artifact, UsageProblem for no run."""
    anchor = _anchor(order.anchor) if order.anchor else None
    policy = trend_policy(replace(order.choices, anchor=anchor.benchmark.id if anchor else None), order.regression)
    metrics = [metric(name) for name in policy.metrics]
    records, left_out = _read(order.paths, metrics)
    if anchor and order.anchor and anchor.benchmark.id not in {one.run for one in records}:
        records.append(record(anchor, metrics, file=str(order.anchor)))
    return trend(records, policy, left_out=left_out, provenance=world.provenance())


def _anchor(path: Path) -> Run:
    artifact = read_artifact(path)
    if not isinstance(artifact, Run):
        raise ArtifactProblem(
            f"an anchor is a run, and this is an artifact of kind {artifact.kind}",
            place=str(path),
            hint="Name the run.json of the run to compare with.",
        )
    if not artifact.validity.valid:
        raise UsageProblem("the anchor is not a valid run", place=str(path), hint="Name another one.")
    return artifact


def _read(paths: Sequence[Path], metrics: Sequence[Metric]) -> tuple[list[RunRecord], list[LeftOut]]:
    """Read the files; what is an artifact of another kind is no run of the history, and no error either.

    The names that a shell makes of `results/*.json` hold analyses and verdicts too.
    """
    records, left_out = [], []
    for path in paths:
        artifact = read_artifact(path)
        if isinstance(artifact, Run):
            records.append(record(artifact, metrics, file=str(path)))
        else:
            left_out.append(LeftOut(what=str(path), reason=f"this is no run, but an artifact of kind {artifact.kind}"))
    return records, left_out
