"""From imported requests to the Run that is written: what no file says stays open."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np

from lens_gate.analysis.imported import Merged
from lens_gate.analysis.summarize import summarize, summary_of
from lens_gate.artifacts.codec import SCHEMA_VERSIONS
from lens_gate.artifacts.envelope import Fingerprint, Kind, Provenance
from lens_gate.artifacts.foreign.recording import Recording
from lens_gate.artifacts.run import (
    ArmIdentity,
    Benchmark,
    Comparison,
    InlineSamples,
    Plan,
    ProviderResult,
    Run,
    Sidecar,
    Spend,
    Uncovered,
)
from lens_gate.artifacts.samples import Samples
from lens_gate.config.model import Metrics
from lens_gate.load.trust.validity import judge_imported
from lens_gate.steps.world import World, rfc3339
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Arm
from lens_gate.vocabulary.secrets import address_of

NO_DATE = "they name no time of day, so that of the import stands for it"

_INSTANTS = ("intended_ns", "sent_ns", "last_token_ns", "end_ns")
_HASH_CHARACTERS = 16
_Said = TypeVar("_Said")


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The requests of a run, and the recordings that each arm comes from."""

    merged: Merged
    recordings: Mapping[Arm, Sequence[Recording]]

    @property
    def all_recordings(self) -> tuple[Recording, ...]:
        """Every recording once, whichever arms it holds."""
        return tuple({one.source: one for several in self.recordings.values() for one in several}.values())

    def rows(self, arm: Arm) -> Samples:
        """Return the requests of one arm."""
        return self.merged.samples.where(self.merged.samples.texts["arm"].equals(arm))


def imported_run(material: Material, reference: InlineSamples | Sidecar, run_id: str, world: World) -> Run:
    """Summarize the requests and put the artifact together."""
    now = world.now()
    started = material.merged.started or now
    candidate = _summaries(material, Arm.CANDIDATE, started)
    arms = tuple(_identity(material, arm) for arm in (Arm.CANDIDATE, Arm.BASE) if arm in material.recordings)
    tools = sorted({one.tool for one in material.all_recordings})
    return Run(
        kind=Kind.RUN,
        schema_version=SCHEMA_VERSIONS[Kind.RUN],
        provenance=Provenance(tool_version=world.version, created_at=rfc3339(now), ci_run=world.runner.ci_run),
        fingerprint=_fingerprint(material),
        benchmark=_benchmark(material, started, run_id),
        providers=candidate,
        base_providers=_summaries(material, Arm.BASE, started),
        summary=summary_of(candidate, material.rows(Arm.CANDIDATE)),
        plan=_plan(material),
        arms=arms,
        comparison=_comparison(arms),
        uncovered=_uncovered(material),
        ending=Ending.COMPLETE,
        validity=judge_imported(material.merged.samples, _told(material)),
        spend=_spend(material.merged.samples),
        transport=f"import: {', '.join(tools)}",
        samples=reference,
    )


def _summaries(material: Material, arm: Arm, started: datetime) -> tuple[ProviderResult, ...]:
    metrics = Metrics()
    timed = all(one.timed for one in material.all_recordings)
    return summarize(
        material.rows(arm),
        anchor_time=started,
        percentiles=metrics.percentiles,
        resolution_s=metrics.resolution if timed else 0.0,
    )


def _benchmark(material: Material, started: datetime, run_id: str) -> Benchmark:
    times = np.concatenate([material.merged.samples.numbers[name] for name in _INSTANTS])
    timed = all(one.timed for one in material.all_recordings)
    lasted = timedelta(microseconds=float(np.nanmax(times)) / 1000) if timed else timedelta()
    return Benchmark(
        id=run_id,
        name=f"import of {_files(material.all_recordings)}",
        start_time=rfc3339(started),
        end_time=rfc3339(started + lasted),
        duration_seconds=round(lasted / timedelta(seconds=1), 3),
        config={"imported": [{"file": _file(one), "tool": one.tool} for one in material.all_recordings]},
    )


def _file(recording: Recording) -> str:
    """Return the name with that of its folder, since tools call all their files alike; no more of the path."""
    path = Path(recording.source)
    return f"{path.parent.name}/{path.name}" if path.parent.name else path.name


def _files(recordings: Sequence[Recording]) -> str:
    return ", ".join(map(_file, recordings))


def _fingerprint(material: Material) -> Fingerprint:
    """Describe where was measured, as far as the files say; this machine only reads them."""
    recordings = material.all_recordings
    return Fingerprint(
        runner="imported",
        platform=_agreed([one.platform for one in recordings]) or "unknown",
        python=_agreed([one.python for one in recordings]) or "unknown",
        config_hash=_digest(one.tool for one in recordings),
    )


def _identity(material: Material, arm: Arm) -> ArmIdentity:
    rows, recordings = material.rows(arm), material.recordings[arm]
    asked = [*rows.texts["model"].strings(), *rows.texts["prompt_hash"].strings()]
    return ArmIdentity(
        arm=arm,
        label=_files(recordings),
        config_hash=_digest(one.tool for one in recordings),
        requests_hash=_digest(str(word) for word in asked),
        endpoints=tuple(dict.fromkeys(_address(url) for one in recordings for url in one.endpoints)),
        models=tuple(dict.fromkeys(str(model) for model in rows.texts["model"].strings())),
    )


def _address(url: str) -> str:
    """Return where requests went, without secrets; nothing of what is no address."""
    try:
        return address_of(url)
    except ValueError:
        return "unknown"


def _comparison(arms: Sequence[ArmIdentity]) -> Comparison | None:
    base = next((arm for arm in arms if arm.arm is Arm.BASE), None)
    return Comparison(kind="import", value=base.label, equal=False) if base else None


def _uncovered(material: Material) -> tuple[Uncovered, ...]:
    """Name the series that only one arm has."""
    if Arm.BASE not in material.recordings:
        return ()
    series = {arm: set(material.rows(arm).texts["series"].strings()) for arm in (Arm.CANDIDATE, Arm.BASE)}
    others = {Arm.CANDIDATE: Arm.BASE, Arm.BASE: Arm.CANDIDATE}
    return tuple(
        Uncovered(prompt_id="*", arm=arm, series=name)
        for arm, other in others.items()
        for name in sorted(str(name) for name in series[arm] - series[other])
    )


def _plan(material: Material) -> Plan:
    """Say what was asked of the other tool; of several recordings what they agree in, and their rates together."""
    plans = [one.plan for one in material.all_recordings]
    rates = [plan.requests_per_second for plan in plans]
    known = [rate for rate in rates if rate is not None]
    return plans[0].model_copy(
        update={
            "arrival": _agreed([plan.arrival for plan in plans]) or "unknown",
            "requests_per_second": sum(known) if len(known) == len(rates) else None,
            "concurrency": plans[0].concurrency if len(plans) == 1 else None,
            "requests": len(material.merged.samples),
            "seed": _agreed([plan.seed for plan in plans]),
            "request_timeout_s": _agreed([plan.request_timeout_s for plan in plans]),
        }
    )


def _told(material: Material) -> str:
    """Say who stamped the times, and what the files lack."""
    recordings = material.all_recordings
    tools = " and ".join(sorted({one.tool for one in recordings}))
    dated = () if material.merged.started is not None else (NO_DATE,)
    remarks = dict.fromkeys([*(remark for one in recordings for remark in one.remarks), *dated])
    return "; ".join([f"these times come from files ({tools}), lens-gate did not stamp them", *remarks])


def _spend(samples: Samples) -> Spend:
    """Add up what the files say of money."""
    costs, series = samples.numbers["cost_usd"], samples.texts["series"]
    priced = {name for name, known in zip(series.strings(), (~np.isnan(costs)).tolist(), strict=True) if known}
    unpriced = sorted({str(name) for name in series.strings() if name not in priced})
    return Spend(
        spent_usd=float(np.nansum(costs)), reserved_usd=0.0, cap_usd=None, unpriced_models=tuple(unpriced), prices=()
    )


def _agreed(values: Sequence[_Said]) -> _Said | None:
    """Return what all say, None where they differ."""
    return values[0] if all(value == values[0] for value in values) else None


def _digest(words: Iterable[str]) -> str:
    return hashlib.sha256("|".join(words).encode()).hexdigest()[:_HASH_CHARACTERS]
