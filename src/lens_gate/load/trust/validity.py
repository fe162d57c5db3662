"""Whether the instrument can be trusted: what is judged here is the measuring, never the endpoint. Pure.

Times that are ours by mistake (a late send, a late read) are held against what is measured. All limits are the
configuration's (`validity:`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from math import ceil
from typing import Final, Protocol, Required, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from lens_gate.artifacts.instrument import Instrument
from lens_gate.artifacts.run import Effect, Plan, Validity, ValidityCheck
from lens_gate.artifacts.samples import Samples
from lens_gate.config.validity import Lateness, ValidityLimits
from lens_gate.load.record.run_end import RunEnd
from lens_gate.load.schedule.unmeasured import unmeasured
from lens_gate.load.trust.failures import opened, paced, retried
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import ErrorClass, Phase, Status, TokenSource

FEWEST_LATE: Final = 3
"""In a short run 1 % is less than one request, and a single late one says nothing of the others."""

SEVEREST_FIRST: Final[tuple[Effect, ...]] = ("invalid", "drop", "warn")

Limits = Mapping[Effect, float]


def judge(
    samples: Samples, end: RunEnd, plan: Plan, limits: ValidityLimits, instrument: Instrument | None = None
) -> Validity:
    """Judge a run by its measured requests, leaving out the series that were given up.

    `instrument` is what the self-test found on this machine. A check whose question does not arise (no rate was asked
    for, nothing was sent) has the value None and is ok.
    """
    rows = samples.where(samples.texts["phase"].equals(Phase.MEASURE) & ~_given_up(samples, end))
    sent = rows.where(~rows.texts["status"].equals(Status.SHED))
    successes = sent.where(sent.texts["status"].equals(Status.OK))
    ttft_ms = _ttft_ms(successes)
    ever_sent = int(np.sum(~samples.texts["status"].equals(Status.SHED)))
    scheduled = rows if end.ending is Ending.COMPLETE else sent
    once = sent.where(sent.numbers["attempts"] <= 1)
    checks = (
        _send_lateness(once, limits_ms(limits.send_lateness, ttft_ms)),
        _loop_lag(end, limits_ms(limits.loop_lag, ttft_ms)),
        _cpu_share(end, limits_in(limits.cpu_share)),
        _ceiling_share(plan, instrument, limits_in(limits.ceiling_share)),
        _achieved_rate(scheduled, len(sent), once, plan, limits_in(limits.achieved_rate)),
        _coalesced(successes, limits_in(limits.zero_gap_share, drop=limits.zero_gap_share.drop)),
        _buffered(sent, limits_in(limits.buffered_share)),
        _missing_usage(successes, limits_in(limits.missing_usage_share)),
        _throttled(sent, limits_in(limits.throttled_share)),
        _reused(sent, limits_in(limits.reused_share)),
        _cached(successes, limits_in(limits.cached_share)),
        _model_versions(successes),
        retried(sent),
        opened(end.breaker, ever_sent),
        paced(end.paced, ever_sent),
        unmeasured(samples, end.ending),
        *_deferred(end),
    )
    return Validity(valid=all(check.ok or check.effect != "invalid" for check in checks), checks=checks)


def judge_imported(samples: Samples, told: str) -> Validity:
    """Judge a run that another tool measured, by what its requests tell; `told` says who stamped the times.

    The first check is never ok: what the other instrument was doing meanwhile is not known.
    """
    limits = ValidityLimits()
    rows = samples.where(samples.texts["phase"].equals(Phase.MEASURE))
    sent = rows.where(~rows.texts["status"].equals(Status.SHED))
    successes = sent.where(sent.texts["status"].equals(Status.OK))
    checks = (
        ValidityCheck(name="imported", value=None, limit=None, unit="", ok=False, effect="warn", message=told),
        _send_lateness(sent, limits_ms(limits.send_lateness, _ttft_ms(successes))),
        _counted_elsewhere(successes, limits_in(limits.missing_usage_share)),
        _throttled(sent, limits_in(limits.throttled_share)),
        _reused(sent, limits_in(limits.reused_share)),
    )
    return Validity(valid=all(check.ok or check.effect != "invalid" for check in checks), checks=checks)


class Graded(Protocol):
    """A section of the configuration with a limit for a warning, and one from which on the run is invalid."""

    @property
    def warn(self) -> float | None:
        """The lesser limit; None: nothing is said."""
        ...

    @property
    def invalid(self) -> float | None:
        """The limit of what can be used; None: anything can."""
        ...


def limits_in(section: Graded, *, drop: float | None = None) -> Limits:
    """Return the limit of each effect that is set."""
    limits: dict[Effect, float | None] = {"invalid": section.invalid, "drop": drop, "warn": section.warn}
    return {effect: limit for effect, limit in limits.items() if limit is not None}


def limits_ms(section: Lateness, ttft_ms: float) -> Limits:
    """Return the limits of a lateness in milliseconds, where the median time to first token is `ttft_ms`."""
    limits: dict[Effect, float] = {}
    if section.invalid is not None:
        limits["invalid"] = max(1000 * section.invalid, (section.invalid_of_ttft or 0) * ttft_ms)
    if section.warn is not None:
        limits["warn"] = max(1000 * section.warn, (section.warn_of_ttft or 0) * ttft_ms)
    return limits


def _given_up(samples: Samples, end: RunEnd) -> NDArray[np.bool_]:
    column = samples.texts["series"]
    given_up = np.array([value in end.given_up for value in column.values], dtype=np.bool_)
    return given_up[column.codes]


def _ttft_ms(successes: Samples) -> float:
    """Return the median time from the actual send to the first token: our own late sends must not raise the limits."""
    times = successes.numbers["first_token_ns"] - successes.numbers["sent_ns"]
    known = times[~np.isnan(times)]
    return float(np.median(known)) / 1e6 if known.size else 0.0


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _handed_over_ns(sent: Samples) -> NDArray[np.float64]:
    """Return when each request was ready to be written; opening a connection is the endpoint's share of it."""
    return sent.numbers["sent_ns"] - np.nan_to_num(sent.numbers["connect_ns"])


def _send_lateness(sent: Samples, limits: Limits) -> ValidityCheck:
    """Take the time from the intended send to the actual one, without connecting."""
    late = _handed_over_ns(sent) - sent.numbers["intended_ns"]
    late = np.sort(late[~np.isnan(late)])
    counting = max(FEWEST_LATE, ceil(late.size / 100))
    value_ms = float(late[-min(counting, late.size)]) / 1e6 if late.size else None
    return _late("send_lateness_p99", value_ms, limits, "requests were sent")


def _loop_lag(end: RunEnd, limits: Limits) -> ValidityCheck:
    value_ms = end.loop_lag.p99_ns / 1e6 if end.loop_lag.count else None
    return _late("loop_lag_p99", value_ms, limits, "arriving bytes may have been read")


def _late(name: str, value_ms: float | None, limits: Limits, what: str) -> ValidityCheck:
    return _checked(
        name,
        value_ms,
        limits,
        unit="ms",
        trouble=f"1 % of the {what} at least {value_ms or 0:.0f} ms late, and that is booked as latency; lower the"
        " rate, give the machine less else to do, or use a larger runner",
    )


def _cpu_share(end: RunEnd, limits: Limits) -> ValidityCheck:
    return _checked(
        "cpu_share",
        end.cpu_share,
        limits,
        unit="of a core",
        trouble=f"this process needed {100 * (end.cpu_share or 0):.0f} % of a core for itself while it sent, so that"
        " its own queues are booked as latency; lower the rate, or use a faster machine",
    )


def _deferred(end: RunEnd) -> tuple[ValidityCheck, ...]:
    """Say that answers waited to be decoded, which takes work off the time in which requests are sent."""
    if end.deferred is None:
        return ()
    told = ValidityCheck(
        name="deferred_answers",
        value=float(end.deferred),
        limit=None,
        unit="answers",
        ok=True,
        effect="warn",
        message="answers were decoded after the run had sent everything, by the stamps of their reads",
    )
    return (told,)


def _ceiling_share(plan: Plan, instrument: Instrument | None, limits: Limits) -> ValidityCheck:
    """Compare what was asked of each process with what the self-test, which is one, found to be right here."""
    asked, ceiling = plan.requests_per_second, instrument.ceiling_rps if instrument else None
    asked = None if asked is None else asked / plan.processes
    whose = "" if plan.processes == 1 else f" of each of {plan.processes} processes"
    return _checked(
        "ceiling_share",
        asked / ceiling if asked is not None and ceiling else None,
        limits,
        unit="of the ceiling",
        trouble=f"asked were {asked or 0:g} requests per second{whose}, and `lens-gate selftest` found this machine"
        f" right up to {ceiling or 0:g}; lower the rate, or test again",
    )


def _achieved_rate(rows: Samples, sent: int, once: Samples, plan: Plan, limits: Limits) -> ValidityCheck:
    """Compare the sends with the schedule: how many were sent at all, and over how long a time.

    The time is that of requests that were sent `once`: a later attempt is late by a rule, and not by our fault.
    Of a run that was ended before its time, by a cap say, `rows` are those that were sent until then.
    """
    share = None
    if plan.requests_per_second is not None and len(rows) > 1:
        asked_ns = float(np.ptp(rows.numbers["intended_ns"]))
        actual_ns = np.nanmax(_handed_over_ns(once), initial=0.0) - np.min(rows.numbers["intended_ns"])
        share = sent / len(rows) * min(1.0, asked_ns / max(actual_ns, 1.0))
    return _checked(
        "achieved_rate",
        share,
        limits,
        unit="of asked",
        more_is_better=True,
        trouble="fewer requests were sent than the schedule asked for; lower the rate, or raise the cost cap",
    )


def _coalesced(successes: Samples, limits: Limits) -> ValidityCheck:
    gaps = int(np.sum(np.maximum(successes.numbers["chunk_count"] - 1, 0)))
    return _checked(
        "zero_gap_share",
        _share(int(np.sum(successes.numbers["zero_gaps"])), gaps),
        limits,
        trouble="many chunks arrived together with the one before, so inter-chunk latency says nothing here: the server"
        " or a proxy sends them in groups, or this machine reads too late",
    )


def _buffered(sent: Samples, limits: Limits) -> ValidityCheck:
    return _checked(
        "buffered_share",
        _share(int(np.sum(sent.texts["error_class"].equals(ErrorClass.BUFFERED))), len(sent)),
        limits,
        trouble="whole streams arrived at once and count as failed, since they have no first token; switch off response"
        " buffering in the proxy before the endpoint",
    )


def _missing_usage(successes: Samples, limits: Limits) -> ValidityCheck:
    """Look at answers with tokens: where an endpoint generates none there is nothing to count."""
    return _checked(
        "missing_usage_share",
        _without_usage(successes.where(successes.numbers["chunk_count"] > 0)),
        limits,
        trouble="the server did not say how many tokens it used, so chunks were counted instead, and per-token times"
        " and cost are estimates; have it report usage in streams",
    )


def _counted_elsewhere(successes: Samples, limits: Limits) -> ValidityCheck:
    return _checked(
        "missing_usage_share",
        _without_usage(successes),
        limits,
        trouble="the token counts are not known to be the server's own, so that per-token times are estimates",
    )


def _without_usage(successes: Samples) -> float | None:
    told = int(np.sum(successes.texts["token_source"].equals(TokenSource.SERVER)))
    return _share(len(successes) - told, len(successes))


def _throttled(sent: Samples, limits: Limits) -> ValidityCheck:
    return _checked(
        "throttled_share",
        _share(int(np.sum(sent.texts["status"].equals(Status.THROTTLED))), len(sent)),
        limits,
        trouble="the provider asked to slow down (429, 529), so what was measured is its limit; lower the rate or ask"
        " for a higher quota",
    )


def _reused(sent: Samples, limits: Limits) -> ValidityCheck:
    known = sent.numbers["reused"][~np.isnan(sent.numbers["reused"])]
    return _checked(
        "reused_share",
        float(np.mean(known)) if known.size else None,
        limits,
        more_is_better=True,
        trouble="many requests opened a connection of their own, and response times include connecting",
        fine="share of requests on a connection that was open already; the others include connecting",
    )


def _cached(successes: Samples, limits: Limits) -> ValidityCheck:
    """Take the cached part of the input of those answers that tell it."""
    cached, told = successes.numbers["cached_tokens"], successes.numbers["input_tokens"]
    both = ~np.isnan(cached) & ~np.isnan(told)
    return _checked(
        "cached_share",
        _share(float(np.sum(cached[both])), float(np.sum(told[both]))),
        limits,
        trouble="much of the input came from the provider's cache, which makes first tokens faster and cheaper than"
        " those of new prompts",
        fine="share of the input tokens that came from the provider's cache",
    )


def _model_versions(successes: Samples) -> ValidityCheck:
    """Look for an alias: one model name, asked for in either arm of a series, that was answered by several models."""
    columns = (successes.texts[name].strings() for name in ("series", "model", "model_returned"))
    versions: dict[tuple[str | None, str | None], set[str]] = defaultdict(set)
    for series, model, returned in zip(*columns, strict=True):
        if returned is not None:
            versions[series, model].add(returned)
    several = {asked: found for asked, found in versions.items() if len(found) > 1}
    named = "; ".join(f"{model} was answered by {', '.join(sorted(found))}" for (_, model), found in several.items())
    return _checked(
        "model_versions",
        float(max(map(len, versions.values()))) if versions else None,
        {"warn": 1.0},
        unit="models",
        trouble=f"{named}: a difference may be theirs; ask for a dated model name",
    )


class _Words(TypedDict, total=False):
    """What is said of a check; `fine` instead of a plain ok."""

    unit: str
    trouble: Required[str]
    fine: str


def _checked(
    name: str, value: float | None, limits: Limits, *, more_is_better: bool = False, **words: Unpack[_Words]
) -> ValidityCheck:
    """Hold a value against the limits, the severest first; where more is better they are the least that will do."""
    sign = -1.0 if more_is_better else 1.0
    crossed = [
        one for one in SEVEREST_FIRST if one in limits and value is not None and sign * value > sign * limits[one]
    ]
    shown = crossed[:1] or [effect for effect in reversed(SEVEREST_FIRST) if effect in limits][:1]
    return ValidityCheck(
        name=name,
        value=value,
        limit=limits[shown[0]] if shown else None,
        unit=words.get("unit", "share"),
        ok=not crossed,
        effect=shown[0] if shown else "warn",
        message=words["trouble"] if crossed else words.get("fine", "ok"),
        limits=dict(limits),
    )
