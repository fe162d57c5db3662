"""A log that a run plays again: found, read through once before anything is sent, and put in place of the prompts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lens_gate.artifacts.run import Replayed
from lens_gate.artifacts.samples import Samples
from lens_gate.artifacts.traffic.call import Call
from lens_gate.artifacts.traffic.formats import opened
from lens_gate.config.defaults import BUILT_IN, maker_of
from lens_gate.config.model import Config
from lens_gate.config.workload import Replay, WorkloadType
from lens_gate.errors import ArtifactProblem, ConfigProblem
from lens_gate.load.arms.plan import ArmPlan
from lens_gate.load.schedule.lengths import Asked, asked_and_counted
from lens_gate.load.schedule.replay import Log, Survey, narrowed, sends_per_call, surveyed, within
from lens_gate.load.schedule.settings import kind_of, schedule_settings
from lens_gate.steps.world import World
from lens_gate.stores.files import read_pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The file of a log, and where in it to play; `calls` reads it anew."""

    path: Path
    how: Replay

    def calls(self) -> Iterator[Call]:
        """Yield its requests in the order in which they came."""
        return opened(read_pieces(self.path), name=self.how.source, form=self.how.format)[1]


def log_of(
    config: Config, candidate: ArmPlan, base: ArmPlan | None, *, control: float | None, world: World
) -> Log | None:
    """Return the log that a configuration asks for, surveyed; None where it asks for none.

    Raises ConfigProblem where the section is missing, UsageProblem where there is no such file, ArtifactCorrupt and
    ArtifactProblem where it is damaged or holds nothing to play.
    """
    how = _asked_for(config)
    if how is None:
        return None
    if candidate.asked is not None:
        # What is compared is sent the same.
        how = how.model_copy(update={"route": "all"})
    settings = replace(schedule_settings(config), control_share=control)
    how = narrowed(how, settings, sends_per_call(candidate, base, settings, how))
    file = Opened(path=world.directory / how.source, how=how)
    form, calls = opened(read_pieces(file.path), name=how.source, form=how.format)
    found = surveyed(calls, how, candidate.series)
    _require_something(found, how)
    return Log(
        source=how.source, form=form, how=how.model_copy(update={"format": form}), reopen=file.calls, survey=found
    )


def _asked_for(config: Config) -> Replay | None:
    """Return the replay that a workload asks for. Raises ConfigProblem where it names no log."""
    if kind_of(config.workload) is not WorkloadType.REPLAY:
        return None
    if config.workload.replay is None:
        raise ConfigProblem(
            "the type is `replay`, and no log is named",
            place="workload.type",
            hint="Add the section `workload.replay` with the `source`.",
        )
    return config.workload.replay


def check_log(config: Config, directory: Path) -> None:
    """Read the configured log through, if there is one. Raises what `log_of` does for a file that cannot be played."""
    how = _asked_for(config)
    if how is not None:
        deque(within(Opened(path=directory / how.source, how=how).calls(), how), maxlen=0)


def models_of(how: Replay, world: World) -> tuple[tuple[str, str], ...]:
    """Return the providers and models that the window of a log names, in the order of their first request.

    Raises ConfigProblem where it names no model, or one of a provider that is not known by name.
    """
    calls = opened(read_pieces(world.directory / how.source), name=how.source, form=how.format)[1]
    return tuple(dict.fromkeys(_maker(due.call) for due in within(calls, how)))


def _maker(call: Call) -> tuple[str, str]:
    provider = call.provider or (maker_of(call.model) if call.model else None)
    if call.model is None or provider is None or provider not in BUILT_IN:
        told = f"asks for {call.model}, of no provider that is known by name" if call.model else "names no model"
        raise ConfigProblem(
            f"the request {told}, and there is no configuration",
            place=call.place,
            hint="Name --provider and --model, or write a configuration with `lens-gate init > lens-gate.yaml`.",
        )
    return provider, call.model


def _require_something(found: Survey, how: Replay) -> None:
    if found.requests:
        return
    told = f"{found.unanswered} without a prompt and an answer, {found.unrouted} to models that are not measured"
    raise ArtifactProblem(
        f"there is no request to play in this part of the log ({told})",
        place=how.source,
        hint="Widen --from and --to, leave `route: log` out, or see docs/replaying.md for what a log must hold.",
    )


def replayed_part(log: Log, asked: Asked, samples: Samples) -> Replayed:
    """Say in the artifact what was played, and how the lengths that were asked for compare with those counted."""
    inputs, outputs = asked_and_counted(samples, asked)
    return Replayed(
        source=log.source,
        format=log.form.value,
        digest=log.survey.digest,
        time_scale=log.how.time_scale,
        requests=log.survey.requests,
        prompts=log.survey.prompts,
        unanswered=log.survey.unanswered,
        unrouted=log.survey.unrouted,
        input_tokens=inputs,
        output_tokens=outputs,
    )
