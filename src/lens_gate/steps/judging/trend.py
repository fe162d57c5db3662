"""From stored runs to a trend: each file is read, what a history needs of it is kept, and the rest is let go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lens_gate.artifacts.run import Run
from lens_gate.artifacts.trend import LeftOut, Trend
from lens_gate.baselines.choice import Kept
from lens_gate.baselines.keys import baseline_key
from lens_gate.config.model import Regression
from lens_gate.errors import ArtifactProblem, UsageProblem
from lens_gate.reports.reasons import worded
from lens_gate.steps.archived.archive import kept_at, looks
from lens_gate.steps.recorded.reading import read_artifact
from lens_gate.steps.world import World
from lens_gate.stores.base import Store
from lens_gate.trends.history import RunRecord, record, record_of_entry
from lens_gate.trends.policy import TrendChoices, trend_policy
from lens_gate.trends.trend import trend
from lens_gate.vocabulary.metric_table import metric
from lens_gate.vocabulary.metrics import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendOrder:
    """Which files and stores make up the history, which run creep is measured against, and how it is judged.

    Of each store the `last` runs count. An anchor that is no file is the baseline of that name in the first store.
    """

    paths: tuple[Path, ...]
    anchor: str | None
    stores: tuple[Store, ...] = ()
    last: int = 100
    choices: TrendChoices
    regression: Regression


def trend_of(order: TrendOrder, world: World) -> Trend:
    """Read the history and judge it; raises ArtifactProblem for a file that is no artifact, UsageProblem for no run."""
    anchor = _anchor(order)
    policy = trend_policy(replace(order.choices, anchor=anchor.run if anchor else None), order.regression)
    metrics = [metric(name) for name in policy.metrics]
    records, left_out = _read(order.paths, metrics)
    records += [one for store in order.stores for one in _newest(store, order, metrics)]
    if anchor and anchor.run not in {one.run for one in records}:
        records.append(anchor.record(metrics))
    return worded(trend(records, policy, left_out=left_out, provenance=world.provenance()))


def _newest(store: Store, order: TrendOrder, metrics: Sequence[Metric]) -> list[RunRecord]:
    """Return the newest runs of a store, or of a branch in it, as its entries tell of them: none is opened."""
    branch = order.choices.branch
    kept: list[Kept] = []
    for runs in looks(store, first=order.last):
        kept = [one for one in runs if branch is None or one.entry.branch == branch][: order.last]
        if len(kept) == order.last:
            break
    if not kept:
        raise UsageProblem(
            "the history of this store holds no such run" if branch else "the history of this store holds no run",
            place=store.place,
            hint="`lens-gate ci --store` and `lens-gate baseline save` put runs there. Plain files are named as they "
            "are: `lens-gate trend runs/*.json`.",
        )
    return [record_of_entry(one.entry, one.row, metrics, file=f"{store.place}/{one.key}") for one in kept]


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A fixed run by its id, and what a history keeps of it by metrics."""

    run: str
    record: Callable[[Sequence[Metric]], RunRecord]


def _anchor(order: TrendOrder) -> _Anchor | None:
    name = order.anchor
    if name is None:
        return None
    if order.stores and not Path(name).exists():
        return _named_anchor(name, order.stores[0])
    run = _anchor_run(Path(name))
    return _Anchor(run.benchmark.id, lambda metrics: record(run, metrics, file=name))


def _named_anchor(name: str, store: Store) -> _Anchor:
    kept = kept_at(store, baseline_key(name))
    if kept is None:
        raise UsageProblem(
            f"there is no file and no baseline {name[:80]!r} to be the anchor",
            place=store.place,
            hint="`lens-gate baseline list` shows the baselines.",
        )
    return _Anchor(
        kept.entry.id, lambda metrics: record_of_entry(kept.entry, kept.row, metrics, file=f"{store.place}/{kept.key}")
    )


def _anchor_run(path: Path) -> Run:
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
