"""What is known of the instrument of a run: its self-test, and the stamps that it could use."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lens_gate.artifacts.envelope import Frozen

Count = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Instrument(Frozen):
    """What `lens-gate selftest` found on this machine before the run, with the same transport and Python.

    `ceiling_rps` is the highest rate that was right (None: not even the lowest was). The errors, in milliseconds, are
    those at `rate_rps`, the slowest tested rate that is no lower than what this run asked for, else the fastest one.
    """

    measured_at: str
    age_days: Finite
    tool_version: str
    transport: str
    ceiling_rps: float | None
    rate_rps: Finite
    ttft_bias_ms: float | None
    ttft_p99_ms: float | None
    gap_bias_ms: float | None
    gap_p99_ms: float | None
    send_p99_ms: float | None


class Stamps(Frozen):
    """How the kernel's stamps of what was received went: reads that carry one, and reads whose stamp could not be true.

    A refused stamp was replaced by that of the read. `clock_step_us` is how far the wall clock, by which the kernel
    stamps, was set meanwhile; it and the stamps are known but for `uncertainty_us`.
    """

    used: Count
    refused: Count
    clock_step_us: Finite
    uncertainty_us: Finite
