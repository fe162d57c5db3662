"""Numbers that are drawn anew each time: lengths in words or tokens, and times."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lens_gate.config.section import Section
from lens_gate.config.types import Seconds

Shape = Literal["fixed", "uniform", "normal", "lognormal", "exponential"]

_NEEDS: dict[Shape, tuple[str, ...]] = {
    "fixed": ("value",),
    "uniform": ("min", "max"),
    "normal": ("mean", "stddev"),
    "lognormal": ("mean", "stddev"),
    "exponential": ("mean",),
}


class _Spread(Section):
    """What every distribution has; `mean` and `stddev` are those of the drawn values, before `min` and `max`."""

    distribution: Shape

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        needs = _NEEDS[self.distribution]
        given = self.model_fields_set - {"distribution"}
        missing = [name for name in needs if name not in given]
        extra = sorted(given - {*needs, *(() if self.distribution == "fixed" else ("min", "max"))})
        if missing or extra:
            wants = " and ".join(f"`{name}`" for name in needs)
            msg = f"`{self.distribution}` takes {wants}" + (
                f", not `{extra[0]}`" if extra else f"; `{missing[0]}` is missing"
            )
            raise ValueError(msg)
        low, high = getattr(self, "min", None), getattr(self, "max", None)
        if low is not None and high is not None and low > high:
            msg = f"`min` ({low:g}) is above `max` ({high:g})"
            raise ValueError(msg)
        return self


class LengthSpread(_Spread):
    """Lengths that vary; what falls outside of `min` and `max` is moved to them."""

    value: int | None = Field(default=None, gt=0)
    mean: float | None = Field(default=None, gt=0)
    stddev: float | None = Field(default=None, gt=0)
    min: int | None = Field(default=None, gt=0)
    max: int | None = Field(default=None, gt=0)


class TimeSpread(_Spread):
    """Times that vary; what falls outside of `min` and `max` is moved to them."""

    value: Seconds | None = None
    mean: Seconds | None = Field(default=None, gt=0)
    stddev: Seconds | None = Field(default=None, gt=0)
    min: Seconds | None = None
    max: Seconds | None = None


Length = Annotated[int, Field(gt=0)] | LengthSpread
"""A number of words or tokens, the same each time or drawn."""

Time = Seconds | TimeSpread
"""A time, the same each time or drawn."""
