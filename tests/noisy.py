"""Samples of an endpoint whose noise is known: what plans and diagnoses are held against."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.vocabulary.requests import Arm, ErrorClass
from tests.builders import MS, SERIES, a_failed_sample, a_sample

Rng = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Spreads are standard deviations of logarithms; `load` is shared by the two requests of a pair.

    `wave` is the correlation of the load with that of the pair before; `drift` how much the load grows over the run.
    `warm` is the time to first token of the request that comes second, as a multiple, and `cached` its cached share.
    """

    ttft: float = 0.25
    per_token: float = 0.1
    load: float = 0.0
    wave: float = 0.0
    drift: float = 0.0
    warm: float = 1.0
    cached: float = 0.0
    errors: float = 0.0
    throttled: float = 0.0
    priced: bool = True


def duet_of(endpoint: Endpoint, rng: Rng, *, pairs: int, series: str = SERIES, slower: float = 1.0) -> Samples:
    """Return an A/A duet in random order, one pair a second; `slower` is what the candidate takes as a multiple."""
    return Samples.of(duet_rows(endpoint, rng, pairs=pairs, series=series, slower=slower))


def one_arm_of(endpoint: Endpoint, rng: Rng, *, requests: int, series: str = SERIES) -> Samples:
    """Return so many requests without a partner."""
    return Samples.of(one_arm_rows(endpoint, rng, requests=requests, series=series))


def one_arm_rows(endpoint: Endpoint, rng: Rng, *, requests: int, series: str = SERIES) -> list[Sample]:
    """Return the same, row by row."""
    rows = duet_rows(endpoint, rng, pairs=requests, series=series)
    return [replace(row, pair=None, slot=None) for row in rows if row.arm is Arm.CANDIDATE]


def duet_rows(endpoint: Endpoint, rng: Rng, *, pairs: int, series: str = SERIES, slower: float = 1.0) -> list[Sample]:
    """Return a duet, row by row."""
    rows = []
    level = float(rng.normal(0, endpoint.load))
    for number in range(pairs):
        level = endpoint.wave * level + float(rng.normal(0, endpoint.load * math.sqrt(1 - endpoint.wave**2)))
        load = level + endpoint.drift * number / pairs
        order = rng.permutation([Arm.BASE, Arm.CANDIDATE]).tolist()
        for slot, name in enumerate(order):
            factor = slower if name == Arm.CANDIDATE else 1.0
            row = _answered(endpoint, rng, load, slot, factor)
            due: dict[str, Any] = {
                "index": 2 * number + slot,
                "pair": number,
                "slot": slot,
                "arm": Arm(name),
                "series": series,
            }
            rows.append(_moved(replace(row, **due), 1000 * MS * number + 10 * MS * slot))
    return rows


def _answered(endpoint: Endpoint, rng: Rng, load: float, slot: int, factor: float) -> Sample:
    chance = float(rng.random())
    if chance < endpoint.errors:
        return a_failed_sample()
    if chance < endpoint.errors + endpoint.throttled:
        return a_failed_sample(ErrorClass.RATE_LIMIT)
    warm = endpoint.warm if slot == 1 else 1.0
    first = 500 * MS * math.exp(load + float(rng.normal(0, endpoint.ttft))) * warm * factor
    rest = 980 * MS * math.exp(load + float(rng.normal(0, endpoint.per_token))) * factor
    times: dict[str, Any] = {
        "first_token_ns": int(first),
        "first_visible_ns": int(first),
        "last_token_ns": int(first + rest),
    }
    cached = round(100 * endpoint.cached) if slot == 1 else 0
    cost = 0.002 if endpoint.priced else None
    return a_sample(**times, end_ns=int(first + rest) + MS, cached_tokens=cached, cost_usd=cost)


def _moved(row: Sample, due: int) -> Sample:
    """Let a request be due later."""
    names = ("intended_ns", "sent_ns", "headers_ns", "first_byte_ns", "first_token_ns", "first_visible_ns")
    found = {name: getattr(row, name) for name in (*names, "last_token_ns", "end_ns")}
    return replace(row, **{name: value + due for name, value in found.items() if value is not None})
