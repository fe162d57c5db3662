"""Values in the order in which they were measured: how much one tells of the next, and what that does to means."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lens_gate.stats import late

Floats = NDArray[np.float64]

FEWEST = 3


@dataclass(frozen=True, slots=True)
class Autocorrelation:
    """The correlation of each value with the one before it; `standard_error` is that of unrelated values."""

    value: float
    standard_error: float


def lag_correlation(values: Floats) -> Autocorrelation:
    """Return the autocorrelation at lag 1 (Box and Jenkins, "Time Series Analysis", 2.1.5).

    Its standard error without any correlation is 1 / √n (Bartlett, JRSS Suppl. 8, 1946). Equal values are unrelated.
    """
    centred = _checked(values) - values.mean()
    total = float(centred @ centred)
    value = float(centred[1:] @ centred[:-1]) / total if np.ptp(values) > 0 else 0.0
    return Autocorrelation(value, 1 / math.sqrt(len(values)))


@dataclass(frozen=True, slots=True)
class VarianceInflation:
    """How many times as much the means of blocks vary as those of unrelated values; the bounds hold 95 %."""

    factor: float
    lower: float
    upper: float
    blocks: int
    block: int


def variance_inflation(values: Floats, *, blocks: int) -> VarianceInflation:
    """Return the design effect (Kish, "Survey Sampling", 1965, 5.4) of contiguous blocks of equal size.

    It is the size of a block times the variance of the block means over the variance of the values; values that are
    left over at the end are not used. The bounds are those of a variance of so many means, which are nearly normal
    (Schmeiser, "Batch size effects in the analysis of simulation output", Oper. Res. 30, 1982). Equal values inflate
    nothing.
    """
    size = len(values) // blocks if blocks else 0
    if blocks < 2 or size < 2:
        msg = "blocks must be two at least, of two values at least"
        raise ValueError(msg)
    used = _checked(values)[: blocks * size]
    whole = float(np.var(used, ddof=1)) if np.ptp(used) > 0 else 0.0
    means = used.reshape(blocks, size).mean(axis=1)
    factor = size * float(np.var(means, ddof=1)) / whole if whole > 0 else 1.0
    low, high = (float(late.stats.chi2.ppf(share, blocks - 1)) for share in (0.025, 0.975))
    return VarianceInflation(
        factor=factor,
        lower=factor * (blocks - 1) / high,
        upper=factor * (blocks - 1) / low,
        blocks=blocks,
        block=size,
    )


def correlation(left: Floats, right: Floats) -> float:
    """Return Pearson's correlation of two samples of equal length; 0 where one of them does not vary."""
    if np.ptp(_checked(left)) == 0 or np.ptp(_checked(right)) == 0:
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])


def _checked(values: Floats) -> Floats:
    if len(values) < FEWEST or not np.isfinite(values).all():
        msg = f"a series needs at least {FEWEST} finite values"
        raise ValueError(msg)
    return values
