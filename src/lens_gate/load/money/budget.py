"""The cost cap: dollars are reserved at their upper bound before a request is sent, and settled when it has ended.

So a run can stop short of its cap, never beyond it. Without a cap the same ledger only adds up.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from math import floor

from lens_gate.vocabulary.requests import ErrorClass

_PER_USD = 10**12
"""Money is counted in whole millionths of a millionth of a dollar, because sums of floats drift past a cap."""

UNBILLED = frozenset(
    {
        ErrorClass.CONNECT,
        ErrorClass.CONNECT_TIMEOUT,
        ErrorClass.TLS,
        ErrorClass.AUTHENTICATION,
        ErrorClass.RATE_LIMIT,
        ErrorClass.OVERLOADED,
        ErrorClass.QUOTA,
        ErrorClass.NOT_FOUND,
        ErrorClass.INVALID_REQUEST,
        ErrorClass.SHED,
        ErrorClass.CAPPED,
    }
)
"""Requests that no model answered, unless they came with a status of success."""

WHOLE = frozenset({ErrorClass.NONE, ErrorClass.REFUSED, ErrorClass.EMPTY, ErrorClass.BUFFERED})
"""Answers that came to their end, so that the usage they told is what is billed."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money held back for one request in flight, in the ledger's own unit."""

    number: int
    amount: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a ledger stands, in its own unit: what was charged, what is held back now, and what was at most."""

    spent: int = 0
    held: int = 0
    peak: int = 0


def used_up(cap_usd: Fraction) -> Standing:
    """Return how a ledger may stand at worst of which nobody knows more than its cap."""
    return Standing(spent=floor(cap_usd * _PER_USD))


class Budget:
    """The ledger of one run, in US dollars; `cap_usd` of None adds up without refusing."""

    def __init__(self, cap_usd: float | Fraction | None) -> None:
        self.cap_usd = None if cap_usd is None else float(cap_usd)
        self._cap = None if cap_usd is None else floor(Fraction(cap_usd) * _PER_USD)
        self._spent = 0
        self._held: dict[int, int] = {}
        self._total_held = 0
        self._peak = 0
        self._numbers = count()

    @property
    def spent_usd(self) -> float:
        """What has been charged so far."""
        return self._spent / _PER_USD

    @property
    def reserved_usd(self) -> float:
        """What is held back for the requests in flight."""
        return self._total_held / _PER_USD

    @property
    def peak_reserved_usd(self) -> float:
        """The largest sum that was ever held back."""
        return self._peak / _PER_USD

    def reserve(self, upper_bound: float | None) -> Reservation | None:
        """Hold back `upper_bound` dollars; None if spent, held and this together would pass the cap.

        An unknown bound (None) is refused under a cap, and holds nothing without one.
        """
        if self._cap is not None and upper_bound is None:
            return None
        amount = _units(upper_bound or 0.0)
        if self._cap is not None and self._spent + self._total_held + amount > self._cap:
            return None
        reservation = Reservation(next(self._numbers), amount)
        self._held[reservation.number] = amount
        self._total_held += amount
        self._peak = max(self._peak, self._total_held)
        return reservation

    def settle(self, reservation: Reservation, actual: float | None) -> None:
        """End a reservation: charge `actual` dollars, or all that was held where the bill is unknown (None).

        Raises KeyError if it was settled before.
        """
        held = self._held.pop(reservation.number)
        self._total_held -= held
        self._spent += held if actual is None else _nearest(actual)

    def charge(self, usd: float | None) -> None:
        """Book what was spent before; an unknown sum (None) is nothing, since no cap allowed it."""
        self._spent += _nearest(usd or 0.0)

    @property
    def standing(self) -> Standing:
        """How this ledger stands."""
        return Standing(self._spent, self._total_held, self._peak)

    def add(self, other: Standing) -> None:
        """Book what another ledger of this run charged, and what it still holds back, which nobody can settle."""
        self._spent += other.spent + other.held
        self._peak += other.peak

    def could_fit(self, upper_bound: float | None) -> bool:
        """Say whether `upper_bound` may yet fit, should the requests in flight turn out to cost nothing."""
        if self._cap is None:
            return True
        return upper_bound is not None and self._spent + _units(upper_bound) <= self._cap


def _units(usd: float) -> int:
    """Round up to the ledger's unit, exactly."""
    numerator, denominator = usd.as_integer_ratio()
    return -(-numerator * _PER_USD // denominator)


def _nearest(usd: float) -> int:
    """Round to the ledger's unit: what was paid is known to it, and a float of it is off by a hair either way."""
    numerator, denominator = usd.as_integer_ratio()
    return (2 * numerator * _PER_USD + denominator) // (2 * denominator)


def billed(error_class: ErrorClass, http_status: int | None, cost: float | None) -> float | None:
    """Return what to settle a request at: its known cost, 0 where no model ran, else None (all that was reserved).

    A stream that broke off may well be billed, and the usage that it did send (a placeholder, a running count) is not
    the bill, so it is charged in full. So is an error inside a 200, whatever its class.
    """
    if error_class in WHOLE:
        return cost
    turned_away = error_class in UNBILLED and (http_status is None or http_status >= 300)
    return 0.0 if turned_away else None
