"""`analysis.json`: what a run says about a change, one finding per question and series."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lens_gate.artifacts.envelope import Envelope, Frozen, Kind
from lens_gate.artifacts.exhibits import Exhibits
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.run import (
    ArmIdentity,
    Benchmark,
    Comparison,
    Finite,
    ProviderResult,
    Spend,
    Summary,
    Uncovered,
    Validity,
)
from lens_gate.vocabulary.causes import Cause
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Cover, Decision, Ending, Outcome, Remedy
from lens_gate.vocabulary.reasons import Why


class InnerInterval(Frozen):
    """The interval of a change at a lower confidence, where it most likely lies; nothing is decided by it."""

    lower: float | None
    upper: float | None
    confidence: float = Field(gt=0, lt=1)


class Effect(Frozen):
    """A change with its interval; positive means more (slower, dearer, longer, more errors).

    `lower` and `upper` bound the effect at `confidence` (a fraction), None for unbounded. `upper_pass` is the one-sided
    upper bound that a pass is judged by. `of_means` marks the change of the means, where a typical pair did not show
    one that matters: only a part of the answers changed. `inner` lies within both ends.
    """

    unit: Literal["%", "points"]
    estimate: float | None
    lower: float | None
    upper: float | None
    upper_pass: float | None
    confidence: float = Field(gt=0, lt=1)
    of_means: bool = False
    inner: InnerInterval | None = None


class View(Frozen):
    """The same change seen another way, in percent: the ratio of the medians, or of the means; shown, not gated."""

    name: Literal["median", "mean"]
    estimate: float
    lower: float | None
    upper: float | None
    confidence: float = Field(gt=0, lt=1)


class StoredHistory(Frozen):
    """What a finding against stored runs rests on: how many runs, and how far such a series moves from run to run.

    Two of three runs lie within `run_to_run_percent` of their middle. The share `prior_weight` of that knowledge is
    what is usual, the rest this history. `smallest_visible_percent` is the smallest change that would be found in 95 of
    100 such runs. `control_requests` were sent with the baseline's configuration in the run that is judged.
    """

    runs: int = Field(ge=0)
    run_to_run_percent: float = Field(ge=0)
    prior_weight: float = Field(ge=0, le=1)
    smallest_visible_percent: float
    control_requests: int = Field(default=0, ge=0)


class Finding(Frozen):
    """The answer to one question about one series.

    `metric` is the name it is configured by, `hypothesis` the calibrated question (None under `classic`), `method` the
    test that answered it. `threshold` is the smallest change that matters, in the effect's unit. `in_family` says
    whether it shares the alpha of the gate. `because` says why it was answered so, and `reason` the same in sentences.
    """

    series: str
    metric: str
    hypothesis: Hypothesis | None
    method: str
    pairs: int = Field(ge=0)
    base_value: float | None
    candidate_value: float | None
    value_unit: str
    effect: Effect
    p_value: float | None
    adjusted_p: float | None
    threshold: float | None
    established: bool
    in_family: bool
    gated: bool
    outcome: Outcome
    reason: str = ""
    because: tuple[Reason, ...] = ()
    views: tuple[View, ...] = ()
    history: StoredHistory | None = None


def reasons(finding: Finding) -> tuple[Reason, ...]:
    """Return why a finding is as it is; the words of an older file, which gives no reasons."""
    return finding.because or (because(Why.SAID, text=finding.reason),)


class CoveredBy(Frozen):
    """What would cover a question: where that is more pairs, how many, and the word that asks for them (`cover`).

    `because` says why it is not covered, where that takes numbers.
    """

    remedy: Remedy
    pairs: int | None = Field(default=None, ge=0)
    cover: Cover | None = None
    because: tuple[Reason, ...] = ()


class Coverage(Frozen):
    """How much of one series could be compared: pairs used, and why others were not.

    `covered_by` says of each of `not_covered`, in the same order, what would cover it.
    """

    series: str
    pairs_planned: int = Field(ge=0)
    pairs_used: int = Field(ge=0)
    excluded_throttled: int = Field(ge=0)
    excluded_failed: int = Field(ge=0)
    censored: int = Field(ge=0)
    not_covered: tuple[str, ...] = ()
    covered_by: tuple[CoveredBy, ...] = ()

    @property
    def gaps(self) -> tuple[tuple[str, CoveredBy | None], ...]:
        """What is not covered, each with what would cover it, where the file says that."""
        unsaid = (None,) * (len(self.not_covered) - len(self.covered_by))
        return tuple(zip(self.not_covered, (*self.covered_by, *unsaid), strict=False))


class Need(Frozen):
    """What an answer would take: pairs of each model, and the dollars and minutes of all of them."""

    pairs: int = Field(ge=0)
    usd: float | None
    minutes: float | None


class LookTaken(Frozen):
    """What one look at a run said of each series that was still open: at how many pairs, and at which alpha."""

    pairs: int = Field(ge=0)
    alpha: float = Field(gt=0, lt=1)
    outcomes: dict[str, Outcome]


class Pairwise(Frozen):
    """How two alternatives differ in one metric: the effect says how much more `series` has than `other`.

    `relation`: they differ (`differs`), are `alike` within the smallest difference that matters, or neither is known
    yet (`open`). `adjusted_p` counts all pairs and metrics of the comparison.
    """

    series: str
    other: str
    blocks: int = Field(ge=0)
    effect: Effect
    p_value: float
    adjusted_p: float
    relation: Literal["differs", "alike", "open"]


class Standing(Frozen):
    """Where one alternative stands in one metric: `value` is its own figure, places count from 1 for the least.

    It stands between `first_place` and `last_place`, given all differences that were found. `groups` numbers the sets
    of alternatives, none of which were told apart, that it belongs to.
    """

    series: str
    value: float | None
    first_place: int = Field(ge=1)
    last_place: int = Field(ge=1)
    groups: tuple[int, ...]


class RankedMetric(Frozen):
    """The order of the alternatives in one metric, the least first; `pairs` have the later one as `series`.

    `threshold` is the smallest difference that matters, in the effects' unit. `unranked` have no value of the metric.
    """

    metric: str
    hypothesis: Hypothesis
    value_unit: str
    threshold: Finite
    standings: tuple[Standing, ...]
    unranked: tuple[str, ...]
    pairs: tuple[Pairwise, ...]


class PairCoverage(Coverage):
    """How many blocks hold both of two alternatives (`series` and `other`), and why others do not."""

    other: str


class Ranking(Frozen):
    """Alternatives that were asked side by side in blocks, compared two by two.

    Where nothing differs, any difference at all is claimed with a chance of at most `alpha`; all intervals together
    miss a true difference with at most that chance too.
    """

    alternatives: tuple[str, ...]
    alpha: float = Field(gt=0, lt=1)
    metrics: tuple[RankedMetric, ...]
    coverage: tuple[PairCoverage, ...]
    need: Need | None
    notes: tuple[str, ...]


class Part(Frozen):
    """How much of a change in total latency comes from one cause; bounds are None where nothing can be said.

    `percent` is that of the base's mean total.
    """

    cause: Cause
    change_ms: Finite
    percent: Finite
    lower_ms: float | None
    upper_ms: float | None


class EqualCache(Frozen):
    """The change of the first token between requests that read the same share of their input from the cache."""

    effect: Effect
    p_value: float


class Attribution(Frozen):
    """Where the change in one series' mean total latency comes from: the parts add up to `change_ms`.

    Over those `pairs` (or, against a stored run, requests of the candidate) that were streamed on both sides. All
    bounds hold at `confidence`, each for itself.
    """

    series: str
    pairs: int = Field(ge=1)
    base_ms: Finite
    change_ms: Finite
    lower_ms: float | None
    upper_ms: float | None
    confidence: float = Field(gt=0, lt=1)
    parts: tuple[Part, ...]
    ttft_at_equal_cache: EqualCache | None = None


class RegressionSummary(Frozen):
    """`detected` is true only for the verdict regression."""

    detected: bool
    verdict: Outcome


class Policy(Frozen):
    """The rules that were applied, so that a reader needs no configuration file."""

    decision: Decision
    alpha: float = Field(gt=0, lt=1)
    pass_confidence: float = Field(gt=0, lt=1)
    gate_small_effects: bool
    strict: bool
    thresholds_percent: dict[str, Finite]
    threshold_points: Finite
    cover: tuple[str, ...] = ()
    disaster_percent: float | None = None
    false_alarm_note: str | None = None


class Analysis(Envelope):
    """The artifact of `lens-gate analyze`.

    `need` would settle what is inconclusive, `covering` would cover the rare events that a pass leaves out.
    `notes` are remarks in words, `remarks` those with numbers. With a `nonce` at the start of each request nothing is
    said about caches. `exhibits` is what figures are drawn from; None in analyses that were made before there were any.
    """

    kind: Literal[Kind.ANALYSIS]
    benchmark: Benchmark
    providers: tuple[ProviderResult, ...]
    base_providers: tuple[ProviderResult, ...] = ()
    summary: Summary
    arms: tuple[ArmIdentity, ...]
    comparison: Comparison | None
    source: Literal["duet", "stored", "none"]
    policy: Policy
    findings: tuple[Finding, ...]
    coverage: tuple[Coverage, ...]
    uncovered: tuple[Uncovered, ...]
    need: Need | None
    covering: Need | None = None
    looks: tuple[LookTaken, ...] = ()
    regression: RegressionSummary
    notes: tuple[str, ...]
    remarks: tuple[Reason, ...] = ()
    ending: Ending
    ending_message: str | None = None
    validity: Validity
    spend: Spend
    ranking: Ranking | None = None
    attribution: tuple[Attribution, ...] = ()
    nonce: Literal["none", "start", "end"] = "none"
    exhibits: Exhibits | None = None
