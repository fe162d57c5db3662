"""The forms in which recorded traffic is written."""

from __future__ import annotations

from enum import StrEnum


class LogFormat(StrEnum):
    """What `lens-gate replay` reads.

    `LOG` is a JSON or JSON lines log of requests with their prompts or their token counts, `AZURE` the CSV of the Azure
    LLM inference traces, `BURSTGPT` the CSV of that data set, `MOONCAKE` its JSON lines with blocks of shared prefixes,
    `OTEL` spans of OpenTelemetry as OTLP JSON.
    """

    LOG = "log"
    AZURE = "azure"
    BURSTGPT = "burstgpt"
    MOONCAKE = "mooncake"
    OTEL = "otel"
