"""What a run will send and may cost, before anything is sent: the text behind `--dry-run`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import NamedTuple

from lens_gate.load.arms.conversation import turns_of
from lens_gate.load.arms.plan import ArmPlan, PlannedRequest
from lens_gate.load.money.bounds import Sent, upper_bound
from lens_gate.load.money.pricing import PriceList
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.schedule.unmeasured import foretold
from lens_gate.load.schedule.workload import group_size
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
    """The whole run; `duration_s` is until the last send, warm-up and cool-down included, None if a cap ends it.

    `unmeasured` says where those two take the larger part of it.
    """

    rows: tuple[ForecastRow, ...]
    requests: int | None
    duration_s: float | None
    usd: float | None
    usd_reserved: float | None
    unpriced: tuple[str, ...]
    unmeasured: str | None = None


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
    groups: dict[tuple[str, Arm], list[_Asked]] = defaultdict(list)
    for one in islice(planned, _SAMPLED_PER_ROW * arms * len(candidate.series)):
        groups[one.series.series, one.arm] += _asked(one)
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
        unmeasured=foretold(settings),
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


class _Asked(NamedTuple):
    """A request with what the answers of earlier turns can have at most, in tokens (None: no bound)."""

    planned: PlannedRequest
    sent: Sent
    earlier_tokens: int | None


def _asked(planned: PlannedRequest) -> Iterator[_Asked]:
    """Yield a request, and the later turns of its conversation, which carry the answers of the earlier ones."""
    earlier: int | None = 0
    for turn in turns_of(planned):
        sent = Sent.of(turn.series, turn.request)
        yield _Asked(turn, sent, earlier)
        answer = sent.output_tokens
        earlier = None if earlier is None or answer is None else earlier + answer


def _row(sample: Sequence[_Asked], requests: int | None, prices: PriceList) -> ForecastRow:
    first = sample[0].planned
    inputs = [_input_tokens(one) for one in sample]
    outputs = [one.sent.output_tokens for one in sample]
    usd = [
        None
        if input_ is None or output is None
        else prices.bound(one.planned.series, input_tokens=input_, output_tokens=output)
        for one, input_, output in zip(sample, inputs, outputs, strict=True)
    ]
    reserved = [upper_bound(prices, one.sent, earlier_tokens=one.earlier_tokens) for one in sample]
    scale = None if requests is None else requests / len(sample)
    return ForecastRow(
        series=first.series.series,
        arm=first.arm,
        model=first.series.model,
        requests=requests,
        input_tokens=_rounded(_scaled(inputs, scale)),
        output_tokens=_rounded(_scaled(outputs, scale)),
        usd=_scaled(usd, scale),
        usd_reserved=_scaled(reserved, scale),
    )


def _input_tokens(one: _Asked) -> int | None:
    """Estimate what a request costs in input: its text, and the earlier answers at their longest."""
    text = ceil(one.planned.prompt_characters / _CHARACTERS_PER_TOKEN)
    return None if one.earlier_tokens is None else text + one.earlier_tokens


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
