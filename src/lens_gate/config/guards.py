"""What watches over money, keys and personal data."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from lens_gate.config.section import Section
from lens_gate.config.types import Seconds
from lens_gate.vocabulary.personal import PersonalPattern


class AutoScaling(Section):
    """When idle workers are stopped."""

    scale_down_delay: Seconds = 300.0
    min_idle_time: Seconds = 60.0


class Deduplication(Section):
    """Sending equal requests once; it would falsify a measurement."""

    enabled: bool = False
    cache_ttl: Seconds = 3600.0


class CostOptimization(Section):
    """How workers are made cheaper."""

    worker_instance_type: Literal["spot", "on_demand"] | None = None
    auto_scaling: AutoScaling | None = None
    deduplication: Deduplication | None = None


class SpendingLimits(Section):
    """Limits over many runs, in US dollars."""

    daily_usd: float | None = Field(default=None, ge=0)
    monthly_usd: float | None = Field(default=None, ge=0)
    ledger: str | None = None


class RateLimits(Section):
    """Limits that what is sent keeps to, by waiting for its turn."""

    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    from_headers: bool = True
    max_wait: Seconds = 60.0


class Caching(Section):
    """Answering repeated requests from a cache; it would falsify a measurement."""

    enabled: bool = False
    ttl: Seconds = 3600.0


class Batching(Section):
    """Sending several requests as one; it would falsify a measurement."""

    enabled: bool = False
    max_batch_size: int = Field(default=1, gt=0)


class Optimization(Section):
    """Spending less by measuring something else."""

    model_selection: Literal["none", "cost_optimized"] = "none"
    caching: Caching | None = None
    batching: Batching | None = None


class CostControls(Section):
    """Limits on money and load."""

    budgets: SpendingLimits | None = None
    rate_limits: RateLimits | None = None
    optimization: Optimization | None = None


def _readable(value: dict[str, str]) -> dict[str, str]:
    for name, expression in value.items():
        try:
            re.compile(expression)
        except re.error as error:
            msg = f"the expression of {name!r} cannot be read: {error}"
            raise ValueError(msg) from None
    return value


Region = Annotated[str, StringConstraints(pattern="^[A-Za-z]{2}$", to_upper=True)]
"""Two letters of ISO 3166."""


class PiiDetection(Section):
    """What is done with personal data in bodies that are saved; no `patterns` means all that need no library."""

    enabled: bool = True
    patterns: tuple[PersonalPattern, ...] = ()
    phone_regions: tuple[Region, ...] = ()
    custom: Annotated[dict[str, str], AfterValidator(_readable)] = Field(default_factory=dict)
    action: Literal["redact", "hash", "block"] = "redact"

    @model_validator(mode="after")
    def _regions_go_with_phones(self) -> Self:
        if self.phone_regions and self.patterns and "phone" not in self.patterns:
            msg = "`phone_regions` goes with the pattern `phone`, which `patterns` leaves out"
            raise ValueError(msg)
        return self


class Retention(Section):
    """How long things are kept."""

    results: Seconds | None = None
    logs: Seconds | None = None
    traces: Seconds | None = None


class Compliance(Section):
    """Which laws apply."""

    gdpr: bool = False
    ccpa: bool = False
    hipaa: bool = False


class Privacy(Section):
    """What happens to personal data; prompts and answers are not stored unless `save_bodies` asks for it."""

    save_bodies: bool = False
    pii_detection: PiiDetection | None = None
    retention: Retention | None = None
    compliance: Compliance | None = None
