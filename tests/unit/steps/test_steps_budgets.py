from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lens_gate.config.guards import SpendingLimits
from lens_gate.config.model import Config
from lens_gate.errors import ArtifactCorrupt, CapReached, ConditionFailed, ConfigProblem, PublishFailed
from lens_gate.steps.running.budgets import Books, budgets_of, open_account
from lens_gate.steps.world import World
from lens_gate.stores.file import FileStore
from tests.fakes.world import a_world


@pytest.fixture
def here(tmp_path: Path) -> World:
    return replace(a_world(tmp_path), data_folder=tmp_path / "data")


def config(daily: float | None = None, monthly: float | None = None, *, cap: float | None = None) -> Config:
    budgets = {"daily_usd": daily, "monthly_usd": monthly}
    return Config.model_validate({"cost_controls": {"budgets": budgets}, "profiler": {"max_cost_usd": cap}})


def entries(world: World) -> list[dict[str, object]]:
    assert world.data_folder is not None
    text = (world.data_folder / "spending" / "2026-03.json").read_text(encoding="utf-8")
    found: list[dict[str, object]] = json.loads(text)["entries"]
    return found


def test_without_budgets_no_books_are_kept(here: World) -> None:
    assert budgets_of(Config()) is None
    assert budgets_of(config()) is None
    account = open_account(config(cap=3.0), "r1", lambda: None, here)
    with account.settling(lambda: 1.0):
        pass
    assert account.cap_usd == 3.0
    assert not (here.data_folder or Path()).exists()


def test_a_run_reserves_when_it_begins_and_settles_when_it_has_ended(here: World) -> None:
    account = open_account(config(daily=10.0, cap=4.0), "r1", lambda: None, here)
    assert account.cap_usd == 4.0
    assert entries(here) == [{"run": "r1", "day": "2026-03-02", "reserved_usd": 4.0, "spent_usd": None}]
    with pytest.raises(KeyError), account.settling(lambda: 1.5):
        raise KeyError
    assert entries(here)[0]["spent_usd"] == 1.5
    assert open_account(config(daily=10.0), "r2", lambda: None, here).cap_usd == 8.5


def test_a_run_leaves_to_others_what_it_cannot_need(here: World) -> None:
    assert open_account(config(daily=10.0), "r1", lambda: 2.0, here).cap_usd == 2.4
    assert open_account(config(daily=10.0), "r2", lambda: None, here).cap_usd == pytest.approx(7.6)
    with pytest.raises(CapReached, match=r"the daily budget of \$10 is used up, so nothing was sent") as caught:
        open_account(config(daily=10.0), "r3", lambda: 1.0, here)
    assert "until its `spent_usd` is written there" in (caught.value.hint or "")


def test_what_ends_a_run_is_named_as_the_budget_where_little_of_that_is_left(here: World) -> None:
    assert open_account(config(cap=3.0), "r0", lambda: None, here).cap_name == "the cost cap"
    assert open_account(config(daily=10.0, cap=9.5), "r1", lambda: None, here).cap_name == "the cost cap"
    left = open_account(config(daily=10.0, cap=9.5), "r2", lambda: 7.0, here)
    assert left.cap_usd == 0.5
    assert left.cap_name == "the daily budget of $10.00, of which other runs spent or reserved $9.50"


def test_a_new_day_has_a_new_budget_and_the_month_goes_on(here: World) -> None:
    with open_account(config(daily=10.0, monthly=15.0), "r1", lambda: None, here).settling(lambda: 10.0):
        pass
    tomorrow = replace(here, now=lambda: datetime(2026, 3, 3, 9, tzinfo=UTC))
    with open_account(config(daily=10.0, monthly=15.0), "r2", lambda: None, tomorrow).settling(lambda: 5.0):
        pass
    with pytest.raises(CapReached, match=r"the monthly budget of \$15 is used up"):
        open_account(config(daily=10.0, monthly=15.0), "r3", lambda: None, tomorrow)
    april = replace(here, now=lambda: datetime(2026, 4, 1, 9, tzinfo=UTC))
    assert open_account(config(daily=10.0, monthly=15.0), "r4", lambda: None, april).cap_usd == 10.0


def test_runs_that_begin_at_the_same_moment_cannot_spend_the_same_dollars(here: World) -> None:
    def begin(number: int) -> float:
        return open_account(config(daily=10.0, cap=1.0), f"r{number}", lambda: None, here).cap_usd or 0.0

    with ThreadPoolExecutor(8) as threads:
        caps = list(threads.map(begin, range(8)))
    assert caps == [1.0] * 8
    assert len(entries(here)) == 8
    assert Books.of(SpendingLimits(daily_usd=10.0), here).left().usd == 2.0


def test_a_ledger_may_lie_in_a_folder_that_the_configuration_names(here: World, tmp_path: Path) -> None:
    limits = SpendingLimits(daily_usd=1.0, ledger="shared/spending")
    Books.of(limits, here).reserve("r1", lambda left: left / 2)
    assert (tmp_path / "shared" / "spending" / "2026-03.json").is_file()


def test_without_any_folder_budgets_are_refused(here: World) -> None:
    with pytest.raises(ConfigProblem, match="no home folder"):
        Books.of(SpendingLimits(daily_usd=1.0), replace(here, data_folder=None))


def test_a_file_that_is_no_ledger_is_told_and_kept(here: World, tmp_path: Path) -> None:
    path = tmp_path / "data" / "spending" / "2026-03.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}}", encoding="utf-8")
    with pytest.raises(ArtifactCorrupt, match="not a ledger"):
        Books.of(SpendingLimits(daily_usd=1.0), here).left()
    assert path.read_text(encoding="utf-8") == "{}}"


def test_a_ledger_that_others_write_all_the_time_is_given_up(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def always(*_: object, **__: object) -> None:
        raise ConditionFailed("somebody was faster")

    monkeypatch.setattr(FileStore, "put", always)
    with pytest.raises(PublishFailed, match="other runs write it all the time"):
        Books.of(SpendingLimits(daily_usd=1.0), here).reserve("r1", lambda left: left)


def test_a_run_that_goes_on_takes_the_place_of_its_earlier_part(here: World) -> None:
    open_account(config(daily=10.0, cap=8.0), "r1", lambda: None, here)
    resumed = open_account(config(daily=10.0, cap=8.0), "r1", lambda: None, here)
    assert resumed.cap_usd == 8.0
    with resumed.settling(lambda: 3.0):
        resumed.is_charged()
    assert entries(here) == [{"run": "r1", "day": "2026-03-02", "reserved_usd": 8.0, "spent_usd": 3.0}]


@pytest.mark.parametrize("spent", [None, 2.5])
def test_a_run_that_never_comes_to_go_on_leaves_in_the_ledger_what_its_earlier_part_spent(
    here: World, spent: float | None
) -> None:
    first = open_account(config(daily=10.0, cap=5.0), "r1", lambda: None, here)
    open_account(config(daily=10.0, cap=1.0), "r2", lambda: None, here)
    if spent is not None:
        with first.settling(lambda: spent):
            pass
    with pytest.raises(KeyError), open_account(config(daily=10.0, cap=6.0), "r1", lambda: None, here).settling(float):
        raise KeyError
    assert sorted(entries(here), key=str) == [
        {"run": "r1", "day": "2026-03-02", "reserved_usd": 5.0, "spent_usd": spent},
        {"run": "r2", "day": "2026-03-02", "reserved_usd": 1.0, "spent_usd": None},
    ]
