"""How often does the duet's gate err? `python benchmarks/decisions_quick.py [--gates 200] [--pairs 100]`.

Gates of four unlike models are drawn, unchanged (A/A) and 20 % slower in every latency, and judged by the functions
that the commands call: `analyze`, then `gate`. Printed are false alarms, hits, and all outcomes, with standard errors.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from lens_gate.analysis.analyze import analyze
from lens_gate.analysis.summarize import summarize, summary_of
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
from lens_gate.artifacts.samples import NUMBER_COLUMNS, TEXT_COLUMNS, Samples, TextColumn
from lens_gate.artifacts.verdict import Verdict
from lens_gate.config.model import Regression
from lens_gate.gates.gate import gate
from lens_gate.vocabulary.outcomes import Ending, Outcome
from lens_gate.vocabulary.requests import Arm, ErrorClass, FinishReason, Phase, Status, TokenSource

Floats = NDArray[np.float64]
TIMEOUT_S = 60.0
PROVENANCE = Provenance(tool_version="0.1.0", created_at="2026-01-01T00:00:00Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One simulated model: spreads are standard deviations of logarithms."""

    name: str
    ttft_ms: float
    ttft_spread: float
    tpot_ms: float = 20.0
    tpot_spread: float = 0.1
    load_spread: float = 0.1
    outliers: float = 0.0
    cache_hits: float = 0.0
    errors: float = 0.01


PROFILES = (
    Profile(name="clean", ttft_ms=400, ttft_spread=0.22),
    Profile(name="heavy", ttft_ms=600, ttft_spread=0.3, outliers=0.03),
    Profile(name="cached", ttft_ms=500, ttft_spread=0.25, cache_hits=0.8),
    Profile(name="loaded", ttft_ms=450, ttft_spread=0.25, tpot_spread=0.12, load_spread=0.25),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the candidate does otherwise; the default is nothing."""

    slower: float = 1.0
    errors: float = 0.0
    longer: float = 1.0
    cache_breaks: bool = False


UNCHANGED = Change()


def _wave(rng: np.random.Generator, count: int, spread: float) -> Floats:
    """Return a load that wanders slowly: an AR(1) series whose neighbours are alike (0.9)."""
    steps = rng.normal(0, spread * math.sqrt(1 - 0.9**2), count)
    wave = np.empty(count)
    level = rng.normal(0, spread)
    for number, step in enumerate(steps):
        level = 0.9 * level + step
        wave[number] = level
    return wave


def simulate(rng: np.random.Generator, *, pairs: int, change: Change = UNCHANGED, drift: float = 0.05) -> Samples:
    """Draw a duet of all four models."""
    return Samples.concatenate([_series(rng, profile, pairs, change, drift) for profile in PROFILES])


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What both members of a pair meet: the load of that moment, and a prompt that asks for so many tokens."""

    load: Floats
    lengths: Floats


def _series(rng: np.random.Generator, profile: Profile, pairs: int, change: Change, drift: float) -> Samples:
    load = _wave(rng, pairs, profile.load_spread) + rng.normal(0, drift)
    shared = Shared(load=load, lengths=np.exp(rng.normal(4.5, 0.5, pairs)))
    base = _arm(rng, profile, Arm.BASE, UNCHANGED, shared)
    return Samples.concatenate([base, _arm(rng, profile, Arm.CANDIDATE, change, shared)])


def _arm(rng: np.random.Generator, profile: Profile, arm: Arm, effect: Change, pairs: Shared) -> Samples:
    shared, lengths = pairs.load, pairs.lengths
    count = len(shared)
    hits = rng.random(count) < (0.0 if effect.cache_breaks else profile.cache_hits)
    ttft = profile.ttft_ms * np.exp(shared + rng.normal(0, profile.ttft_spread, count)) * np.where(hits, 0.55, 1.0)
    ttft *= np.where(rng.random(count) < profile.outliers, 1 + 3 * rng.pareto(2.5, count), 1.0) * effect.slower
    tokens = np.maximum(2, np.rint(lengths * np.exp(rng.normal(0, 0.15, count)) * effect.longer))
    tpot = profile.tpot_ms * np.exp(0.6 * shared + rng.normal(0, profile.tpot_spread, count)) * effect.slower
    failed = rng.random(count) < profile.errors + effect.errors
    intended = np.arange(count) * 1e9
    first = intended + 1e6 * ttft
    last = first + 1e6 * tpot * (tokens - 1)
    inputs = np.full(count, 1000.0)
    numbers = {name: np.full(count, np.nan) for name in NUMBER_COLUMNS}
    good = {
        "first_token_ns": first,
        "first_visible_ns": first,
        "last_token_ns": last,
        "output_tokens": tokens,
        "input_tokens": inputs,
        "cached_tokens": np.where(hits, 800.0, 0.0),
        "cost_usd": 1e-6 * (inputs - np.where(hits, 600.0, 0.0) + 4 * tokens),
    }
    numbers |= {name: np.where(failed, np.nan, values) for name, values in good.items()}
    numbers |= {"index": np.arange(count) * 1.0, "pair": np.arange(count) * 1.0, "chunk_count": tokens}
    numbers |= {"intended_ns": intended, "sent_ns": intended, "end_ns": last, "attempts": np.ones(count)}
    texts = {name: TextColumn((), np.full(count, -1, dtype=np.int32)) for name in TEXT_COLUMNS}
    constant = {"series": f"sim/{profile.name}", "provider": "sim", "model": profile.name, "arm": arm}
    constant |= {"phase": Phase.MEASURE, "token_source": TokenSource.SERVER, "finish_reason": FinishReason.STOP}
    texts |= {name: TextColumn((str(value),), np.zeros(count, dtype=np.int32)) for name, value in constant.items()}
    codes = failed.astype(np.int32)
    texts["status"] = TextColumn((str(Status.OK), str(Status.FAILED)), codes)
    texts["error_class"] = TextColumn((str(ErrorClass.NONE), str(ErrorClass.API_ERROR)), codes)
    return Samples(numbers=numbers, texts=texts)


def run_of(samples: Samples, *, comparison: Comparison | None) -> Run:
    """Wrap samples into the run that would hold them."""
    anchor = datetime(2026, 1, 1, tzinfo=UTC)
    arms = {arm: samples.where(samples.texts["arm"].equals(arm)) for arm in Arm}
    providers, base_providers = (
        summarize(arms[arm], anchor_time=anchor, percentiles=(50, 95), resolution_s=0.0)
        for arm in (Arm.CANDIDATE, Arm.BASE)
    )
    named = [ArmIdentity(arm=arm, label=arm, config_hash=arm, requests_hash=arm) for arm in Arm]
    return Run(
        kind=Kind.RUN,
        schema_version=1,
        provenance=PROVENANCE,
        fingerprint=Fingerprint(runner="simulated", platform="any", python="3", config_hash="simulated"),
        benchmark=Benchmark(
            id="simulated", name="simulated", start_time="", end_time="", duration_seconds=100.0, config={}
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
        comparison=comparison,
        ending=Ending.COMPLETE,
        validity=Validity(valid=True, checks=()),
        spend=Spend(spent_usd=0.0, reserved_usd=0.0, cap_usd=None, unpriced_models=(), prices=()),
        transport="simulated",
        samples=InlineSamples(requests=0, columns={}),
    )


def judge(samples: Samples, regression: Regression) -> Verdict:
    """Judge a duet as the commands do."""
    run = run_of(samples, comparison=Comparison(kind="ref", value="base", equal=False))
    analysis = analyze(
        run,
        samples,
        baseline=None,
        regression=regression,
        request_timeout_s=TIMEOUT_S,
        provenance=PROVENANCE,
    )
    return gate(
        analysis, regression=regression, budgets=(), fail_on=(), places=lambda *_path: None, provenance=PROVENANCE
    )


def outcomes(*, gates: int, pairs: int, change: Change, seed: int) -> tuple[Counter[Outcome], Counter[str]]:
    """Count the outcomes of so many gates, and of how many gates each question was established."""
    found: Counter[Outcome] = Counter()
    established: Counter[str] = Counter()
    for number in range(gates):
        verdict = judge(simulate(np.random.default_rng([seed, number]), pairs=pairs, change=change), Regression())
        found[verdict.outcome] += 1
        established.update({finding.metric for finding in verdict.analysis.findings if finding.established})
    return found, established


def _row(name: str, found: Counter[Outcome], gates: int) -> str:
    cells = []
    for outcome in (Outcome.REGRESSION, Outcome.PASS, Outcome.INCONCLUSIVE):
        share = found[outcome] / gates
        error = math.sqrt(share * (1 - share) / gates)
        cells.append(f"{100 * share:5.1f} ± {100 * error:.1f} %")
    return f"| {name:28} | " + " | ".join(f"{cell:>14}" for cell in cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(f"{asked.gates} gates of {len(PROFILES)} models x {asked.pairs} pairs, alpha 1 %, seed {asked.seed}")
    print(f"| {'truth':28} | {'regression':>14} | {'pass':>14} | {'inconclusive':>14} |")
    print(f"| {'-' * 28} | {'-' * 14} | {'-' * 14} | {'-' * 14} |")
    for name, change in (("unchanged (false alarms)", UNCHANGED), ("every latency +20 % (hits)", Change(slower=1.2))):
        found, established = outcomes(gates=asked.gates, pairs=asked.pairs, change=change, seed=asked.seed)
        print(_row(name, found, asked.gates))
        print(f"  established in: {dict(established.most_common()) or 'no gate'}")


if __name__ == "__main__":
    main()
