"""Measurements of real endpoints, read from a folder beside this checkout; nothing of them is kept here.

`computesdk-tti` holds cloud APIs that were asked a hundred times on each of many days (their time to interactive: no
language models, but the only public series of requests over many days), `llmperf` language models of many providers on
one day each.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DATA = Path(__file__).parents[3] / "shared" / "data"

FEWEST = 30
"""Days with fewer successes are left out: the first ones had only ten requests."""


def days(data: Path = DATA) -> list[Mapping[str, Floats]]:
    """Return the milliseconds of each API on each day, in the order in which they were measured."""
    paths = sorted((data / "computesdk-tti").glob("20*.json"))
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return [_measured(day) for day in sorted(found, key=lambda day: str(day["timestamp"]))]


def _measured(day: Mapping[str, Any]) -> Mapping[str, Floats]:
    times = {str(result["provider"]): _successes(result["iterations"]) for result in day["results"]}
    return {name: values for name, values in times.items() if len(values) >= FEWEST}


def _successes(iterations: list[Mapping[str, Any]]) -> Floats:
    times = [one["ttiMs"] for one in iterations if one.get("ttiMs") and not one.get("error")]
    return np.array(times, dtype=np.float64)


def by_provider(data: Path = DATA) -> Mapping[str, list[Floats]]:
    """Return the days of each API that was measured on more than a few."""
    series: defaultdict[str, list[Floats]] = defaultdict(list)
    for day in days(data):
        for name, values in day.items():
            series[name].append(values)
    return {name: measured for name, measured in series.items() if len(measured) >= 5}


def llmperf(data: Path = DATA) -> Mapping[str, Floats]:
    """Return the seconds of each quantity of each model, in the order of the requests."""
    quantities = ("ttft_s", "inter_token_latency_s", "end_to_end_latency_s")
    series = {}
    for path in sorted((data / "llmperf").glob("*.json")):
        rows = [row for row in json.loads(path.read_text(encoding="utf-8")) if not row.get("error_code")]
        for quantity in quantities:
            values = np.array([row.get(quantity) or np.nan for row in rows], dtype=np.float64)
            values = values[values > 0]
            if len(values) >= FEWEST:
                series[f"{path.stem}/{quantity}"] = values
    return series
