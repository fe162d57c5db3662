"""One sample in a few numbers, and which of them the sample can carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# 1 / (1 − 0.9) is a hair above 10 in binary: a request must not be lost to rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Description:
    """Count, extremes, mean, standard deviation (None below two values) and quantiles, in the unit of the values.

    A quantile that the sample is too small to show is None.
    """

    count: int
    minimum: float
    maximum: float
    mean: float
    stddev: float | None
    quantiles: Mapping[float, float | None]


def describe(values: NDArray[np.float64], probabilities: Sequence[float]) -> Description | None:
    """Describe finite values; None for an empty sample."""
    if not np.isfinite(values).all():
        msg = "a description needs finite values"
        raise ValueError(msg)
    if len(values) == 0:
        return None
    found = np.quantile(values, probabilities).tolist()
    return Description(
        count=len(values),
        minimum=float(values.min()),
        maximum=float(values.max()),
        mean=float(values.mean()),
        stddev=float(values.std(ddof=1)) if len(values) > 1 else None,
        quantiles={p: value if shows(len(values), p) else None for p, value in zip(probabilities, found, strict=True)},
    )


def shows(count: int, probability: float) -> bool:
    """Whether so many values may show this quantile: at least one is expected beyond it, n ≥ 1 / (1 − p)."""
    return count * (1 - probability) >= 1 - _ROUNDING


def carries(count: int, probability: float) -> bool:
    """Whether so many values make this quantile steady: five are expected beyond it, n ≥ 5 / (1 − p)."""
    return count * (1 - probability) >= 5 - _ROUNDING
