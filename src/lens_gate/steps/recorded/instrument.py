"""What the last self-test on this machine found: kept in the user's data folder, and told with every later run."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from lens_gate.artifacts.codec import dumps, load_selftest
from lens_gate.artifacts.instrument import Instrument
from lens_gate.artifacts.selftest import Selftest
from lens_gate.errors import LensGateError
from lens_gate.steps.world import World
from lens_gate.stores.files import read_file, write_file


def selftest_path(world: World, transport: str) -> Path | None:
    """Return where the result for this machine and transport lies, None where there is no folder for it."""
    if world.data_folder is None:
        return None
    return world.data_folder / f"selftest-{world.machine}-{transport}.json"


def keep(result: Selftest, world: World) -> Path | None:
    """Keep a result for later runs, and return where. Raises PublishFailed."""
    path = selftest_path(world, result.transport)
    if path is not None:
        write_file(path, dumps(result))
    return path


def known_instrument(world: World, rate: float | None, transport: str) -> Instrument | None:
    """Return what the last self-test says of a run at `rate`, None where there was none that can be read."""
    path = selftest_path(world, transport.partition(",")[0])
    if path is None or not path.is_file():
        return None
    try:
        result = load_selftest(read_file(path), name=str(path))
    except LensGateError:
        return None
    return instrument_of(result, rate, world.now())


def instrument_of(result: Selftest, rate: float | None, now: datetime) -> Instrument | None:
    """Sum up a self-test for a run at `rate` (None: a closed loop, told of the ceiling)."""
    if not result.rungs:
        return None
    asked = rate or result.ceiling_rps or 0.0
    ranked = sorted(result.rungs, key=lambda rung: (rung.rate_rps, not rung.right))
    nearest = next((rung for rung in ranked if rung.rate_rps >= asked), ranked[-1])
    measured_at = result.provenance.created_at
    return Instrument(
        measured_at=measured_at,
        age_days=round((now - datetime.fromisoformat(measured_at)) / timedelta(days=1), 3),
        tool_version=result.provenance.tool_version,
        transport=result.transport,
        ceiling_rps=result.ceiling_rps,
        rate_rps=nearest.rate_rps,
        ttft_bias_ms=nearest.ttft_bias_ms,
        ttft_p99_ms=nearest.ttft_p99_ms,
        gap_bias_ms=nearest.gap_bias_ms,
        gap_p99_ms=nearest.gap_p99_ms,
        send_p99_ms=nearest.send_p99_ms,
    )
