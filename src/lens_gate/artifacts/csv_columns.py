"""The columns of our CSV: those of the spec in their order, then those from which a run can be read back."""

from __future__ import annotations

SPEC_COLUMNS = (
    "timestamp",
    "provider",
    "model",
    "request_id",
    "ttft_ms",
    "total_latency_ms",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "status",
    "error_type",
)
PAIR_COLUMNS = ("arm", "pair", "slot")
"""Only in the CSV of a run with two arms."""

INSTANT_COLUMNS = ("intended_ms", "sent_ms", "first_token_ms", "first_visible_ms", "last_token_ms", "end_ms")
"""Milliseconds from the start of the run, to the nanosecond, also of requests that failed."""

COUNT_COLUMNS = ("cached_tokens", "reasoning_tokens", "chunk_count", "http_status")
WORD_COLUMNS = ("token_source", "finish_reason", "series", "prompt_id", "draw", "prompt_hash")

FURTHER_COLUMNS = (*INSTANT_COLUMNS, *COUNT_COLUMNS, *WORD_COLUMNS)

FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for a formula (the full-width forms too); a text that starts so is written after a `'`."""
