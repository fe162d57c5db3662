"""What is known of a run before it: what it would send and cost, and whether its limits can hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lens_gate.config.model import Config
from lens_gate.load.arms.plan import ArmPlan
from lens_gate.load.arms.resolve import ReadFile, resolve_arm
from lens_gate.load.limits.rate_limits import pace_limits, require_keepable
from lens_gate.load.money.bounds import require_bounds
from lens_gate.load.money.forecast import Forecast, forecast
from lens_gate.load.money.pricing import PriceList
from lens_gate.load.schedule.settings import ScheduleSettings, schedule_settings
from lens_gate.load.schedule.unmeasured import foretold
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.resolving.placing import placing
from lens_gate.steps.resolving.scheduling import planned_requests, settings_of
from lens_gate.steps.running.budgets import Books, budgets_of
from lens_gate.steps.running.deferring import bytes_deferred
from lens_gate.steps.running.splitting import require_splittable
from lens_gate.steps.world import World
from lens_gate.vocabulary.requests import Arm


def price_list(arms: Arms, on: datetime) -> PriceList:
    """Look up the prices of every series of both arms."""
    return PriceList.of([series for arm in plans(arms) for series in arm.series], on)


def plans(arms: Arms) -> tuple[ArmPlan, ...]:
    """Return the arms that would be sent."""
    return tuple(arm for arm in (arms.candidate, arms.base) if arm is not None)


def preview(arms: Arms, world: World) -> Forecast:
    """Say what a run would send and cost; sends nothing.

    Raises ConfigProblem where a cap or a rate limit cannot hold, UsageProblem for what several processes cannot do,
    CapReached where nothing is left of a budget.
    """
    with placing(arms.loaded, arms.options):
        settings, prices = settings_of(arms), price_list(arms, world.now())
        require_limits(arms, settings, prices, looks=arms.candidate_side.config.profiler.until_decided)
    if budgets := budgets_of(arms.candidate_side.config):
        Books.of(budgets, world).left()
    return foreseen(arms, settings, prices, world)


def require_by_itself(config: Config, read_file: ReadFile, on: datetime) -> None:
    """Refuse a configuration whose caps or rate limits no run of it could keep; raises ConfigProblem."""
    capped = config.profiler.max_cost_usd is not None or budgets_of(config) is not None
    limits = pace_limits([config])
    if not (capped or limits) or not any(provider.enabled for provider in config.providers):
        return
    arm = resolve_arm(
        config,
        read_file=read_file,
        base_series=None,
        arm=Arm.CANDIDATE,
        label="",
        commit=None,
        config_hash="",
        target_name=None,
        target_endpoint=None if config.target is None else config.target.endpoint or config.target.ready_url,
    )
    require_keepable([arm], schedule_settings(config), limits)
    if capped:
        require_bounds([arm], PriceList.of(arm.series, on))


def foreseen(arms: Arms, settings: ScheduleSettings, prices: PriceList, world: World) -> Forecast:
    """Forecast a run from its own schedule."""
    return forecast(arms.candidate, arms.base, settings, prices, planned_requests(arms, settings, world))


def remarks_on(arms: Arms, settings: ScheduleSettings) -> Iterator[str]:
    """Yield what users may not expect of the run that they are about to start."""
    if arms.log is not None and arms.candidate_side.config.workload.prompts:
        yield "the prompts of a replay are those of its log, so that workload.prompts are left aside"
    if unmeasured := foretold(settings):
        yield f"warning: {unmeasured}"


def configs(arms: Arms) -> tuple[Config, ...]:
    """Return the configuration of each arm, the candidate's first."""
    sides = (arms.candidate_side, arms.base_side)
    return tuple(side.config for side in sides if side is not None)


def deferred_bytes(arms: Arms, *, looks: bool) -> int | None:
    """Return how many bytes of answers may wait to be decoded, None where none may; `looks` are taken at the run.

    Raises ConfigProblem where deferring is asked for, and something must know meanwhile how answers ended.
    """
    return bytes_deferred(arms.candidate_side.config, looks=looks, paced=bool(pace_limits(configs(arms))))


def require_limits(arms: Arms, settings: ScheduleSettings, prices: PriceList, *, looks: bool) -> None:
    """Refuse what a cost cap could not hold, a rate that a limit does not allow, and to decode later what is needed.

    So is to split over processes what cannot be split.
    """
    config, limits = arms.candidate_side.config, pace_limits(configs(arms))
    require_splittable(config, settings, looks=looks, paced=bool(limits))
    deferred_bytes(arms, looks=looks)
    require_keepable(plans(arms), settings, limits)
    if config.profiler.max_cost_usd is not None or budgets_of(config) is not None:
        require_bounds(plans(arms), prices)
