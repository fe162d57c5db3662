"""The money of a run: prices and ledger together, as the runner asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from lens_gate.artifacts.run import Spend
from lens_gate.load.arms.per_request import PerRequest
from lens_gate.load.arms.plan import PlannedRequest, SeriesPlan
from lens_gate.load.money.bounds import Sent, upper_bound
from lens_gate.load.money.budget import Budget, Reservation, Standing, billed
from lens_gate.load.money.pricing import PriceList
from lens_gate.providers.base import HttpRequest, Usage
from lens_gate.vocabulary.requests import ErrorClass


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """A request in flight, and the money held back for it."""

    series: SeriesPlan
    reservation: Reservation


class Purse:
    """Implements the runner's `Money` with the prices of this run and a cap in US dollars (None: no cap)."""

    def __init__(self, prices: PriceList, cap_usd: float | Fraction | None) -> None:
        self._prices = prices
        self._budget = Budget(cap_usd)
        self._bounds: PerRequest[float | None] = PerRequest()

    def reserve(self, planned: PlannedRequest, wire: HttpRequest) -> HeldRequest | None:
        """Hold back what `planned` can cost at most, built as `wire`; None if that would pass the cap."""
        reservation = self._budget.reserve(self._bound(planned, wire))
        return None if reservation is None else HeldRequest(planned.series, reservation)

    def could_fit(self, planned: PlannedRequest, wire: HttpRequest) -> bool:
        """Say whether `planned` may yet fit when the requests in flight have been settled."""
        return self._budget.could_fit(self._bound(planned, wire))

    def settle(self, held: HeldRequest, error: ErrorClass, http_status: int | None, told: Usage) -> float | None:
        """End a reservation; return what the attempt cost, 0 where no model ran, None where nobody knows.

        Only what the server `told` is billed: a count of chunks says nothing about tokens that nobody saw.
        """
        cost = billed(error, http_status, self._prices.cost(held.series, told))
        self._budget.settle(held.reservation, cost)
        return cost if self._prices.price(held.series) is not None else None

    def charge(self, planned: PlannedRequest, cost_usd: float | None, *, attempts: int = 1) -> None:
        """Book a request of an earlier part of this run: what it cost, or all that its attempts can have (None)."""
        bound = self._bound(planned)
        most = None if bound is None else attempts * bound
        self._budget.charge(most if cost_usd is None else cost_usd)

    def _bound(self, planned: PlannedRequest, wire: HttpRequest | None = None) -> float | None:
        def found() -> float | None:
            return upper_bound(self._prices, Sent.of(planned.series, planned.request, wire))

        return self._bounds.of(planned, found)

    @property
    def standing(self) -> Standing:
        """How the ledger stands, for another process."""
        return self._budget.standing

    def add(self, other: Standing) -> None:
        """Book what another process of this run spent."""
        self._budget.add(other)

    def spend(self) -> Spend:
        """Return the account of the run for its artifact."""
        return Spend(
            spent_usd=self._budget.spent_usd,
            reserved_usd=self._budget.peak_reserved_usd,
            cap_usd=self._budget.cap_usd,
            unpriced_models=self._prices.unpriced,
            prices=self._prices.prices,
        )
