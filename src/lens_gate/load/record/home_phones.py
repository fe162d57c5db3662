"""Telephone numbers as they are written at home, found by libphonenumber (extra `pii`). Pure.

It knows which numbers a region has, and how they may be grouped. It takes dates, decimals and addresses of machines
for numbers too, so that these are told apart here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from lens_gate.load.record.identifiers import Finder, Part, stands_alone

_DATE = re.compile(r"\(?(?:\d{4}([./-])\d\d?\1\d\d?|\d\d?([./-])\d\d?\2(?:\d{4}|\d\d))(?![./-]?\d)")
_FIGURE = re.compile(r"[1-9]\d*|\(?(?:0|[1-9]\d*)\.\d+|\(?\d{1,3}(?:\.\d{3})+|\(?\d{1,3}(?:\.\d{1,3}){3}")
WINDOW: Final = 16_384
FEWEST_DIGITS: Final = 7
"""Shorter ones are of services, and belong to nobody."""
_LONGEST: Final = 256
"""Windows overlap by more than a number can take."""


def unknown_regions(regions: Collection[str]) -> list[str]:
    """Return which of these are no regions of the library."""
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - only who names regions has the extra

    return [region for region in regions if region not in SUPPORTED_REGIONS]


def home_phones(region: str) -> Finder:
    """Return what finds the telephone numbers of a region; imports the library.

    Digits in one piece are a number only with the zero that is dialled first.
    """
    from phonenumbers import Leniency, PhoneNumberMatcher  # noqa: PLC0415 - only who names regions has the extra

    def found(text: str) -> Iterator[Part]:
        for begin in range(0, len(text), WINDOW):
            # The library copies the rest of its text at every time of day, and gives up after 65,535 tries.
            window = text[begin : begin + WINDOW + _LONGEST]
            for match in PhoneNumberMatcher(window, region, leniency=Leniency.VALID):
                part = begin + match.start, begin + match.end
                if stands_alone(text, *part) and not _is_figure(match.raw_string):
                    yield part

    return found


def _is_figure(text: str) -> bool:
    digits = sum(one.isdecimal() for one in text)
    return digits < FEWEST_DIGITS or bool(_DATE.match(text) or _FIGURE.fullmatch(text))
