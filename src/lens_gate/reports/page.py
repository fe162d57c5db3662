"""What every report shows, in words and rounded numbers: the shape that all renderers share.

All texts are plain: each renderer escapes them for its own place. Only `Bounds` and the shares of errors keep unrounded
numbers, for figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple, assert_never

from lens_gate.reports.numbers import EffectUnit, plural
from lens_gate.reports.words import Mark, next_words, together
from lens_gate.vocabulary.metrics import Direction
from lens_gate.vocabulary.outcomes import ExitCode, Outcome, Severity

MOST_TOLD = 6
"""Checks of one kind that a report names where it says what is not covered; `explain` names all."""


class Harm(NamedTuple):
    """A change with the direction that counts as worse positive; None is unbounded."""

    estimate: float
    lower: float | None
    upper: float | None


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A change with its interval and the change that is allowed, unrounded, all in `unit`; None is unbounded.

    `worse` says which direction counts; `upper_pass`, the bound that a pass is judged by, and `limit` are positive in
    that direction. `inner` are the ends at a lower confidence, where the change most likely lies.
    """

    estimate: float
    lower: float | None
    upper: float | None
    upper_pass: float | None
    limit: float | None
    unit: EffectUnit
    worse: Direction
    inner: tuple[float | None, float | None] | None = None

    @property
    def passed(self) -> Bounds:
        """The same change with the ends that a pass is judged by, where they are known."""
        if self.upper_pass is None:
            return self
        match self.worse:
            case Direction.LOWER_IS_BETTER:
                return replace(self, upper=self.upper_pass)
            case Direction.HIGHER_IS_BETTER:
                return replace(self, lower=-self.upper_pass)
            case Direction.TWO_SIDED:
                return replace(self, lower=-self.upper_pass, upper=self.upper_pass)
            case _ as never:
                assert_never(never)

    @property
    def harm(self) -> Harm:
        """The same numbers with the direction that counts as worse positive."""
        match self.worse:
            case Direction.LOWER_IS_BETTER:
                return Harm(self.estimate, self.lower, self.upper)
            case Direction.HIGHER_IS_BETTER:
                return Harm(-self.estimate, _negative(self.upper), _negative(self.lower))
            case Direction.TWO_SIDED if self.estimate >= 0:
                return Harm(self.estimate, self.lower, self.upper)
            case Direction.TWO_SIDED:
                return Harm(-self.estimate, _negative(self.upper), _negative(self.lower))
            case _ as never:
                assert_never(never)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One check. `subject` is the model (empty for the whole run), `label` what is asked of it.

    `story` tells the change as a sentence without its full stop, `size` says it in the metric's own unit. `reason` says
    why it ended so, and `why` the same without the numbers that the row has.
    """

    check: str
    series: str | None
    subject: str
    label: str
    baseline: str
    change: str
    interval: str
    allowed: str
    outcome: Outcome
    severity: Severity
    mark: Mark
    story: str
    size: str | None
    reason: str
    why: str
    place: str | None = None
    bounds: Bounds | None = None

    @property
    def title(self) -> str:
        """Model and question on one line."""
        return f"{self.subject} · {self.label}" if self.subject else self.label

    @property
    def passed(self) -> bool:
        """Whether there is nothing to look at."""
        return self.outcome is Outcome.PASS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Why checks did not pass, and the checks that it is true of, as one text."""

    mark: Mark
    titles: str
    text: str


def grounds_of(rows: Iterable[Row]) -> tuple[Ground, ...]:
    """Return why rows ended as they did; those of one outcome with the same reason stand together."""
    alike: dict[tuple[Mark, str], list[str]] = {}
    for row in rows:
        alike.setdefault((row.mark, row.why), []).append(row.title)
    return tuple(Ground(mark=mark, titles=together(titles), text=why) for (mark, why), titles in alike.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many checks ended in each way; what did not pass and weighs less than an error is a warning."""

    total: int
    passed: int
    regressions: int
    warnings: int
    inconclusive: int
    not_measured: int
    not_compared: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """How often one error class occurred in each arm; `base` is None where there is no other arm.

    The shares are percentages of the requests, unrounded, for figures.
    """

    subject: str
    error_class: str
    base: str | None
    candidate: str
    example: str | None
    base_share: float | None = None
    share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """What one model cost in each arm: per answer, and in all."""

    subject: str
    base: str
    candidate: str
    total: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Sentences about what a pass does not cover, and what would cover it: in words, and a command where there is one.

    `remedy` is empty where it is not known.
    """

    texts: tuple[str, ...]
    remedy: str
    command: str | None

    @property
    def few(self) -> tuple[str, ...]:
        """The first sentences, and how many more there are."""
        more = len(self.texts) - MOST_TOLD
        return self.texts if more <= 0 else (*self.texts[:MOST_TOLD], f"And {plural(more, 'more check')}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What is folded away: each tuple holds sentences or rows, and is empty where there is nothing to say."""

    errors: tuple[ErrorRow, ...]
    cost: tuple[CostRow, ...]
    validity: tuple[str, ...]
    coverage: tuple[str, ...]
    uncovered: tuple[str, ...]
    shown: tuple[Row, ...]
    views: tuple[str, ...]
    method: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """A verdict for people. `rows` are worst first; `next_step` is a command that can be copied.

    `causes` says where changes of the whole answer come from, `remarks` what is to be known of stored runs, `gaps` what
    a pass does not cover.
    """

    outcome: Outcome
    exit_code: ExitCode
    mark: Mark
    headline: str
    second: str
    compared: str
    validity: str
    spend: str
    remarks: tuple[str, ...]
    caveats: tuple[str, ...]
    interval_title: str
    rows: tuple[Row, ...]
    causes: tuple[str, ...]
    gaps: tuple[Gap, ...]
    counts: Counts
    need: str | None
    next_step: str | None
    details: Details
    name: str
    written: str
    tool: str

    @property
    def next_words(self) -> str:
        """The words before the next command, which say whether it takes the other options of the run."""
        return next_words(self.next_step) if self.next_step else ""

    @property
    def passed(self) -> bool:
        """Whether it is a pass to its command too: warnings may fail one, and so does an interruption."""
        return self.outcome is Outcome.PASS and self.exit_code is ExitCode.OK

    @property
    def open_rows(self) -> tuple[Row, ...]:
        """The rows that did not pass, worst first."""
        return tuple(row for row in self.rows if not row.passed)

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """Why rows did not pass, the worst first."""
        return grounds_of(self.open_rows)

    @property
    def passed_rows(self) -> tuple[Row, ...]:
        """The rows that passed, the closest to its limit first."""
        return tuple(row for row in self.rows if row.passed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model of a run that was not judged; `goodput` is empty where no objectives were set.

    `tokens_per_second` and `cost_per_1k_tokens` are over input and output tokens together.
    """

    subject: str
    arm: str
    latency: str
    p95: str
    first_token: str
    tokens_per_second: str
    output_tokens_per_second: str
    cost_per_1k_tokens: str
    success_rate: str
    goodput: str
    distribution: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Onward:
    """A command that can be copied, and the words before it."""

    head: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run for people: what was measured, without a judgement; `onward` is None where nothing comes next."""

    name: str
    generated: str
    duration: str
    headline: str
    compared: str
    validity: str
    spend: str
    summary: tuple[tuple[str, str], ...]
    models: tuple[ModelRow, ...]
    percentiles: tuple[str, ...]
    errors: tuple[ErrorRow, ...]
    notes: tuple[str, ...]
    prices: tuple[str, ...]
    onward: Onward | None
    tool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with its paragraphs, and a command to copy where one comes next; no title: the one before goes on."""

    title: str
    texts: tuple[str, ...]
    command: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a gate decided as it did, as a story in sections."""

    title: str
    sections: tuple[Section, ...]
