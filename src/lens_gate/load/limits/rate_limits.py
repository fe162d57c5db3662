"""Which rate limits a run keeps, from its configuration, and whether its schedule can keep them at all. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from lens_gate.config.guards import RateLimits
from lens_gate.config.model import Config
from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.plan import ArmPlan
from lens_gate.load.limits.pacing import PaceLimits
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.vocabulary.requests import Arm


def pace_limits(configs: Sequence[Config]) -> dict[str | None, PaceLimits]:
    """Return the limits by provider, and under None those of all together.

    Where both arms have a configuration, the first one that names a provider says what its limits are. A provider
    without limits of its own is listened to as the limits of all say.
    """
    shared = next((one.cost_controls.rate_limits for one in configs if one.cost_controls is not None), None)
    found: dict[str | None, PaceLimits] = {} if shared is None else {None: _limits(shared)}
    for provider in (provider for config in configs for provider in config.providers if provider.enabled):
        if provider.rate_limits is not None:
            found.setdefault(provider.name, _limits(provider.rate_limits))
        elif shared is not None:
            unlimited = shared.model_copy(update={"requests_per_minute": None, "tokens_per_minute": None})
            found.setdefault(provider.name, _limits(unlimited))
    return found


def _limits(config: RateLimits) -> PaceLimits:
    return PaceLimits(
        requests=config.requests_per_minute,
        tokens=config.tokens_per_minute,
        from_headers=config.from_headers,
        max_wait_ns=round(config.max_wait * 1e9),
    )


def require_keepable(
    arms: Sequence[ArmPlan], settings: ScheduleSettings, limits: Mapping[str | None, PaceLimits]
) -> None:
    """Refuse a schedule that asks for more than a limit allows: most of it would wait in vain.

    Raises ConfigProblem. A closed loop keeps any limit.
    """
    if settings.requests_per_second is None:
        return
    for provider, share in _shares(arms, settings).items():
        limit = limits[provider].requests if provider in limits else None
        per_minute = 60 * settings.requests_per_second * share
        if limit is not None and per_minute > limit * (1 + 1e-9):
            allowed = limit / 60 / share / settings.turns
            counted = _counted(settings)
            whose = "all providers together" if provider is None else provider
            raise ConfigProblem(
                f"the schedule asks for {per_minute:g} requests per minute of {whose}, and the limit is {limit:g}",
                place="cost_controls.rate_limits" if provider is None else f"providers: {provider}: rate_limits",
                hint=f"Lower the rate to {allowed:.4g} {counted} per second (both arms and all models count),"
                " or raise the limit.",
            )


def _counted(settings: ScheduleSettings) -> str:
    """Say what a configured rate counts."""
    return "requests" if settings.turns == 1 else f"conversations of {settings.turns:.4g} requests"


def _shares(arms: Sequence[ArmPlan], settings: ScheduleSettings) -> dict[str | None, float]:
    """Return which share of all requests each provider is sent."""
    shares: defaultdict[str | None, float] = defaultdict(float, {None: 1.0})
    for arm in arms:
        for series in arm.series:
            shares[series.provider_name] += _arm_share(arm.arm, len(arms), settings) / len(arm.series)
    return dict(shares)


def _arm_share(arm: Arm, arms: int, settings: ScheduleSettings) -> float:
    if settings.control_share is None:
        return 1 / arms
    return settings.control_share if arm is Arm.BASE else 1 - settings.control_share
