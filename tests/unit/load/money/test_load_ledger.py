from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.ledger import Ledger, LedgerEntry
from lens_gate.load.money.ledger import Left, left_of, reserved, settled, share_of

DOLLARS = st.floats(0, 1000)


def ledger(*entries: tuple[str, str, float, float | None]) -> Ledger:
    return Ledger(
        entries=tuple(
            LedgerEntry(run=run, day=day, reserved_usd=held, spent_usd=spent) for run, day, held, spent in entries
        )
    )


BOOK = ledger(("r1", "2026-03-01", 9.0, 4.0), ("r2", "2026-03-02", 5.0, None), ("r3", "2026-03-02", 3.0, 1.0))


def test_a_day_counts_its_own_runs_and_a_month_all_and_one_that_never_said_counts_in_full() -> None:
    assert left_of(BOOK, "2026-03-02", daily_usd=10, monthly_usd=None) == Left(4.0, "daily")
    assert left_of(BOOK, "2026-03-02", daily_usd=10, monthly_usd=12) == Left(2.0, "monthly")
    assert left_of(BOOK, "2026-03-03", daily_usd=10, monthly_usd=100) == Left(10.0, "daily")
    assert left_of(BOOK, "2026-03-03", daily_usd=None, monthly_usd=None).usd == inf
    assert left_of(BOOK, "2026-03-02", daily_usd=5, monthly_usd=None).usd == 0


def test_a_run_takes_its_cap_or_what_it_can_need_and_leaves_the_rest() -> None:
    assert share_of(10, cap_usd=3, forecast_usd=None, attempts=1) == 3
    assert share_of(10, cap_usd=None, forecast_usd=None, attempts=1) == 10
    assert share_of(10, cap_usd=None, forecast_usd=2, attempts=1) == 2.4
    assert share_of(10, cap_usd=4, forecast_usd=2, attempts=3) == 4
    assert share_of(1, cap_usd=4, forecast_usd=2, attempts=3) == 1


def test_what_a_run_spent_takes_the_place_of_what_it_reserved() -> None:
    after = settled(reserved(BOOK, LedgerEntry(run="r4", day="2026-03-02", reserved_usd=2.0)), "r4", 0.5)
    assert [entry.spent_usd for entry in after.entries] == [4.0, None, 1.0, 0.5]
    assert left_of(after, "2026-03-02", daily_usd=10, monthly_usd=None).usd == 3.5


@given(st.floats(0.01, 100), st.lists(st.tuples(DOLLARS, st.floats(0, 1), st.booleans()), max_size=30))
def test_whatever_runs_do_they_never_spend_more_than_the_budget(
    budget: float, runs: list[tuple[float, float, bool]]
) -> None:
    book, spent = Ledger(), 0.0
    for number, (wanted, used, killed) in enumerate(runs):
        left = left_of(book, "2026-03-02", daily_usd=budget, monthly_usd=None).usd
        share = share_of(left, cap_usd=wanted, forecast_usd=None, attempts=1)
        book = reserved(book, LedgerEntry(run=str(number), day="2026-03-02", reserved_usd=share))
        spent += used * share
        if not killed:
            book = settled(book, str(number), used * share)
    assert spent <= budget * (1 + 1e-9)
