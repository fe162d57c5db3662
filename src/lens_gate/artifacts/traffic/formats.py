"""Which format a log has, and its requests in the order in which they came."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from typing import Final, assert_never

import orjson

from lens_gate.artifacts.traffic import azure, burstgpt, mooncake, otel, production
from lens_gate.artifacts.traffic.call import Call
from lens_gate.artifacts.traffic.reading import Beginning, begun, documents, lines, unpacked
from lens_gate.errors import ArtifactCorrupt, ArtifactProblem
from lens_gate.vocabulary.logs import LogFormat

WAITING: Final = 4096
"""Logs are written when answers end: so many requests wait for earlier ones that may yet come."""

_QUOTED = re.compile(rb'"(\w+)"')
_TABLES = {LogFormat.AZURE: azure.COLUMNS, LogFormat.BURSTGPT: burstgpt.COLUMNS}


def opened(pieces: Iterable[bytes], *, name: str, form: LogFormat | None) -> tuple[LogFormat, Iterator[Call]]:
    """Return the format of a log, told from its beginning unless it is given, and its requests in order of time.

    Requests are read as they are taken. Raises ArtifactCorrupt and ArtifactProblem, here or there, each with its place.
    """
    beginning = begun(unpacked(pieces, name=name), name=name)
    found = form or _told(beginning, name)
    return found, in_order(_read(found, beginning, name))


def _told(beginning: Beginning, name: str) -> LogFormat:
    head = {cell.strip() for cell in beginning.line.decode("utf-8", "replace").split(",")}
    for form, columns in _TABLES.items():
        if head.issuperset(columns):
            return form
    if beginning.line.startswith((b"{", b"[")):
        keys = _keys(beginning)
        if otel.MARKS & keys:
            return LogFormat.OTEL
        return LogFormat.MOONCAKE if keys >= mooncake.MARKS else LogFormat.LOG
    raise ArtifactCorrupt(
        "this is no log of requests in JSON, no Azure, BurstGPT or Mooncake trace, and no OTLP export",
        place=name,
        hint="Name its format with --format to see what it lacks.",
    )


def _keys(beginning: Beginning) -> set[str]:
    """Return the keys of the first object of a JSON file, or whatever stands in quotes where it spans lines."""
    try:
        value = orjson.loads(beginning.line)
    except orjson.JSONDecodeError:
        return {word.decode("utf-8", "replace") for word in _QUOTED.findall(beginning.seen)}
    first = value[0] if isinstance(value, list) and value else value
    return set(first) if isinstance(first, dict) else set()


def _read(form: LogFormat, beginning: Beginning, name: str) -> Iterator[Call]:
    match form:
        case LogFormat.AZURE:
            return azure.read(lines(beginning.pieces, name=name))
        case LogFormat.BURSTGPT:
            return burstgpt.read(lines(beginning.pieces, name=name))
        case LogFormat.MOONCAKE:
            return mooncake.read(documents(beginning, name=name))
        case LogFormat.OTEL:
            return otel.read(documents(beginning, name=name))
        case LogFormat.LOG:
            return production.read(documents(beginning, name=name))
        case _ as never:
            assert_never(never)


def in_order(calls: Iterable[Call], *, waiting: int = WAITING) -> Iterator[Call]:
    """Yield requests by their time, each held until `waiting` others were read after it.

    Raises ArtifactProblem at one that comes later still, so that its time has passed.
    """
    heap: list[tuple[int, int, Call]] = []
    passed = None
    for number, call in enumerate(calls):
        if passed is not None and call.at_ns < passed:
            raise ArtifactProblem(
                f"the request is {(passed - call.at_ns) / 1e9:.3f} s earlier than one that stands more than {waiting:,}"
                " requests before it",
                place=call.place,
                hint="Sort the log by the times of its requests.",
            )
        heapq.heappush(heap, (call.at_ns, number, call))
        if len(heap) > waiting:
            passed, _, first = heapq.heappop(heap)
            yield first
    while heap:
        yield heapq.heappop(heap)[2]
