"""Simulated samples wrapped as the runs that would hold them, and judged as the commands judge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from lens_gate.analysis.analyze import analyze
from lens_gate.analysis.summarize import summarize, summary_of
from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.envelope import Fingerprint, Kind, Provenance
from lens_gate.artifacts.run import (
    ArmIdentity,
    Benchmark,
    Comparison,
    InlineSamples,
    Plan,
    Run,
    Spend,
    Validity,
)
from lens_gate.artifacts.samples import Samples
from lens_gate.artifacts.verdict import Verdict
from lens_gate.config.model import Budget, Regression
from lens_gate.gates.gate import gate
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Arm

TIMEOUT_S = 60.0
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
PROVENANCE = Provenance(tool_version="0.1.0", created_at="2026-01-01T00:00:00Z")


def run_of(samples: Samples, *, day: int = 0, compared: bool = False) -> Run:
    """Wrap samples into the run that would hold them, made on a day counted from the first one."""
    anchor = FIRST_DAY + timedelta(days=day)
    arms = {arm: samples.where(samples.texts["arm"].equals(arm)) for arm in Arm}
    providers, base_providers = (
        summarize(arms[arm], anchor_time=anchor, percentiles=(50, 95), resolution_s=0.0)
        for arm in (Arm.CANDIDATE, Arm.BASE)
    )
    named = [ArmIdentity(arm=arm, label=arm, config_hash=arm, requests_hash=arm) for arm in Arm]
    started = anchor.isoformat().replace("+00:00", "Z")
    return Run(
        kind=Kind.RUN,
        schema_version=1,
        provenance=PROVENANCE,
        fingerprint=Fingerprint(runner="simulated", platform="any", python="3", config_hash="simulated"),
        benchmark=Benchmark(
            id=f"day-{day}", name="simulated", start_time=started, end_time=started, duration_seconds=100.0, config={}
        ),
        providers=providers,
        base_providers=base_providers,
        summary=summary_of(providers, arms[Arm.CANDIDATE]),
        plan=Plan(
            arrival="fixed",
            requests_per_second=8.0,
            concurrency=None,
            requests=len(samples),
            duration_s=None,
            warmup_s=0.0,
            cooldown_s=0.0,
            seed=0,
        ),
        arms=tuple(named),
        comparison=Comparison(kind="ref", value="base", equal=False) if compared else None,
        ending=Ending.COMPLETE,
        validity=Validity(valid=True, checks=()),
        spend=Spend(spent_usd=0.0, reserved_usd=0.0, cap_usd=None, unpriced_models=(), prices=()),
        transport="simulated",
        samples=InlineSamples(requests=0, columns={}),
    )


def analysis_of(samples: Samples, regression: Regression) -> Analysis:
    """Analyse a duet as `lens-gate analyze` does."""
    return analyze(
        run_of(samples, compared=True),
        samples,
        baseline=None,
        regression=regression,
        request_timeout_s=TIMEOUT_S,
        provenance=PROVENANCE,
    )


def judge(analysis: Analysis, regression: Regression, *, budgets: Sequence[Budget] = ()) -> Verdict:
    """Judge an analysis as `lens-gate gate` does."""
    return gate(
        analysis, regression=regression, budgets=budgets, fail_on=(), places=lambda *_path: None, provenance=PROVENANCE
    )
