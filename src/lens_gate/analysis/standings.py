"""From differences between two to an order of all: places, and groups that nobody told apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How much more `more` has than `less`, on a scale on which differences add up (a logarithm, or points).

    `certain` says that the two were told apart.
    """

    less: str
    more: str
    size: float
    certain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one of several stands: its first and last possible place, from 1, and the groups that it belongs to."""

    name: str
    first: int
    last: int
    groups: tuple[int, ...]


def placed(names: Iterable[str], gaps: Sequence[Gap]) -> tuple[Place, ...]:
    """Return the places of all names, the least first: ordered by their mean gap to the others.

    Behind all that are certainly less, before all that are certainly more: when every certain gap is true, so are all
    places (Al Mohamad, Goeman and van Zwet, "Simultaneous confidence intervals for ranks with application to ranking
    institutions", Biometrics 78, 2022).
    """
    ordered = _ordered(names, gaps)
    certain = [gap for gap in gaps if gap.certain]
    less_than, more_than = Counter(gap.less for gap in certain), Counter(gap.more for gap in certain)
    groups = alike(ordered, [frozenset((gap.less, gap.more)) for gap in certain])
    return tuple(
        Place(
            name=name,
            first=1 + more_than[name],
            last=len(ordered) - less_than[name],
            groups=tuple(number for number, group in enumerate(groups, start=1) if name in group),
        )
        for name in ordered
    )


def _ordered(names: Iterable[str], gaps: Sequence[Gap]) -> list[str]:
    sizes: defaultdict[str, list[float]] = defaultdict(list)
    for gap in gaps:
        sizes[gap.more].append(gap.size)
        sizes[gap.less].append(-gap.size)
    return sorted(names, key=lambda name: (sum(sizes[name]) / max(len(sizes[name]), 1), name))


def alike(ordered: Sequence[str], told_apart: Iterable[frozenset[str]]) -> tuple[frozenset[str], ...]:
    """Return the largest groups without two members that were told apart, in the order of their first members.

    Two names share a group exactly when they were not told apart. Insert and absorb: Piepho, "An algorithm for a
    letter-based representation of all-pairwise comparisons", J. Comput. Graph. Stat. 13, 2004.
    """
    groups = {frozenset(ordered)}
    for pair in told_apart:
        split = {part for group in groups for part in ([group - {one} for one in pair] if pair <= group else [group])}
        groups = {group for group in split if not any(group < other for other in split)}
    places = {name: place for place, name in enumerate(ordered)}
    return tuple(sorted(groups, key=lambda group: sorted(places[name] for name in group)))
