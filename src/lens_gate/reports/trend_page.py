"""What every report shows of a trend, in words and rounded numbers; all texts are plain."""

from __future__ import annotations

from dataclasses import dataclass

from lens_gate.reports.words import Mark
from lens_gate.vocabulary.outcomes import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendAnswer:
    """What one rule says of a line: what it looks for, a sentence, and the same in a few words for a headline."""

    rule: str
    outcome: Outcome
    mark: Mark
    text: str
    brief: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendRow:
    """One metric of one series: a drawing of its newest runs, the newest value, and the answers, worst first."""

    series: str | None
    title: str
    label: str
    outcome: Outcome
    mark: Mark
    drawing: str
    runs: str
    now: str
    answers: tuple[TrendAnswer, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendView:
    """A trend with its verdict, rows worst first; `next_step` is a command that can be copied."""

    outcome: Outcome
    mark: Mark
    name: str
    about: str
    headline: str
    rows: tuple[TrendRow, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    next_step: str | None
    written: str
    tool: str
