"""Service level objectives of a request, such as `ttft < 500ms and tpot < 30ms`: the language, and its reading.

objectives = objective { ("and" | ",") objective }
objective  = time ("<" | "<=") number unit
time       = "ttft" | "ttft_visible" | "tpot" | "latency" | "service_latency"
unit       = "us" | "ms" | "s" | "m"
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple

from lens_gate.vocabulary.metrics import Quantity

LONGEST = 500

_QUANTITIES: Mapping[str, Quantity] = {
    one.value: one
    for one in (Quantity.TTFT, Quantity.TTFT_VISIBLE, Quantity.TPOT, Quantity.LATENCY, Quantity.SERVICE_LATENCY)
}
_OTHER_NAMES: Mapping[str, str] = {"e2e": "latency", "e2el": "latency", "total": "latency", "itl": "tpot"}
_MS_PER_UNIT: Mapping[str, float] = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
_TOKEN = re.compile(r"\s*(?:(?P<word>[A-Za-z_]\w*)|(?P<number>\d{1,9}(?:\.\d{1,9})?)|(?P<sign><=|>=|\S))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Objective:
    """A time of a request that is to stay below `limit_ms`, or at most reach it where that is `allowed`."""

    quantity: Quantity
    limit_ms: float
    allowed: bool
    text: str


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


def parse_slo(text: str) -> tuple[Objective, ...]:
    """Read objectives; each stands once. Raises ValueError, whose message names the character where it went wrong."""
    if len(text) > LONGEST:
        msg = f"objectives have at most {LONGEST} characters"
        raise ValueError(msg)
    tokens = list(_tokens(text))
    found = [_objective(tokens, 0, text)]
    while len(tokens) > _SIZE * len(found) + len(found) - 1:
        joint = (_SIZE + 1) * len(found) - 1
        _expect(tokens, joint, ("and", ","), "`and` before the next objective", text)
        found.append(_objective(tokens, joint + 1, text))
    _refuse_twice(found)
    return tuple(found)


_SIZE = 4
"""The words of an objective."""


def _tokens(text: str) -> Sequence[_Token]:
    matches = [match for match in _TOKEN.finditer(text) if match.lastgroup is not None]
    return [_Token(m.lastgroup or "", m[m.lastgroup or 0], m.start(m.lastgroup or 0), m.end()) for m in matches]


def _objective(tokens: Sequence[_Token], first: int, text: str) -> Objective:
    quantity = _quantity(tokens, first, text)
    sign = _expect(tokens, first + 1, ("<", "<="), "`<`, since an objective is an upper limit", text)
    number = _token(tokens, first + 2)
    if number is None or number.kind != "number":
        raise _wrong(text, number, "a limit such as 500ms")
    unit = _expect(tokens, first + 3, tuple(_MS_PER_UNIT), "the unit of the limit: us, ms, s or m", text)
    return Objective(
        quantity=quantity,
        limit_ms=float(number.text) * _MS_PER_UNIT[unit.text],
        allowed=sign.text == "<=",
        text=f"{quantity.value} {sign.text} {number.text}{unit.text}",
    )


def _quantity(tokens: Sequence[_Token], at: int, text: str) -> Quantity:
    names = ", ".join(_QUANTITIES)
    token = _token(tokens, at)
    if token is None or token.kind != "word":
        raise _wrong(text, token, f"a time of a request: {names}")
    if token.text not in _QUANTITIES:
        near = get_close_matches(token.text, _QUANTITIES, n=1)
        meant = _OTHER_NAMES.get(token.text.lower()) or (near[0] if near else None)
        raise _wrong(text, token, f"`{meant}`" if meant else f"a time of a request: {names}")
    return _QUANTITIES[token.text]


def _expect(tokens: Sequence[_Token], at: int, words: Sequence[str], wanted: str, text: str) -> _Token:
    token = _token(tokens, at)
    if token is None or token.text not in words:
        raise _wrong(text, token, wanted)
    return token


def _token(tokens: Sequence[_Token], at: int) -> _Token | None:
    return tokens[at] if at < len(tokens) else None


def _wrong(text: str, token: _Token | None, wanted: str) -> ValueError:
    """Return the error that names the place; the end is one, too."""
    if token is None:
        return ValueError(f"expected {wanted}, at the end of `{text.strip()}`")
    return ValueError(f"expected {wanted}, got `{token.text[:40]}` at character {token.start + 1} of `{text.strip()}`")


def _refuse_twice(found: Sequence[Objective]) -> None:
    seen: set[Quantity] = set()
    for one in found:
        if one.quantity in seen:
            msg = f"`{one.quantity.value}` has two limits; state the smaller one alone"
            raise ValueError(msg)
        seen.add(one.quantity)
