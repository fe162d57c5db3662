"""Personal data in texts: found by patterns, and taken out before anything is stored. Pure.

Patterns find what looks like it, not what is meant: names, addresses and bare digits stay. None of them tries one text
in many ways, so that no text makes them slow, and they know digits and letters of every script. What is found beyond
these needs libraries (extra `pii`), which are imported when it is first looked for.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, NamedTuple, assert_never

from pydantic import JsonValue

from lens_gate.load.record.home_phones import home_phones
from lens_gate.load.record.identifiers import SHAPES, Finder, Part, identifiers

Action = Literal["redact", "hash", "block"]

CARD_DIGITS: Final = range(13, 20)
CARD_GROUP: Final = 4
MOST_CARD_GROUPS: Final = 5
PHONE_DIGITS: Final = range(8, 16)
LOCAL_PHONE_DIGITS: Final = range(9, 13)
_HASH_CHARACTERS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalRules:
    """What is looked for and what becomes of it: known patterns by name, others by their expression.

    No `patterns` are all that need no library. `phone_regions` adds telephone numbers as they are written there.
    `key` makes hashes: equal values have equal hashes under one key, and without the key a hash cannot be tried out.
    `secrets` are taken out whatever the action. `detect` false leaves all but them.
    """

    patterns: tuple[str, ...] = ()
    phone_regions: tuple[str, ...] = ()
    custom: Mapping[str, str] = field(default_factory=dict)
    action: Action = "redact"
    key: bytes = b""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    detect: bool = True


class Found(NamedTuple):
    """A part of a text, and what it looks like."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class _Pattern:
    """An expression, and which parts of its matches count; without `parts` they count as they are."""

    expression: re.Pattern[str]
    parts: Callable[[str], Iterator[Part]] = lambda text: iter([(0, len(text))])

    def found(self, text: str) -> Iterator[Part]:
        for match in self.expression.finditer(text):
            yield from ((match.start() + start, match.start() + end) for start, end in self.parts(match.group()))


def _digits(text: str) -> list[int]:
    return [int(one) for one in text if one.isdecimal()]


def luhn(digits: Sequence[int]) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = [sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _is_card(text: str) -> bool:
    """Whether it could be a payment card: an issuer's first digit, the check digit, and not one digit all over.

    In groups it begins with one of four, and one kind of separator stands between them.
    """
    digits, groups = _digits(text), _GROUP.findall(text)
    if len(groups) > 1 and (len(groups[0]) != CARD_GROUP or (" " in text and "-" in text)):
        return False
    return len(digits) in CARD_DIGITS and digits[0] in {2, 3, 4, 5, 6} and len(set(digits)) > 1 and luhn(digits)


def _cards(text: str) -> Iterator[Part]:
    """Find cards among groups of digits: a number before or after one on the same line must not hide it."""
    groups = [match.span() for match in _GROUP.finditer(text)]
    first = 0
    while first < len(groups):
        start = groups[first][0]
        ends = range(min(len(groups), first + MOST_CARD_GROUPS) - 1, first - 1, -1)
        last = next((number for number in ends if _is_card(text[start : groups[number][1]])), None)
        if last is not None:
            yield start, groups[last][1]
        first = first + 1 if last is None else last + 1


def _leading(lengths: range) -> Callable[[str], Iterator[Part]]:
    """Return what finds the longest part from the start that has so many digits: what follows may be another number."""

    def parts(text: str) -> Iterator[Part]:
        digits, fitting = 0, None
        for group in _GROUP.finditer(text):
            digits += len(group.group())
            if digits >= lengths.stop:
                break
            fitting = group.end() if digits in lengths else fitting
        if fitting is not None:
            yield 0, fitting

    return parts


_GROUP = re.compile(r"\d++")
_START, _END = r"(?<![\w.:/+-])", r"(?!\w|[.:/-]\d)"
_NO_DATE = r"(?!\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}(?!\d))"

PATTERNS: Final[Mapping[str, tuple[_Pattern, ...]]] = {
    "email": (_Pattern(re.compile(r"(?<![\w.+%-])[\w.+%-]++@(?:[\w-]++\.)+[^\W\d_]{2,63}")),),
    "phone": (
        # International: a plus, the country, and groups of any length.
        _Pattern(re.compile(rf"{_START}\+\d++(?:[ .()-]{{1,3}}\d++)*+"), _leading(PHONE_DIGITS)),
        # North America.
        _Pattern(re.compile(rf"{_START}(?:1[ .-])?(?:\(\d{{3}}\) ?|\d{{3}}[ .-])\d{{3}}[ .-]\d{{4}}{_END}")),
        # Elsewhere: the trunk zero, and groups.
        _Pattern(
            re.compile(rf"{_START}{_NO_DATE}\(?0{{1,2}}[1-9]\d*+\)?(?:[ /-]\d++){{1,4}}{_END}"),
            _leading(LOCAL_PHONE_DIGITS),
        ),
    ),
    "ssn": (_Pattern(re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?!\w|-\d)")),),
    "credit_card": (_Pattern(re.compile(r"(?<![\w.-])\d++(?!\w)(?:[ -]\d++(?!\w))*+"), _cards),),
}
"""The patterns that need no library, by the names that a configuration gives them."""


def find(text: str, rules: PersonalRules) -> list[Found]:
    """Return what was found, from the left, without overlaps: of two the one that begins first, then the longer."""
    found = [
        Found(start, end, kind)
        for kind, finder in _chosen(rules.patterns, rules.phone_regions, tuple(rules.custom.items()))
        for start, end in finder(text)
        if end > start
    ]
    kept: list[Found] = []
    for one in sorted(found, key=lambda found: (found.start, -found.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


@lru_cache(maxsize=8)
def _chosen(
    names: tuple[str, ...], regions: tuple[str, ...], custom: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, Finder], ...]:
    own = [(name, _Pattern(re.compile(expression)).found) for name, expression in custom]
    at_home = [("phone", home_phones(region)) for region in regions]
    return (*own, *((name, finder) for name in names or PATTERNS for finder in _finders(name)), *at_home)


def _finders(name: str) -> list[Finder]:
    if name in SHAPES:
        return [identifiers(name)]
    return [pattern.found for pattern in PATTERNS[name]]


class Cleaner:
    """Takes personal data out of the texts of one request, and counts what it took."""

    def __init__(self, rules: PersonalRules) -> None:
        self._rules = rules
        self.counts: Counter[str] = Counter()

    def text(self, text: str) -> str:
        """Return a text without what was found in it."""
        for secret in self._rules.secrets:
            text = text.replace(secret, "[secret]")
        if not self._rules.detect:
            return text
        parts, end = [], 0
        for one in find(text, self._rules):
            self.counts[one.kind] += 1
            parts += [text[end : one.start], self._instead(one.kind, text[one.start : one.end])]
            end = one.end
        return "".join([*parts, text[end:]])

    def value(self, value: JsonValue) -> JsonValue:
        """Return JSON without what was found in its texts, names and whole numbers."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(name): self.value(item) for name, item in value.items()}
            case list():
                return [self.value(item) for item in value]
            case int() if not isinstance(value, bool):
                cleaned = self.text(str(value))
                return value if cleaned == str(value) else cleaned
            case _:
                return value

    def _instead(self, kind: str, text: str) -> str:
        match self._rules.action:
            case "hash":
                digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._rules.key).hexdigest()
                return f"[{kind}:{digest[:_HASH_CHARACTERS]}]"
            case "redact" | "block":
                return f"[{kind}]"
            case _ as never:
                assert_never(never)
