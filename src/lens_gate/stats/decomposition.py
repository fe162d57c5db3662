"""How much of a difference comes from which of its causes: parts that add up exactly, and know no first and second.

Exchanging the two sides turns the sign of every part and changes nothing else, so whatever is tested on such parts by
sign flips stays exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CONSTANT = 1e-12
"""A cause whose squares about their group's mean are this small beside its squares is taken not to differ."""


def product_parts(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Split the difference of `first × second` between two sides into what each factor has changed.

    Each factor is given as (before, after). A factor's part is its difference times the mean of the other, which is its
    Shapley value (Shorrocks, J. Econ. Inequal. 11, 2013); the two parts add up to the difference of the products.
    """
    (a, b), (c, d) = first, second
    return (b - a) * (c + d) / 2, (d - c) * (a + b) / 2


def logarithmic_mean(before: Floats, after: Floats) -> Floats:
    """Return (after − before) / ln(after / before) of positive numbers, and the number itself where both are equal.

    It turns parts of a log ratio into parts of a difference without a remainder (Ang, Energy Policy 33, 2005).
    """
    if not ((before > 0).all() and (after > 0).all()):
        msg = "a logarithmic mean is one of positive numbers"
        raise ValueError(msg)
    difference = after - before
    moved = difference != 0
    logs = np.log1p(np.where(moved, difference / before, 1.0))
    return np.where(moved, difference / logs, before)


def common_slope(outcome: Floats, cause: Floats, groups: NDArray[np.int64]) -> float | None:
    """Return the least-squares slope of an outcome on a cause within groups; None where the cause never differs.

    Given the sums of both over the members of each pair, it does not depend on which member is called the base: unlike
    one from the differences, it cannot take the effect of a change for that of the cause.
    """
    if not (len(outcome) == len(cause) == len(groups)) or not (np.isfinite(outcome) & np.isfinite(cause)).all():
        msg = "a slope needs finite values, as many of the outcome as of the cause and of groups"
        raise ValueError(msg)
    explained, explaining = (_centred(values, groups) for values in (outcome, cause))
    spread = float(explaining @ explaining)
    if spread <= _CONSTANT * float(cause @ cause):
        return None
    return float(explained @ explaining) / spread


def coefficients(outcome: Floats, causes: Sequence[Floats]) -> Floats:
    """Return how much of an outcome each unit of its causes makes up, by least squares and without a constant.

    Exact where the outcome is such a sum; of causes that cannot be told apart the smallest coefficients are taken. As
    with `common_slope`, sums over pairs give coefficients that know no sides.
    """
    columns = np.column_stack([np.asarray(cause, dtype=np.float64) for cause in causes])
    if len(outcome) != len(columns) or not (np.isfinite(outcome).all() and np.isfinite(columns).all()):
        msg = "coefficients need finite values, as many of the outcome as of each cause"
        raise ValueError(msg)
    scales = np.abs(columns).max(axis=0, initial=0.0)
    scales[scales == 0] = 1.0
    found, *_ = np.linalg.lstsq(columns / scales, outcome, rcond=None)
    return np.asarray(found / scales, dtype=np.float64)


def _centred(values: Floats, groups: NDArray[np.int64]) -> Floats:
    """Return values less the mean of their group; groups are numbered from 0."""
    sizes = np.bincount(groups)
    means: Floats = np.bincount(groups, weights=values)[groups] / sizes[groups]
    return values - means
