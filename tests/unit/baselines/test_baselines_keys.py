"""Keys of runs and baselines: each store can hold them, and no two names share one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lens_gate.baselines.keys import (
    baseline_key,
    baseline_name,
    name_of,
    report_key,
    run_key,
    run_tag,
    samples_key,
    segment,
    version_key,
    versions_folder,
)
from lens_gate.errors import ArtifactCorrupt
from lens_gate.stores.base import check_key
from tests.unit.baselines.baseline_entries import a_row, an_entry

NAMES = st.text(min_size=1, max_size=40)


@given(NAMES)
@example(".hidden")
@example("Release/v1.0+=,")
@example("\udcff")
def test_the_key_of_a_name_can_be_held_by_every_store_and_gives_the_name_back(name: str) -> None:
    key = baseline_key(name)
    assert check_key(key) == key
    assert key == key.lower()
    assert "==" in segment(name) or baseline_name(key) == name


@pytest.mark.parametrize("part", ["=ff", "=c3", "=61", "+,", "=2", "Main", "a==b"])
def test_a_part_of_a_key_that_was_made_elsewhere_is_shown_as_it_is(part: str) -> None:
    assert baseline_name(f"baselines/{part}.json.gz") == part


@given(NAMES, NAMES)
@example("Main", "main")
@example("a/b", "a,b")
@example("ß", "SS")
def test_no_two_names_share_a_key_even_where_case_does_not_count(one: str, other: str) -> None:
    assert (one == other) == (baseline_key(one).casefold() == baseline_key(other).casefold())


def test_keys_of_names_can_be_read() -> None:
    assert baseline_key("main") == "baselines/main.json.gz"
    assert baseline_key("release/V1.0") == "baselines/release,+v1.0.json.gz"
    assert baseline_key(".hidden") == "baselines/=2ehidden.json.gz"
    assert baseline_name("baselines/=2ehidden.json.gz") == ".hidden"
    assert baseline_key("früh") == "baselines/fr=c3=bch.json.gz"


def test_very_long_names_stay_apart_and_fit_into_a_file_name() -> None:
    one, other = (segment("long" * 100 + end) for end in "ab")
    assert one != other
    assert len(one) <= 150
    assert name_of(one) == one


@pytest.mark.parametrize("part", ["Main", "=2", "a b", "+1"])
def test_a_part_that_is_none_of_ours_is_its_own_name(part: str) -> None:
    assert name_of(part) == part


@pytest.mark.parametrize("key", ["results/main.json.gz", "baselines/main/x.json", "baselines/main.txt", "x"])
def test_other_keys_are_no_baselines(key: str) -> None:
    assert baseline_name(key) is None


@pytest.mark.parametrize(
    ("row", "commit", "what"),
    [
        (a_row(2), "91d04e7aa0bbccdd", "commit-91d04e7aa0bb"),
        (a_row(2, event="push"), "91d04e7", "commit-91d04e7"),
        (a_row(2, event="schedule"), "91d04e7", "scheduled-20260302"),
        (a_row(2), None, "run"),
        (a_row(2), "no commit", "run"),
    ],
)
def test_a_run_lies_under_its_day_by_what_it_measured(row: object, commit: str | None, what: str) -> None:
    entry = an_entry(2, id="bench_0123456789abcdef", commit=commit)
    key = run_key(entry, row)  # type: ignore[arg-type] # a row by a parameter
    assert key == f"results/2026/03/02/{what}-01234567.json.gz"
    assert samples_key(key) == f"results/2026/03/02/{what}-01234567.samples.jsonl.gz"


def test_the_id_of_another_tool_is_shortened_to_a_digest() -> None:
    assert len(run_tag("vllm: 5 %")) == 8
    assert run_tag("vllm: 5 %") != run_tag("vllm: 6 %")


def test_a_report_lies_by_the_day_and_name_of_its_run() -> None:
    run = run_key(an_entry(), a_row())
    assert report_key(run) == run.replace("results/", "reports/", 1).removesuffix(".json.gz") + ".html"


def test_an_entry_without_a_day_has_no_place() -> None:
    with pytest.raises(ArtifactCorrupt, match="names no day"):
        run_key(an_entry(), a_row(start_time="soon"))


def test_former_versions_of_a_baseline_lie_in_its_folder_in_order_of_time() -> None:
    keys = [version_key("main", an_entry(day), a_row(day)) for day in (1, 2, 10)]
    assert keys == sorted(keys)
    assert all(key.startswith(versions_folder("main")) and check_key(key) for key in keys)
    assert keys[0] == "baselines/main/20260301T100000-00000000.json"
