"""Whether the schedule of a run can be split over several processes."""

from __future__ import annotations

from lens_gate.config.model import Config
from lens_gate.errors import UsageProblem
from lens_gate.load.schedule.settings import ScheduleSettings

PLACE = "profiler.processes"


def require_splittable(config: Config, settings: ScheduleSettings, *, looks: bool, paced: bool) -> None:
    """Refuse what several processes would each do by themselves, although it holds for all requests together.

    `looks` and `paced` say that the run is looked at, and that it keeps a rate limit. Raises UsageProblem.
    """
    processes, slots = config.profiler.processes, settings.concurrency
    if processes == 1:
        return
    together = _needs_all(config, looks=looks, paced=paced)
    if together is not None:
        raise UsageProblem(
            f"{together} must see all requests of a run, and each of its {processes} processes sees its own",
            place=PLACE,
            hint=f"Leave the processes out, or {together}.",
        )
    if slots is not None and slots < processes:
        raise UsageProblem(
            f"a closed loop of {slots} cannot be split over {processes} processes",
            place=PLACE,
            hint=f"Use at most {slots} processes, or more concurrency.",
        )


def _needs_all(config: Config, *, looks: bool, paced: bool) -> str | None:
    if looks:
        return "until-decided"
    if config.resilience.circuit_breaker.enabled:
        return "the circuit breaker"
    if config.resilience.abort is not None:
        return "the abort at an error rate"
    return "the rate limits" if paced else None


def refuse_resuming(config: Config) -> None:
    """Refuse to go on with an earlier run in several processes, which all begin at its start. Raises UsageProblem."""
    if config.profiler.processes > 1:
        raise UsageProblem(
            "a run is resumed by one process",
            place=PLACE,
            hint="Leave the processes out, or --resume.",
        )
