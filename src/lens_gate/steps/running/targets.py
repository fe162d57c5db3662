"""The servers that a run starts for its arms, each from its own checkout."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lens_gate.config.model import Config
from lens_gate.load.arms.plan import ArmPlan
from lens_gate.load.engine.contract import StopSignal
from lens_gate.steps.log import Log
from lens_gate.steps.resolving.arms import Arms, Side
from lens_gate.steps.world import World
from lens_gate.vocabulary.requests import Arm

if TYPE_CHECKING:
    from lens_gate.load.target import RunningTarget

Ready = TypeVar("Ready")

_PUBLISHING = (
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GITLAB_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_RUNTIME_TOKEN",
)
"""Variables that publishing and logging in read, and a runner sets: a server under test runs a change's own code."""


@asynccontextmanager
async def started(arms: Arms, output: Path, world: World) -> AsyncIterator[tuple[ArmPlan, ArmPlan | None]]:
    """Start each arm's target, and point the arm at it; their logs lie beside `output`. Raises TargetNotReady."""
    async with AsyncExitStack() as stack:

        async def begun(side: Side, plan: ArmPlan) -> ArmPlan:
            target = side.config.target
            if target is None:
                return plan
            from lens_gate.load.target import start_target  # noqa: PLC0415 - asking whether it is ready takes httpx

            checkout = stack.enter_context(side.checkout())
            log_path = output.with_name(f"target-{plan.arm.value}.log").absolute()
            environment = target_environment(side.config, arms.keys, world)
            starting = start_target(target, cwd=checkout, environment=environment, log_path=log_path)
            logged = _logged(starting, world.log, plan.arm, log_path)
            running = await _unless_stopped(stack.enter_async_context(logged), world.stop)
            return _pointed_at(plan, running.base_url)

        candidate, base = await begun(arms.candidate_side, arms.candidate), arms.base
        if base is not None and arms.base_side is not None:
            base = await begun(arms.base_side, base)
        yield candidate, base


@asynccontextmanager
async def _logged(
    starting: AbstractAsyncContextManager[RunningTarget], log: Log, arm: Arm, log_path: Path
) -> AsyncIterator[RunningTarget]:
    """Note in the log when a target answers, and when it has ended."""
    began = False
    try:
        async with starting as running:
            began = True
            log.note(
                "info", "target started", arm=arm.value, pid=running.pid, url=running.base_url, output=str(log_path)
            )
            yield running
    finally:
        if began:
            log.note("info", "target stopped", arm=arm.value)


def target_environment(config: Config, keys: Collection[str], world: World) -> dict[str, str]:
    """Return what a target may see: neither `keys`, which are read for measuring, nor what publishes the verdict.

    What its configuration names it sees all the same.
    """
    named = config.target.environment if config.target else ()
    ours = {*keys, *_PUBLISHING}
    return {name: value for name, value in world.environment.items() if name not in ours or name in named}


def _pointed_at(plan: ArmPlan, base_url: str) -> ArmPlan:
    """Send the requests of a target's series to where it answers now."""
    series = tuple(
        replace(one, endpoint=replace(one.endpoint, base_url=base_url)) if one.through_target else one
        for one in plan.series
    )
    return replace(plan, series=series)


async def _unless_stopped(starting: Coroutine[None, None, Ready], stop: StopSignal) -> Ready:
    """Wait for what starts; an interruption ends it, and the run, which has measured nothing yet."""
    start = asyncio.create_task(starting)
    stopped = asyncio.create_task(stop.stopped.wait())
    await asyncio.wait({start, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not start.done():
        start.cancel()
        await asyncio.wait({start})
        raise KeyboardInterrupt
    return start.result()
