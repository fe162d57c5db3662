"""From a trend, or the runs of a history, to the files of its static site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lens_gate.analysis.exhibits_history import PARTS_DAYS, history_exhibit, newest_part
from lens_gate.artifacts.trend import Trend, TrendSeries, TrendVerdict
from lens_gate.errors import UsageProblem
from lens_gate.reports.html.history import Known, Part
from lens_gate.reports.html.links import Links
from lens_gate.reports.html.site import site
from lens_gate.steps.archived.archive import looks
from lens_gate.steps.baselines.upkeep import baselines_in, versions_of
from lens_gate.steps.judging.judge import Rules, verdict_of
from lens_gate.steps.judging.trend import TrendOrder, trend_of
from lens_gate.steps.recorded.reading import read_artifact
from lens_gate.steps.world import World
from lens_gate.stores.base import Store
from lens_gate.stores.files import write_named
from lens_gate.trends.policy import TrendChoices

METRICS = ("median_ttft", "median_tpot", "median_latency", "error_rate", "cost_per_request_usd")
"""What a site follows of each model; a trend that was made before follows what it was asked to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOrder:
    """What a site shows: a trend artifact, or run files and the `last` runs of each store.

    `commit_link` is the address of a commit, with `{commit}` for its id.
    """

    paths: tuple[Path, ...]
    stores: tuple[Store, ...]
    last: int
    rules: Rules
    commit_link: str | None = None


def write_site(order: SiteOrder, folder: Path, world: World) -> int:
    """Write the site into a folder and return how many files it has; files of other lines in there are left alone."""
    verdict = _verdict(order, world)
    known = known_of(order.stores, order.last, order.commit_link)
    series = verdict.trend.series
    parts = {place: list(_parts(one)) for place, one in enumerate(series)}
    files = site(verdict, [history_exhibit(one) for one in series], known, parts)
    for name, text in files.items():
        write_named(folder / name, text.encode("utf-8"))
    return len(files)


def _parts(series: TrendSeries) -> Iterator[Part]:
    for days in PARTS_DAYS:
        part = newest_part(series, days)
        if part is not None:
            yield Part(days, part, history_exhibit(part))


def _verdict(order: SiteOrder, world: World) -> TrendVerdict:
    given = _given_trend(order.paths)
    if given is None:
        wanted = TrendOrder(
            paths=order.paths,
            anchor=None,
            stores=order.stores,
            last=order.last,
            choices=TrendChoices(metrics=METRICS),
            regression=order.rules.config.regression,
        )
        given = trend_of(wanted, world)
    judged = verdict_of(given, order.paths[0] if order.paths else Path(), order.rules, world)
    if not isinstance(judged, TrendVerdict):
        raise UsageProblem("a site shows a history", hint="Give a trend.json, or run files.")
    return judged


def _given_trend(paths: Sequence[Path]) -> Trend | TrendVerdict | None:
    """Return the trend that is given, None where runs are."""
    if len(paths) != 1:
        return None
    artifact = read_artifact(paths[0])
    return artifact if isinstance(artifact, Trend | TrendVerdict) else None


def known_of(stores: Sequence[Store], last: int, commit_link: str | None = None) -> Known:
    """Return how the runs of stores ended, and which of them are or were baselines, from the index alone."""
    runs = [kept for store in stores for kept in next(iter(looks(store, first=last)), ())]
    entries = [kept.entry for kept in runs]
    return Known(
        outcomes={entry.id: entry.outcome for entry in entries if entry.outcome},
        open_checks={entry.id: entry.open_checks for entry in entries if entry.open_checks is not None},
        baselines=dict(_accepted(stores)),
        links=Links(commit_link, {kept.entry.id: kept.row.ci_run for kept in runs if kept.row.ci_run}),
    )


def _accepted(stores: Sequence[Store]) -> Iterator[tuple[str, str]]:
    for store in stores:
        for one in baselines_in(store):
            yield from ((former.entry.id, one.name) for former in versions_of(store, one.name))
            if one.entry:
                yield one.entry.id, one.name
