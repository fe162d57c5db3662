"""From when on the instrument is not to be trusted: the limits of each check of a run, and what crossing one does.

A check has a limit for each effect: `warn` says so, `drop` leaves the metric out, `invalid` makes the run invalid (exit
code 3). `null` takes an effect away.
"""

from __future__ import annotations

from pydantic import Field

from lens_gate.config.section import Section
from lens_gate.config.types import Seconds, Share


class Lateness(Section):
    """How late is too late: a time, or a share of the median time to first token, whichever is longer.

    Without a share the time alone counts; without a time there is no such limit.
    """

    warn: Seconds | None = 0.005
    warn_of_ttft: float | None = Field(default=0.05, ge=0)
    invalid: Seconds | None = 0.020
    invalid_of_ttft: float | None = Field(default=0.25, ge=0)


class CpuShare(Section):
    """How much of one core this process may need itself while it sends."""

    warn: float | None = Field(default=0.85, gt=0)
    invalid: float | None = Field(default=0.95, gt=0)


class CeilingShare(Section):
    """How much of the rate that `lens-gate selftest` found to be right on this machine may be asked for."""

    warn: float | None = Field(default=1.0, gt=0)
    invalid: float | None = Field(default=None, gt=0)


class AchievedRate(Section):
    """The least share of the asked rate that must have been sent."""

    warn: Share | None = 0.97
    invalid: Share | None = 0.90


class ZeroGapShare(Section):
    """How many chunks may have come in the same read as the one before."""

    warn: Share | None = None
    drop: Share | None = 0.20
    invalid: Share | None = None


class BufferedShare(Section):
    """How many streams may have arrived in one piece."""

    warn: Share | None = 0.01
    invalid: Share | None = None


class MissingUsageShare(Section):
    """How many answers may lack the server's own token counts."""

    warn: Share | None = 0.05
    invalid: Share | None = None


class ThrottledShare(Section):
    """How many requests the provider may have asked to slow down."""

    warn: Share | None = 0.01
    invalid: Share | None = 0.20


class ReusedShare(Section):
    """The least share of requests that must have gone over a connection that was open already."""

    warn: Share | None = None
    invalid: Share | None = None


class CachedShare(Section):
    """How much of the input may have come from the provider's cache."""

    warn: Share | None = None
    invalid: Share | None = None


class ValidityLimits(Section):
    """The limits of every check of a run."""

    send_lateness: Lateness = Lateness()
    loop_lag: Lateness = Lateness()
    cpu_share: CpuShare = CpuShare()
    ceiling_share: CeilingShare = CeilingShare()
    achieved_rate: AchievedRate = AchievedRate()
    zero_gap_share: ZeroGapShare = ZeroGapShare()
    buffered_share: BufferedShare = BufferedShare()
    missing_usage_share: MissingUsageShare = MissingUsageShare()
    throttled_share: ThrottledShare = ThrottledShare()
    reused_share: ReusedShare = ReusedShare()
    cached_share: CachedShare = CachedShare()
