"""What was asked and answered, in words: lines for a file, cleaned before they are written. Pure.

`cleaned` runs in another process than the clock: patterns take longer than the time between two chunks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from pydantic import JsonValue

from lens_gate.load.record.personal import Cleaner, PersonalRules


@dataclass(frozen=True, slots=True)
class Body:
    """One request: its index, the body that was sent, and the visible text of the answer."""

    index: int
    request: bytes
    answer: str


def cleaned(bodies: Sequence[Body], rules: PersonalRules) -> bytes:
    """Return a JSON line for each request.

    `{"index", "request", "answer", "found"}`, where `found` counts what was taken out by kind; under `block` a request
    in which anything was found is only `{"index", "blocked"}`.
    """
    return b"".join(orjson.dumps(_line(body, rules), option=orjson.OPT_APPEND_NEWLINE) for body in bodies)


def _line(body: Body, rules: PersonalRules) -> dict[str, JsonValue]:
    cleaner = Cleaner(rules)
    request = cleaner.value(_parsed(body.request))
    # Half of a pair of surrogates is no character, and could not be written.
    answer = cleaner.text(body.answer).encode("utf-8", "replace").decode("utf-8")
    found: dict[str, JsonValue] = dict(sorted(cleaner.counts.items()))
    if found and rules.action == "block":
        return {"index": body.index, "blocked": found}
    return {"index": body.index, "request": request, "answer": answer, "found": found}


def _parsed(request: bytes) -> JsonValue:
    """Read a body as JSON, in which a letter may be written as an escape that no pattern would know; else as text."""
    try:
        parsed: JsonValue = orjson.loads(request)
    except orjson.JSONDecodeError:
        return request.decode("utf-8", "replace")
    return parsed
