"""`--dry-run`: what a run would send and cost, as a table."""

from __future__ import annotations

from math import ceil

from lens_gate.load.money.forecast import Forecast, ForecastRow
from lens_gate.steps.resolving.arms import Arms

HEAD = ("series", "arm", "model", "requests", "input tokens", "output tokens ≤", "dollars ≤")


def forecast_text(forecast: Forecast, arms: Arms) -> str:
    """Render the forecast; says first where there is nothing to compare."""
    if arms.comparison is not None and arms.comparison.equal:
        return "Both arms are the same: nothing would be sent, and nothing spent."
    rows = [HEAD, *(_cells(row) for row in forecast.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [f"No price is known of: {', '.join(forecast.unpriced)}"] if forecast.unpriced else []
    unmeasured = [f"Note: {forecast.unmeasured}."] if forecast.unmeasured else []
    skipped = [f"Only one arm has {one.series or one.prompt_id}: it is not compared" for one in arms.uncovered]
    return "\n".join([*table, "", _total(forecast), *notes, *unmeasured, *skipped, "Nothing was sent."])


def _cells(row: ForecastRow) -> tuple[str, ...]:
    return (
        row.series,
        row.arm.value,
        row.model,
        _count(row.requests),
        _count(row.input_tokens),
        _count(row.output_tokens),
        _dollars(row.usd),
    )


def _total(forecast: Forecast) -> str:
    length = "until it is stopped" if forecast.duration_s is None else f"in {forecast.duration_s:.0f} s"
    if forecast.requests is None:
        return (
            f"As many requests as the endpoint answers {length}: how many they are, and what they cost, is not known "
            "beforehand. `--requests` or `--max-cost` sets an end."
        )
    reserved = (
        f"; a cap would count {_dollars(forecast.usd_reserved)}, since it takes each byte of input for a token"
        if forecast.usd_reserved is not None
        else ""
    )
    return f"In all {_count(forecast.requests)} requests {length}, {_dollars(forecast.usd)} at most{reserved}."


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _dollars(value: float | None) -> str:
    """Return a bound in ten thousandths of a dollar, rounded up: what it costs must not be more than what is said."""
    # Beyond the tenth decimal stands what adding up floating-point numbers left.
    return "?" if value is None else f"${ceil(round(value * 10_000, 6)) / 10_000:.4f}"
