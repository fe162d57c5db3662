"""A line of values as one row of small bars."""

from __future__ import annotations

from collections.abc import Sequence

SPARKLINE_CELLS = 40
"""A longer line shows its newest values only."""

_BARS = "▁▂▃▄▅▆▇█"
_LEVEL = "▄"


def sparkline(values: Sequence[float]) -> str:
    """Return one bar a value, the newest to the right; the lowest and the highest value span the height."""
    shown = values[-SPARKLINE_CELLS:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    if high <= low:
        return _LEVEL * len(shown)
    return "".join(_BARS[min(int(len(_BARS) * (value - low) / (high - low)), len(_BARS) - 1)] for value in shown)
