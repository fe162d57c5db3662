"""A run before its first request: what it is to do, at which pace, and what it may spend."""

from __future__ import annotations

from dataclasses import dataclass

from lens_gate.load.money.pricing import PriceList
from lens_gate.load.money.purse import Purse
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.steps.recorded.resuming import Earlier
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.resolving.placing import placing
from lens_gate.steps.resolving.scheduling import settings_of
from lens_gate.steps.running.budgets import Account, open_account
from lens_gate.steps.running.foreseen import foreseen, price_list, require_limits
from lens_gate.steps.running.lookout import LookPlan
from lens_gate.steps.running.splitting import refuse_resuming
from lens_gate.steps.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureOptions:
    """What else a run is to do: keep raw chunk times, end when `looks` decide, go on with an `earlier` part of it."""

    save_chunks: bool = False
    looks: LookPlan | None = None
    earlier: Earlier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is to be measured, with everything refused that no run of it could hold."""

    run_id: str
    arms: Arms
    settings: ScheduleSettings
    prices: PriceList
    account: Account
    purse: Purse
    options: MeasureOptions


def intended(arms: Arms, world: World, options: MeasureOptions) -> Intent:
    """Name a run, give it its pace, and reserve what it may spend.

    Raises ConfigProblem where a cap or a rate limit cannot hold, UsageProblem for what several processes cannot do,
    CapReached where nothing is left of a budget.
    """
    if options.earlier is not None:
        refuse_resuming(arms.candidate_side.config)
    run_id = options.earlier.run.benchmark.id if options.earlier else world.new_id()
    with placing(arms.loaded, arms.options):
        settings = settings_of(arms).salted(run_id)
        prices = price_list(arms, world.now())
        require_limits(arms, settings, prices, looks=options.looks is not None)

    def bound_usd() -> float | None:
        return foreseen(arms, settings, prices, world).usd_reserved

    account = open_account(arms.candidate_side.config, run_id, bound_usd, world)
    return Intent(
        run_id=run_id,
        arms=arms,
        settings=settings,
        prices=prices,
        account=account,
        purse=Purse(prices, account.cap_usd),
        options=options,
    )
