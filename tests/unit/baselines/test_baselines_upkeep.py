"""When baselines are renewed, how far they have moved, and what a store may let go."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.baselines.anchor import Drift, drifted, largest
from lens_gate.baselines.keys import baseline_key, samples_key
from lens_gate.baselines.renewal import Renewal, renewal, staleness
from lens_gate.baselines.retention import Item, prunable
from lens_gate.vocabulary.index import Acceptance, IndexEntry, MiddleRow
from tests.unit.baselines.baseline_entries import NOW, a_row, a_series, kept

DAY = 86400.0
SAVED = "2026-03-24T12:00:00.000000Z"
"""A week before NOW."""


class TestRenewal:
    def test_without_a_frequency_only_people_make_baselines(self) -> None:
        assert renewal(saved=SAVED, every_s=None, now=NOW, name="main") == Renewal(due=False)
        told = renewal(saved=None, every_s=None, now=NOW, name="main")
        assert not told.due
        assert told.note == "`lens-gate baseline save --name main` makes a run the baseline."

    def test_with_one_the_first_is_recorded_and_later_ones_when_it_is_time(self) -> None:
        assert renewal(saved=None, every_s=7 * DAY, now=NOW, name="main").due
        assert renewal(saved=SAVED, every_s=7 * DAY, now=NOW, name="main").due
        assert not renewal(saved=SAVED, every_s=7 * DAY + 1, now=NOW, name="main").due

    def test_a_baseline_of_a_clock_that_was_ahead_is_due_at_once(self) -> None:
        assert renewal(saved="2030-01-01T00:00:00Z", every_s=7 * DAY, now=NOW, name="main").due

    def test_a_baseline_that_outlived_its_frequency_twice_is_stale(self) -> None:
        assert staleness(saved=SAVED, every_s=None, now=NOW, name="main") is None
        assert staleness(saved=SAVED, every_s=4 * DAY, now=NOW, name="main") is None
        assert staleness(saved=SAVED, every_s=DAY, now=NOW, name="main") == (
            "The baseline main is 7 days old, and is to be renewed every 24 hours."
        )

    @pytest.mark.parametrize("saved", ["soon", "", "2026-13-01", "2026-03-30T12:00:00"])
    def test_a_time_that_is_none_or_names_no_zone_ends_no_command(self, saved: str) -> None:
        assert renewal(saved=saved, every_s=DAY, now=NOW, name="main").due
        assert staleness(saved=saved, every_s=DAY, now=NOW, name="main") is None

    def test_what_every_run_renews_is_never_stale(self) -> None:
        assert staleness(saved=SAVED, every_s=0.0, now=NOW, name="main") is None


class TestAnchor:
    def test_the_distance_of_every_median_that_both_have_is_known(self) -> None:
        slow = MiddleRow(count=300, median_ms=600.0, p75_ms=700.0)
        now = a_row(series=(a_series(middles={"ttft": slow, "total": slow}), a_series(model="new")))
        found = drifted(now, a_row())
        (drift,) = found
        assert (drift.series, drift.quantity) == ("openai/gpt-small", "ttft")
        assert drift.percent == pytest.approx(20.0)
        assert largest(found, name="v1") == (
            "The median of ttft of openai/gpt-small lies 20.0 % above that of the anchor v1, and no other lies higher "
            "above it."
        )

    def test_what_became_faster_lies_below(self) -> None:
        assert "12.5 % below" in str(largest([Drift("a/b", "per_token", -12.5)], name="v1"))

    def test_without_a_common_median_nothing_is_said(self) -> None:
        assert largest([], name="v1") is None


def item(key: str, entry: IndexEntry | None = None) -> Item:
    return Item(key, entry)


class TestRetention:
    def pruned(self, *items: Item, days: float = 10) -> tuple[str, ...]:
        return prunable(items, keep_s=days * DAY, now=NOW).removed

    def test_what_is_older_goes_with_its_samples_the_run_first(self) -> None:
        old, new = kept(20), kept(21)
        samples = samples_key(old.key)
        items = [item(samples), item(old.key, old.entry), item(new.key, new.entry), item(samples_key(new.key))]
        assert self.pruned(*items) == (old.key, samples)

    def test_bytes_without_an_entry_go_as_well(self) -> None:
        assert self.pruned(item("results/2026/03/01/run-x.json.gz")) == ("results/2026/03/01/run-x.json.gz",)

    def test_the_run_of_a_baseline_and_an_accepted_one_stay_and_it_is_said_why(self) -> None:
        base, accepted = kept(1), kept(2, acceptance=Acceptance(by="ada", reason="a larger model", at="x"))
        items = [
            item(base.key, base.entry),
            item(baseline_key("Main"), base.entry),
            item(baseline_key("foreign"), None),
            item(baseline_key("other"), IndexEntry(kind="x", id="x", name="x", created_at="x", schema_version=1)),
            item(accepted.key, accepted.entry),
            item(samples_key(accepted.key)),
        ]
        found = prunable(items, keep_s=DAY, now=NOW)
        assert found.removed == ()
        assert [one.sentence for one in found.spared] == [
            "The baseline Main stands on it.",
            "ada accepted it: a larger model",
        ]

    @given(st.lists(st.integers(1, 31)), st.integers(0, 40))
    def test_nothing_younger_than_it_is_to_be_kept_ever_goes(self, days: list[int], keep: int) -> None:
        items = [item(kept(day).key, kept(day).entry) for day in days]
        oldest = NOW - timedelta(days=keep)
        gone = self.pruned(*items, days=keep)
        assert all(f"{oldest:%Y/%m/%d}" > key.removeprefix("results/")[:10] for key in gone)
        assert set(gone) == {kept(day).key for day in days if day < 31 - keep}

    @pytest.mark.parametrize("key", ["results/run.json", "reports/2026/01/01/x.json.gz", "baselines/main.json.gz"])
    def test_other_keys_are_not_looked_at(self, key: str) -> None:
        assert self.pruned(item(key)) == ()
