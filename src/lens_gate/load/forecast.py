"""What a run will send and may cost, before anything is sent: the text behind `--dry-run`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil

from lens_gate.load.budget import output_tokens_bound, upper_bound
from lens_gate.load.pace import ScheduleSettings
from lens_gate.load.plan import ArmPlan, PlannedRequest
from lens_gate.load.pricing import PriceList
from lens_gate.load.workload import group_size
from lens_gate.vocabulary.requests import Arm

_SAMPLED_PER_ROW = 200
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRow:
    """One series of one arm; sums over its requests.

    `input_tokens` is an estimate at four characters a token, `output_tokens` the limit of the answers. `usd` is what
    these two cost: what to expect at most. `usd_reserved` is the bound that a cost cap counts. None: not known, for
    want of a price, a limit, or an end of the run.
    """

    series: str
    arm: Arm
    model: str
    requests: int | None
    input_tokens: int | None
    output_tokens: int | None
    usd: float | None
    usd_reserved: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The whole run; `duration_s` is until the last send, warm-up and cool-down included, None if a cap ends it."""

    rows: tuple[ForecastRow, ...]
    requests: int | None
    duration_s: float | None
    usd: float | None
    usd_reserved: float | None
    unpriced: tuple[str, ...]


def forecast(
    candidate: ArmPlan,
    base: ArmPlan | None,
    settings: ScheduleSettings,
    prices: PriceList,
    planned: Iterator[PlannedRequest],
) -> Forecast:
    """Forecast a run from its schedule.

    Counts are those that are expected (a Poisson process varies), tokens and dollars are scaled up from the first 200
    requests of each row.
    """
    arms = 1 if base is None else 2
    groups: dict[tuple[str, Arm], list[PlannedRequest]] = defaultdict(list)
    for one in islice(planned, _SAMPLED_PER_ROW * arms * len(candidate.series)):
        groups[one.series.series, one.arm].append(one)
    whole = next(planned, None) is None
    total = _expected_requests(settings, group_size(candidate, base, settings)) if groups else 0
    series = len({name for name, _ in groups})
    rows = tuple(
        _row(group, len(group) if whole else _share(total, _arm_share(arm, arms, settings) / series), prices)
        for (_, arm), group in sorted(groups.items())
    )
    return Forecast(
        rows=rows,
        requests=_rounded(_sum(row.requests for row in rows)),
        duration_s=settings.end_s,
        usd=_sum(row.usd for row in rows),
        usd_reserved=_sum(row.usd_reserved for row in rows),
        unpriced=prices.unpriced,
    )


def _expected_requests(settings: ScheduleSettings, together: int) -> int | None:
    """Return the number of requests in whole pairs or blocks; None for a closed loop that only time ends."""
    expected = settings.expected_requests
    return None if expected is None else expected // together * together


def _arm_share(arm: Arm, arms: int, settings: ScheduleSettings) -> float:
    """Return which share of all requests an arm is sent."""
    if settings.control_share is None:
        return 1 / arms
    return settings.control_share if arm is Arm.BASE else 1 - settings.control_share


def _share(total: int | None, share: float) -> int | None:
    return None if total is None else round(total * share)


def _row(sample: Sequence[PlannedRequest], requests: int | None, prices: PriceList) -> ForecastRow:
    first = sample[0]
    inputs = [ceil(one.prompt_characters / _CHARACTERS_PER_TOKEN) for one in sample]
    outputs = [output_tokens_bound(one.request) for one in sample]
    usd = [
        None if output is None else prices.bound(one.series, input_tokens=input_, output_tokens=output)
        for one, input_, output in zip(sample, inputs, outputs, strict=True)
    ]
    scale = None if requests is None else requests / len(sample)
    return ForecastRow(
        series=first.series.series,
        arm=first.arm,
        model=first.series.model,
        requests=requests,
        input_tokens=_rounded(_scaled(inputs, scale)),
        output_tokens=_rounded(_scaled(outputs, scale)),
        usd=_scaled(usd, scale),
        usd_reserved=_scaled([upper_bound(prices, one.series, one.request) for one in sample], scale),
    )


def _scaled(values: Sequence[float | None], scale: float | None) -> float | None:
    total = _sum(values)
    return None if total is None or scale is None else total * scale


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


def _sum(values: Iterable[float | None]) -> float | None:
    """Return the sum, None if one of the values is unknown."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total
