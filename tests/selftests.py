"""Self-tests as they could have come out."""

from __future__ import annotations

from typing import Any

from lens_gate.artifacts.envelope import Fingerprint, Kind, Provenance
from lens_gate.artifacts.selftest import Rung, Selftest


def a_rung(rate: float = 200.0, **changes: Any) -> Rung:
    """Return a rate that was right."""
    values = {
        "rate_rps": rate,
        "requests": 400,
        "failed": 0,
        "ttft_bias_ms": 0.4,
        "ttft_p99_ms": 1.2,
        "gap_bias_ms": 0.01,
        "gap_p99_ms": 0.6,
        "send_median_ms": 0.2,
        "send_p99_ms": 0.9,
        "read_p99_ms": 0.5,
        "pickup_p99_ms": 0.6,
        "achieved": 1.0,
        "cpu_share": 0.3,
        "valid": True,
    }
    return Rung(**{**values, **changes})


def a_selftest(**changes: Any) -> Selftest:
    """Return a test of a machine that is right up to 200 requests per second."""
    wrong = a_rung(400.0, achieved=0.8, valid=False, because=("only 80.0 % of the rate was sent",))
    values = {
        "kind": Kind.SELFTEST,
        "schema_version": 1,
        "provenance": Provenance(tool_version="0.1.0", created_at="2026-03-01T10:00:00.000Z"),
        "fingerprint": Fingerprint(runner="local", platform="Linux x86_64, 2 CPUs", python="3.12.4", config_hash=""),
        "machine": "0123456789abcdef",
        "transport": "httpx",
        "rungs": (a_rung(50.0), a_rung(200.0), wrong),
        "ceiling_rps": 200.0,
        "wrong_rps": 400.0,
        "limited_by": "lens-gate",
    }
    return Selftest(**{**values, **changes})
