"""Reading back the evidence of a run that a test made, and bearing with a busy machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.assemble import samples_of
from lens_gate.artifacts.codec import loads
from lens_gate.artifacts.run import Plan, Run, Validity
from lens_gate.artifacts.samples import Samples
from lens_gate.config.validity import AchievedRate, CpuShare, Lateness, ValidityLimits
from lens_gate.load.record.run_end import RunEnd
from lens_gate.load.trust.validity import judge


def run_in(path: Path) -> Run:
    """Return the run artifact at `path`."""
    run = loads(path.read_bytes(), name=path.name)
    assert isinstance(run, Run)
    return run


def samples_in(path: Path) -> Samples:
    """Return the samples of the run at `path`, wherever they lie."""
    return samples_of(run_in(path), lambda name: (path.parent / name).read_bytes())


def texts(samples: Samples, column: str, **where: str) -> set[str | None]:
    """Return the different values of a text column among the rows whose columns hold the values of `where`."""
    for name, value in where.items():
        samples = samples.where(samples.texts[name].equals(value))
    assert len(samples) > 0, f"no row has {where}"
    return set(samples.texts[column].strings())


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no run be invalid because this machine is busy with other things."""
    late = Lateness(warn=30.0, invalid=60.0)
    rate, cpu = AchievedRate(warn=0.02, invalid=0.01), CpuShare(warn=None, invalid=None)
    patient = {"send_lateness": late, "loop_lag": late, "achieved_rate": rate, "cpu_share": cpu}

    def judged(samples: Samples, end: RunEnd, plan: Plan, limits: ValidityLimits, *rest: Any) -> Validity:
        return judge(samples, end, plan, limits.model_copy(update=patient), *rest)

    monkeypatch.setattr("lens_gate.steps.recorded.written.judge", judged)
