"""What of a store may go: runs older than they are to be kept, and never one that a baseline stands on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lens_gate.baselines.keys import baseline_name, run_key
from lens_gate.vocabulary.index import IndexEntry

_DAY = r"(?P<day>\d{4}/\d{2}/\d{2})"
_RUN = re.compile(rf"results/{_DAY}/(?P<stem>[^/]+?)(\.samples\.jsonl|\.json)\.gz")
_REPORT = re.compile(rf"reports/{_DAY}/(?P<stem>[^/]+)\.html")


@dataclass(frozen=True, slots=True)
class Item:
    """A key of a store and its entry, None where it has none."""

    key: str
    entry: IndexEntry | None


@dataclass(frozen=True, slots=True)
class Spared:
    """A run that is old enough to go, and the sentence that says why it stays."""

    key: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """The keys that may go, in the order in which they are to be removed, and the old runs that stay."""

    removed: tuple[str, ...]
    spared: tuple[Spared, ...]


def prunable(items: Sequence[Item], *, keep_s: float, now: datetime) -> Pruning:
    """Return the runs of days that were over more than `keep_s` ago, each before its samples and its report.

    The run of every named baseline stays, and so does every run that somebody accepted. What was not stored as a run of
    the history is not looked at.
    """
    last = (now - timedelta(seconds=keep_s)).strftime("%Y/%m/%d")
    standing = dict(_standing(items))
    removed: list[str] = []
    spared: list[Spared] = []
    for keys in _old(items, last).values():
        reason = next((sentence for item in keys if (sentence := _reason(item, standing)) is not None), None)
        if reason is None:
            removed += [item.key for item in keys]
        else:
            spared.append(Spared(keys[0].key, reason))
    return Pruning(removed=tuple(removed), spared=tuple(spared))


def _old(items: Sequence[Item], last: str) -> Mapping[str, list[Item]]:
    """Return the items of each run whose day came before `last`, the run first, its report last."""
    runs: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda one: (_REPORT.fullmatch(one.key) is not None, one.key)):
        found = _RUN.fullmatch(item.key) or _REPORT.fullmatch(item.key)
        if found is not None and found["day"] < last:
            runs.setdefault(f"{found['day']}/{found['stem']}", []).append(item)
    return runs


def _standing(items: Sequence[Item]) -> Iterable[tuple[str, str]]:
    """Return the runs that named baselines stand on, and the names."""
    for item in items:
        name = baseline_name(item.key)
        if name is not None and item.entry is not None and item.entry.run is not None:
            yield run_key(item.entry, item.entry.run), name


def _reason(item: Item, standing: Mapping[str, str]) -> str | None:
    if item.key in standing:
        return f"The baseline {standing[item.key]} stands on it."
    acceptance = item.entry.acceptance if item.entry else None
    return None if acceptance is None else f"{acceptance.by} accepted it: {acceptance.reason}"
