"""The step `export prometheus`: the counters of a finished run for a monitoring system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry

from lens_gate.artifacts.run import Run
from lens_gate.artifacts.tallies import tallies_of
from lens_gate.errors import PublishFailed, UsageProblem
from lens_gate.reports.prometheus import exposition, registry_of
from lens_gate.steps.recorded.reading import read_artifact, samples_beside


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A Pushgateway, and the group there that a push replaces: the job, and labels that tell it from others."""

    address: str
    job: str
    grouping: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 10.0


Push = Callable[[Gateway, CollectorRegistry], None]


def exported(path: Path) -> str:
    """Return a run in Prometheus's text format; raises UsageProblem where the file holds no run."""
    run = _run(path)
    return exposition(tallies_of(samples_beside(run, path)), run)


def pushed(path: Path, gateway: Gateway, push: Push) -> None:
    """Replace the gateway's group by a run; raises UsageProblem, and PublishFailed where the gateway takes it not."""
    run = _run(path)
    registry = registry_of(tallies_of(samples_beside(run, path)), run)
    try:
        push(gateway, registry)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise PublishFailed(
            f"the Pushgateway did not take the metrics: {reason}",
            place=gateway.address,
            hint="Is it running there, and is the address that of the gateway itself, without a path?",
        ) from error


def _run(path: Path) -> Run:
    artifact = read_artifact(path)
    if not isinstance(artifact, Run):
        raise UsageProblem(
            f"only a run has metrics to export, and this is an artifact of kind {artifact.kind}",
            place=str(path),
            hint="Give the run.json.",
        )
    return artifact
