"""From any earlier artifact to an analysis or a verdict: what is missing is computed, what is there is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, assert_never, overload

from lens_gate.analysis.analyze import analyze, is_duet
from lens_gate.analysis.baseline import Missing, Stored
from lens_gate.analysis.classic import require_distribution
from lens_gate.analysis.rules import policy_of, series_metric
from lens_gate.artifacts.analysis import Analysis, Policy
from lens_gate.artifacts.codec import Artifact
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples
from lens_gate.artifacts.selftest import Selftest
from lens_gate.artifacts.trend import Trend, TrendRule, TrendVerdict
from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.artifacts.verdict import Verdict
from lens_gate.config.load import LoadedConfig, Source, load_config
from lens_gate.config.model import (
    BaselineChoice,
    Config,
    Method,
    Regression,
    StatisticalMethod,
    ThresholdMethod,
    TrendMethod,
)
from lens_gate.config.substitute import judging_paths, substitute
from lens_gate.errors import ArtifactProblem, ConfigProblem, UsageProblem
from lens_gate.gates.conditions import metric_named, parse
from lens_gate.gates.gate import gate
from lens_gate.gates.trend import gate_trend
from lens_gate.reports.reasons import worded
from lens_gate.steps.archived.archive import asked_for_baseline
from lens_gate.steps.archived.store_address import is_store, shown
from lens_gate.steps.archived.store_choice import Wanted, after_measuring, stored_in, wanted_for
from lens_gate.steps.recorded.reading import samples_beside
from lens_gate.steps.recorded.stored import read_stored
from lens_gate.steps.resolving.addressees import require_conditions
from lens_gate.steps.resolving.fetching import with_secrets
from lens_gate.steps.resolving.trusted import keep_stores_home
from lens_gate.steps.world import World
from lens_gate.trends.policy import trend_method
from lens_gate.vocabulary.outcomes import Cover, Decision

Judgement: TypeAlias = Verdict | TrendVerdict

JUDGING_KEYS = frozenset({"decision", "alpha", "gate_small_effects", "strict", "cover", "disaster_percent", "methods"})
"""Keys of `regression` that an analysis has applied already; the others are applied to an analysis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a run is to be judged: the configuration with what the command line changes.

    `stated` says that somebody chose rules; an analysis that was made by other ones does not obey them. `files` are the
    configuration files that they were read from.
    """

    config: Config
    loaded: LoadedConfig | None
    baselines: tuple[str, ...]
    fail_on: tuple[str, ...] = ()
    stated: bool = False
    files: tuple[str, ...] = ()

    @property
    def says_what_to_cover(self) -> bool:
        """Whether the configuration or the command line says what a pass must cover; else the run says it."""
        return "cover" in self.config.regression.model_fields_set

    def regression_for(self, run: Run) -> Regression:
        """Return the rules by which a run is judged."""
        mine = self.config.regression
        return mine if self.says_what_to_cover else mine.model_copy(update={"cover": run.plan.cover})

    def place(self, *path: str | int) -> str | None:
        """Return the file and line of a configuration key."""
        return self.loaded.place(path) if self.loaded else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Rules that the command line chooses over the configuration's; None leaves those as they are."""

    threshold: float | None = None
    decision: str | None = None
    cover: tuple[Cover, ...] | None = None
    baselines: tuple[str, ...] = ()
    fail_on: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether anything is chosen that an analysis depends on."""
        return bool(self.baselines) or any(one is not None for one in (self.threshold, self.decision, self.cover))


NOTHING_CHOSEN = Chosen()


def rules(sources: Sequence[Source], world: World, chosen: Chosen = NOTHING_CHOSEN) -> Rules:
    """Read the rules; without any configuration file the defaults judge."""
    loaded = load_config(sources) if sources else None
    if loaded:
        keep_stores_home(loaded, sources, world)
    config = _substituted(loaded, world) if loaded else Config()
    stored = config.regression.baseline
    if loaded:
        require_readable(config, loaded)
    return Rules(
        config=config.model_copy(update={"regression": _changed(config.regression, chosen)}),
        loaded=loaded,
        baselines=chosen.baselines or ((stored.source,) if stored and stored.source else ()),
        fail_on=chosen.fail_on,
        stated=chosen.anything or bool(JUDGING_KEYS & config.regression.model_fields_set),
        files=tuple(source.name for source in sources),
    )


def _substituted(loaded: LoadedConfig, world: World) -> Config:
    used = judging_paths()
    return substitute(loaded, with_secrets(loaded, used, world), used=used)


def require_readable(config: Config, loaded: LoadedConfig) -> None:
    """Refuse rules that cannot be applied, before anything is measured and paid."""
    for index, method in enumerate(config.regression.methods):
        _require_applicable(method, place=loaded.place(("regression", "methods", index, "metric")))
    for index, asked in enumerate(config.regression.quality_gates):
        parse(asked.condition, place=loaded.place(("regression", "quality_gates", index, "condition")))
    for index, budget in enumerate(config.budgets):
        metric_named(budget.metric, loaded.place(("budgets", index, "metric")))
    require_conditions(loaded)


def _require_applicable(method: Method, *, place: str) -> None:
    try:
        match method:
            case ThresholdMethod():
                series_metric(method.metric)
            case StatisticalMethod():
                require_distribution(method)
            case TrendMethod():
                pass
            case _ as never:
                assert_never(never)
    except ConfigProblem as error:
        raise ConfigProblem(error.message, place=place, hint=error.hint) from None


def _changed(regression: Regression, chosen: Chosen) -> Regression:
    changes: dict[str, object] = {}
    if chosen.threshold is not None:
        others = (m for m in regression.methods if not (isinstance(m, ThresholdMethod) and m.metric in _LATENCIES))
        named = (
            ThresholdMethod(type="threshold", metric=name, threshold_percent=chosen.threshold) for name in _LATENCIES
        )
        changes["methods"] = (*others, *named)
    if chosen.decision is not None:
        changes["decision"] = Decision(chosen.decision)
    if chosen.cover is not None:
        changes["cover"] = chosen.cover
    return regression.model_copy(update=changes)


_LATENCIES = ("mean_latency", "p95_latency", "mean_ttft", "mean_tpot")


def analysis_of(artifact: Artifact, path: Path, judged_by: Rules, world: World) -> Analysis:
    """Return the analysis in, or made from, an artifact."""
    match artifact:
        case Run():
            return analyze_run(artifact, samples_beside(artifact, path), judged_by, world)
        case Analysis():
            return _obeying(artifact, path, judged_by)
        case Verdict():
            return _obeying(artifact.analysis, path, judged_by)
        case Trend() | TrendVerdict():
            raise ArtifactProblem(
                "a trend is not analysed: it was judged when it was made",
                place=str(path),
                hint="`lens-gate gate` turns it into a verdict, `lens-gate report` shows it.",
            )
        case Selftest():
            raise ArtifactProblem(
                "a self-test tells about this machine, and nothing about an endpoint",
                place=str(path),
                hint="`lens-gate report` shows it; give the run.json to have an endpoint judged.",
            )
        case UnmeasuredJob():
            raise ArtifactProblem(
                "a job left this that had no secrets, and so nothing was measured",
                place=str(path),
                hint="`lens-gate report` tells of it; give the run.json of a run that had its keys.",
            )
        case _ as never:
            assert_never(never)


def _obeying(analysis: Analysis, path: Path, judged_by: Rules) -> Analysis:
    """Return the analysis if it was made by the rules that are stated; without samples it cannot be made anew."""
    if not judged_by.stated:
        return analysis
    wanted = policy_of(judged_by.config.regression, false_alarm_note=analysis.policy.false_alarm_note)
    unlike = [name for name in Policy.model_fields if getattr(wanted, name) != getattr(analysis.policy, name)]
    if "cover" in unlike and not judged_by.says_what_to_cover:
        unlike.remove("cover")
    if judged_by.baselines and analysis.source == "none":
        unlike.append("baseline")
    if unlike:
        raise UsageProblem(
            f"this was analysed by other rules than those that are given now ({', '.join(unlike)})",
            place=str(path),
            hint="Give the run.json, so that it is analysed anew, or the rules that the analysis was made by.",
        )
    return analysis


def analyze_run(
    run: Run, samples: Samples, judged_by: Rules, world: World, *, stored: Stored | Missing | None = None
) -> Analysis:
    """Judge a run against its other arm, else against the stored runs, which are read unless they are given."""
    if stored is None and not is_duet(run):
        stored = stored_baseline(judged_by, world, wanted_for(run))
    analysis = analyze(
        run,
        samples,
        baseline=None if is_duet(run) else stored,
        regression=judged_by.regression_for(run),
        request_timeout_s=judged_by.config.resilience.timeouts.request,
        provenance=world.provenance(),
    )
    return worded(analysis)


def stored_baseline(judged_by: Rules, world: World, wanted: Wanted) -> Stored | Missing | None:
    """Read the stored runs that the rules name, None where they name none, Missing where a store holds none for this.

    Raises NoBaseline where none of the files that are named is usable, and where a store cannot give what it holds,
    UsageProblem for a store beside other sources.
    """
    stores = [one for one in judged_by.baselines if is_store(one, world.directory)]
    if not stores:
        return read_stored(judged_by.baselines, world.directory, series=wanted.series, judged=wanted.judged)
    if len(judged_by.baselines) > 1:
        raise UsageProblem(
            "a baseline is chosen in one store, or is the newest of some files, and not both",
            place=shown(stores[0]),
            hint="Name the store alone.",
        )
    with asked_for_baseline():
        return stored_in(stores[0], judged_by.config.regression.baseline or BaselineChoice(), wanted, world)


def checked_after(stored: Stored | Missing | None, run: Run, judged_by: Rules, world: World) -> Stored | Missing | None:
    """Return what was chosen before a run if it may still be compared with it; plain files are what was named."""
    if not isinstance(stored, Stored) or len(judged_by.baselines) != 1:
        return stored
    (address,) = judged_by.baselines
    if not is_store(address, world.directory):
        return stored
    return after_measuring(stored, run, address, judged_by.config.regression.baseline or BaselineChoice(), world)


@overload
def verdict_of(artifact: Run | Analysis | Verdict, path: Path, judged_by: Rules, world: World) -> Verdict: ...
@overload
def verdict_of(artifact: Artifact, path: Path, judged_by: Rules, world: World) -> Judgement: ...
def verdict_of(artifact: Artifact, path: Path, judged_by: Rules, world: World) -> Judgement:
    """Return the verdict on an artifact under these rules."""
    match artifact:
        case Trend():
            return _judged_trend(artifact, path, judged_by, world)
        case TrendVerdict():
            return _judged_trend(artifact.trend, path, judged_by, world)
        case _:
            return judge(analysis_of(artifact, path, judged_by, world), judged_by, world)


def _judged_trend(trend: Trend, path: Path, judged_by: Rules, world: World) -> TrendVerdict:
    """Judge a trend if it was made by the trend method that the configuration names, where it names one."""
    wanted = trend_method(judged_by.config.regression)
    used = trend.policy
    line = (used.regression_window, used.max_slope_percent) if TrendRule.LINEAR_REGRESSION in used.rules else None
    if wanted is not None and line != (wanted.window, 100 * wanted.max_slope):
        raise UsageProblem(
            "this trend was judged by another trend method than the one that is configured now",
            place=str(path),
            hint="Repeat `lens-gate trend` with this configuration.",
        )
    return worded(gate_trend(trend, fail_on=judged_by.fail_on, provenance=world.provenance()))


def judge(analysis: Analysis, judged_by: Rules, world: World) -> Verdict:
    """Apply thresholds, quality gates and budgets to an analysis."""
    verdict = gate(
        analysis,
        regression=judged_by.config.regression,
        budgets=judged_by.config.budgets,
        fail_on=judged_by.fail_on,
        places=judged_by.place,
        provenance=world.provenance(),
    )
    return worded(verdict)
