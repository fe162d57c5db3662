"""Budgets over many runs: a run reserves in a ledger what it may spend, and settles it when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from math import inf
from pathlib import Path

from pydantic import ValidationError

from lens_gate.artifacts.ledger import Ledger, LedgerEntry
from lens_gate.config.guards import SpendingLimits
from lens_gate.config.model import Config
from lens_gate.errors import ArtifactCorrupt, CapReached, ConditionFailed, ConfigProblem, NotStored, PublishFailed
from lens_gate.load.engine.contract import COST_CAP
from lens_gate.load.money.ledger import Left, left_of, reserved, restored, settled, share_of, without
from lens_gate.reports.numbers import usd
from lens_gate.steps.world import World
from lens_gate.stores.base import Condition
from lens_gate.stores.file import FileStore

FOLDER = "spending"
_TRIES = 50
"""How often a ledger is written anew when other runs write it at the same moment."""


def budgets_of(config: Config) -> SpendingLimits | None:
    """Return the budgets that hold over many runs, None where there are none."""
    limits = None if config.cost_controls is None else config.cost_controls.budgets
    return None if limits is None or (limits.daily_usd is None and limits.monthly_usd is None) else limits


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a run took of the budgets in US dollars, and what stood in the ledger of an earlier part of it.

    `budget` tells of the budget of which it took all that was left; None where it took less.
    """

    usd: float
    before: tuple[LedgerEntry, ...]
    budget: str | None = None


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger of the month, in a folder, and the budgets that it is held against."""

    limits: SpendingLimits
    store: FileStore
    day: str

    @classmethod
    def of(cls, limits: SpendingLimits, world: World) -> Books:
        """Open the ledger that the configuration names, or that of this user."""
        folder = world.data_folder if limits.ledger is None else Path(limits.ledger)
        if folder is None:
            raise ConfigProblem(
                "there is no home folder to keep the spending of earlier runs in",
                place="cost_controls.budgets",
                hint="Name a folder under `cost_controls.budgets.ledger`.",
            )
        store = FileStore(world.directory / folder if limits.ledger else folder / FOLDER)
        return cls(limits, store, world.now().astimezone(UTC).date().isoformat())

    def left(self) -> Left:
        """Return what may still be spent; raises CapReached where that is nothing."""
        return self._required(self._read()[0])

    def reserve(self, run: str, share: Callable[[float], float]) -> Reserved:
        """Take the `share` of what is left for a run, and return it; raises CapReached where nothing is left.

        A run that goes on after an interruption takes the place of its earlier part, whose cost its own will hold.
        """
        taken = Reserved(0.0, ())

        def taking(ledger: Ledger) -> Ledger:
            nonlocal taken
            others = without(ledger, run)
            left = self._required(others)
            mine = share(left.usd)
            before = tuple(entry for entry in ledger.entries if entry.run == run)
            taken = Reserved(mine, before, self._told(left) if mine == left.usd else None)
            return reserved(others, LedgerEntry(run=run, day=self.day, reserved_usd=mine))

        self._change(taking)
        return taken

    def _told(self, left: Left) -> str:
        """Say of a budget how much of it other runs have."""
        whole = self._limit(left)
        return (
            f"the {left.budget} budget of {usd(whole)}, of which other runs spent or reserved {usd(whole - left.usd)}"
        )

    def _limit(self, left: Left) -> float:
        limit = self.limits.daily_usd if left.budget == "daily" else self.limits.monthly_usd
        return inf if limit is None else limit

    def restore(self, run: str, before: tuple[LedgerEntry, ...]) -> None:
        """Write down again what stood there before a run went on."""
        self._change(lambda ledger: restored(ledger, run, before))

    def settle(self, run: str, spent_usd: float) -> None:
        """Write down what a run spent."""
        self._change(lambda ledger: settled(ledger, run, spent_usd))

    @property
    def _key(self) -> str:
        return f"{self.day[:7]}.json"

    def _required(self, ledger: Ledger) -> Left:
        left = left_of(ledger, self.day, daily_usd=self.limits.daily_usd, monthly_usd=self.limits.monthly_usd)
        if left.usd > 0:
            return left
        raise CapReached(
            f"the {left.budget} budget of ${self._limit(left):g} is used up, so nothing was sent",
            place="cost_controls.budgets",
            hint=f"Wait for the next {'day' if left.budget == 'daily' else 'month'} (UTC), or raise the budget. What"
            f" was spent stands in {self.store.root / self._key}; a run that was killed counts with all that it"
            " reserved, until its `spent_usd` is written there.",
        )

    def _read(self) -> tuple[Ledger, Condition]:
        try:
            stored = self.store.read(self._key)
        except NotStored:
            return Ledger(), "absent"
        try:
            return Ledger.model_validate_json(stored.data), stored.etag
        except ValidationError as error:
            raise ArtifactCorrupt(
                "this is not a ledger of spending",
                place=str(self.store.root / self._key),
                hint="Correct it, or delete it: then what was spent this month is forgotten.",
            ) from error

    def _change(self, change: Callable[[Ledger], Ledger]) -> Ledger:
        """Replace the ledger by what follows from it; where another run was faster, from what that one wrote."""
        for _ in range(_TRIES):
            ledger, condition = self._read()
            changed = change(ledger)
            try:
                self.store.put(self._key, changed.model_dump_json(indent=2).encode() + b"\n", condition=condition)
            except ConditionFailed:
                continue
            return changed
        raise PublishFailed(
            "the ledger of spending could not be written: other runs write it all the time",
            place=str(self.store.root / self._key),
            hint="Try again in a moment.",
        )


@dataclass(slots=True)
class Account:
    """What a run may spend, None for any sum; where budgets are kept, it is reserved in their books.

    `before` is what stands there of an earlier part of the run, until that part `is_charged` to this one. `cap_name` is
    what must not be passed.
    """

    cap_usd: float | None
    run: str = ""
    books: Books | None = None
    before: tuple[LedgerEntry, ...] = ()
    cap_name: str = COST_CAP

    def is_charged(self) -> None:
        """Take note that what the run spends holds from now on what its earlier part did."""
        self.before = ()

    @contextmanager
    def settling(self, spent_usd: Callable[[], float]) -> Iterator[None]:
        """Write down at the end of the block what was spent, however it ended.

        A run that never came to go on spent what its earlier part did: that stays as it stood.
        """
        try:
            yield
        finally:
            if self.books is not None and self.before:
                self.books.restore(self.run, self.before)
            elif self.books is not None:
                self.books.settle(self.run, spent_usd())


def open_account(config: Config, run: str, forecast_usd: Callable[[], float | None], world: World) -> Account:
    """Reserve what a run may need of its budgets; its cap is the smallest of its own and what is left of them.

    Raises CapReached where nothing is left, PublishFailed where the ledger cannot be written.
    """
    cap_usd, limits = config.profiler.max_cost_usd, budgets_of(config)
    if limits is None:
        return Account(cap_usd)
    books, needed, attempts = Books.of(limits, world), forecast_usd(), config.resilience.retries.max_attempts
    taken = books.reserve(run, lambda left: share_of(left, cap_usd=cap_usd, forecast_usd=needed, attempts=attempts))
    return Account(taken.usd, run, books, taken.before, taken.budget or COST_CAP)
