"""What every store must do, as three classes of tests that a store's own test module inherits from.

    class TestTheFileStore(StoreContract, ConditionContract, IndexContract):
        @pytest.fixture
        def subject(self, tmp_path: Path) -> Subject:
            return Subject(lambda: FileStore(tmp_path / "store"), overwrite=...)

`StoreContract` is for every store, `ConditionContract` for those that honour conditions, `IndexContract` for those that
keep an `index.json` in each folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar

import pytest

from lens_gate.errors import ConditionFailed, NotStored, StoreDamaged, StoreProblem, UsageProblem
from lens_gate.stores.base import Condition, ETag, Listing, Store, Tagged
from lens_gate.stores.index_file import as_listed
from lens_gate.vocabulary.index import Acceptance, IndexEntry, MiddleRow, Point, RunRow, SeriesRow

DAY = "results/2026/03/02"
RUN = f"{DAY}/commit-91d04e7-0b5a3c11.json.gz"

ENTRY = IndexEntry(
    kind="run",
    id="0b5a3c11-8a9e-4a2f-9b7f-0c1d2e3f4a5b",
    name="größer als 東京 “quoted” <b>&'\\ 🚀",
    created_at="2026-03-02T10:05:01Z",
    schema_version=1,
)
"""The least that an entry can be, with a name in many letters."""

RICH = replace(
    ENTRY,
    commit="91d04e7f0b5a3c118a9e4a2f9b7f0c1d2e3f4a5b",
    branch="feature/größer",
    outcome="pass",
    config_hash="sha256:0f343b0931126a20",
    run=RunRow(
        start_time="2026-03-02T10:00:00.123456Z",
        end_time="2026-03-02T10:05:00.654321Z",
        duration_seconds=300.530865,
        event="pull_request",
        sent="sha256:2c26b46b68ffc68f",
        defect="lateness: the sender was late",
        endpoints=("https://api.example.org/v1", "https://eu.example.org/v1"),
        region="eu-central-1",
        runner="ubuntu-24.04",
        platform="Linux-6.1",
        python="3.12.4",
        values={"total_cost_usd": 0.1 + 0.2, "total_requests": 400.0},
        series=(
            SeriesRow(
                provider="openai",
                model="gpt-größe",
                returned=("gpt-größe-2026-01-01",),
                requests=400,
                successful=398,
                failed=2,
                values={"mean_latency": 812.3456789012345, "p95_latency": 1e-7, "tokens_per_second": 1e9},
                middles={"total": MiddleRow(count=398, median_ms=801.25, p75_ms=900.125, inflation=1.7)},
                cached_percent=12.5,
                counted_by_server=True,
                points=(Point(timestamp="2026-03-02T10:00:00Z", rps=1.3, tokens_per_second=40.0, error_rate=0.5),),
            ),
            SeriesRow(provider="anthropic", model="m", requests=1, successful=0, failed=1),
        ),
        config='{"profiler": {"requests": 400}}',
    ),
    acceptance=Acceptance(by="Ada <ada@example.org>", reason="slower, but right", at="2026-03-03T00:00:00Z"),
)
"""An entry that says everything that one can say."""


@dataclass(frozen=True)
class Subject:
    """One store, empty at first: `open` gives another handle on it, as another process would have.

    `overwrite` puts bytes under a path, or removes them for None, behind the back of the store.
    """

    open: Callable[[], Store]
    overwrite: Callable[[str, bytes | None], None] | None = None

    def damaged(self, path: str, data: bytes | None) -> Store:
        """Open the store anew after the file was overwritten."""
        assert self.overwrite is not None
        self.overwrite(path, data)
        return self.open()


class StoreContract:
    """Bytes, entries and listings."""

    @pytest.fixture
    def subject(self) -> Subject:
        raise NotImplementedError

    @pytest.fixture
    def store(self, subject: Subject) -> Store:
        return subject.open()

    def test_an_empty_store_lists_nothing(self, store: Store) -> None:
        assert (store.list(), store.list("results/"), store.newest("results", 3)) == ((), (), ())

    def test_a_store_says_where_it_is(self, store: Store) -> None:
        assert store.place

    def test_what_is_put_can_be_got_by_everyone(self, store: Store, subject: Subject) -> None:
        etag = store.put(RUN, b"one", ENTRY)
        for reader in (store, subject.open()):
            assert reader.get(RUN) == b"one"
            assert reader.read(RUN) == Tagged(b"one", etag)

    def test_bytes_come_back_as_they_were(self, store: Store) -> None:
        kinds = (b"", b"\0", b"\xff\xfe\r\n", bytes(range(256)) * 3, "größer".encode())
        for number, data in enumerate(kinds):
            store.put(f"{DAY}/{number}", data, ENTRY)
        assert tuple(store.get(f"{DAY}/{number}") for number in range(len(kinds))) == kinds

    def test_eight_megabytes_come_back_as_they_were(self, store: Store) -> None:
        data = Random(5).randbytes(8 * 1024 * 1024)
        etag = store.put(RUN, data, ENTRY)
        assert store.read(RUN) == Tagged(data, etag)

    def test_a_key_without_bytes_is_told(self, store: Store) -> None:
        store.put(RUN, b"one", ENTRY)
        for key in (f"{DAY}/commit-0000000.json.gz", "results", DAY, f"{RUN}/below"):
            with pytest.raises(NotStored, match=f"nothing is stored under {key}") as caught:
                store.read(key)
            assert caught.value.place
            with pytest.raises(NotStored):
                store.delete(key)

    @pytest.mark.parametrize("entry", [ENTRY, RICH])
    def test_an_entry_comes_back_as_every_store_lists_it(
        self, store: Store, subject: Subject, entry: IndexEntry
    ) -> None:
        store.put(RUN, b"one", entry)
        expected = (Listing(RUN, as_listed(entry)),)
        for reader in (store, subject.open()):
            assert reader.list("results/") == expected
            assert reader.newest("results", 1) == expected
            assert reader.entry(RUN) == as_listed(entry)

    def test_the_entry_of_a_key_is_that_of_this_key_alone(self, store: Store, subject: Subject) -> None:
        store.put(f"{RUN}.samples", b"sidecar")
        store.put(f"{DAY}/commit-9", b"nine", RICH)
        for reader in (store, subject.open()):
            for key in (RUN, f"{RUN}.samples", f"{DAY}/commit", DAY, "baselines/main.json.gz"):
                assert reader.entry(key) is None
            assert reader.entry(f"{DAY}/commit-9") == as_listed(RICH)
        store.put(RUN, b"one", ENTRY)
        assert (store.entry(RUN), store.entry(f"{DAY}/commit-9")) == (ENTRY, as_listed(RICH))
        store.put(f"{DAY}/commit-9", b"ten")
        store.delete(RUN)
        assert store.entry(RUN) is store.entry(f"{DAY}/commit-9") is None

    def test_a_later_write_replaces_bytes_and_entry(self, store: Store) -> None:
        store.put("baselines/main.json.gz", b"one", RICH)
        accepted = replace(ENTRY, name="another", outcome="regression")
        store.put("baselines/main.json.gz", b"two", accepted)
        assert store.get("baselines/main.json.gz") == b"two"
        assert store.list() == (Listing("baselines/main.json.gz", accepted),)
        store.put("baselines/main.json.gz", b"three")
        assert store.list() == (Listing("baselines/main.json.gz", None),)

    def test_a_listing_is_sorted_has_the_entries_and_knows_prefixes(self, store: Store) -> None:
        one, two, base = f"{DAY}/commit-1", f"{DAY}/commit-2", "baselines/main.json.gz"
        store.put(two, b"two", ENTRY)
        store.put(f"{one}.samples", b"sidecar")
        store.put(one, b"one", RICH)
        store.put(base, b"zero", ENTRY)
        whole = (
            Listing(base, ENTRY),
            Listing(one, as_listed(RICH)),
            Listing(f"{one}.samples", None),
            Listing(two, ENTRY),
        )
        assert store.list() == whole
        for prefix in ("results/", "results", "res", DAY, f"{DAY}/", f"{DAY}/commit-"):
            assert store.list(prefix) == whole[1:]
        assert store.list(one) == whole[1:3]
        assert store.list("baselines/") == whole[:1]
        assert store.list("other/") == store.list(f"{one}/") == ()

    def test_the_newest_are_found_by_day_and_then_by_time(self, store: Store) -> None:
        for key, minute in (("2025/12/31/z", 59), ("2026/01/02/b", 1), ("2026/01/02/a", 2), ("2026/01/10/c", 0)):
            store.put(f"results/{key}", b"x", replace(ENTRY, created_at=f"2026-01-01T00:{minute:02d}:00Z"))
        store.put("results/2026/01/11/silent", b"x")
        store.put("baselines/2026/01/12/other", b"x", ENTRY)
        found = [listing.key for listing in store.newest("results", 3)]
        assert found == ["results/2026/01/10/c", "results/2026/01/02/a", "results/2026/01/02/b"]
        assert len(store.newest("results/", 9)) == 4
        older = [listing.key for listing in store.newest("results", 9, until="2026/01/02")]
        assert older == ["results/2026/01/02/a", "results/2026/01/02/b", "results/2025/12/31/z"]
        assert [listing.key for listing in store.newest("results", 9, until="2026/01/01")] == ["results/2025/12/31/z"]
        assert [listing.key for listing in store.newest("results", 1, until="2026/01/09")] == ["results/2026/01/02/a"]
        assert store.newest("results", 0) == store.newest("elsewhere", 9) == ()

    def test_runs_of_one_instant_have_one_order(self, store: Store, subject: Subject) -> None:
        for name in ("b", "a", "c"):
            store.put(f"{DAY}/{name}", b"x", ENTRY)
        assert store.newest("results", 3) == subject.open().newest("results", 3)
        assert [listing.key for listing in store.newest("results", 2)] == [f"{DAY}/c", f"{DAY}/b"]

    def test_what_is_deleted_is_gone_with_its_entry(self, store: Store, subject: Subject) -> None:
        store.put(RUN, b"one", ENTRY)
        store.put(f"{DAY}/kept", b"two", RICH)
        store.delete(RUN)
        for reader in (store, subject.open()):
            assert reader.list() == (Listing(f"{DAY}/kept", as_listed(RICH)),)
            assert [listing.key for listing in reader.newest("results", 9)] == [f"{DAY}/kept"]
            with pytest.raises(NotStored):
                reader.get(RUN)
        with pytest.raises(NotStored):
            store.delete(RUN)
        store.put(RUN, b"again", ENTRY)
        assert store.get(RUN) == b"again"

    def test_names_that_differ_only_in_case_are_two(self, store: Store) -> None:
        store.put("baselines/Main.json.gz", b"upper", ENTRY)
        store.put("baselines/main.json.gz", b"lower")
        assert (store.get("baselines/Main.json.gz"), store.get("baselines/main.json.gz")) == (b"upper", b"lower")
        assert store.list("baselines/m") == (Listing("baselines/main.json.gz", None),)
        store.delete("baselines/main.json.gz")
        assert store.list() == (Listing("baselines/Main.json.gz", ENTRY),)

    def test_names_that_mean_something_elsewhere_are_only_names(self, store: Store) -> None:
        names = ("a_c", "abc", "a=c", "a+c", "a@c", "a,c", "-a", "a.b.c", "con", "0", "_")
        for name in names:
            store.put(f"baselines/{name}", name.encode(), replace(ENTRY, name=name))
        assert [store.get(f"baselines/{name}").decode() for name in names] == list(names)
        assert store.list("baselines/a_") == (Listing("baselines/a_c", replace(ENTRY, name="a_c")),)

    def test_keys_at_their_limits_are_taken(self, store: Store) -> None:
        keys = ("a", "b" * 200, f"{'c' * 127}/" * 3 + "c" * 128, "d/" * 255 + "d")
        for key in keys:
            store.put(key, key.encode(), ENTRY)
        assert tuple(store.get(key).decode() for key in keys) == keys
        assert store.list() == tuple(Listing(key, ENTRY) for key in keys)

    def test_keys_that_some_store_cannot_hold_are_refused(self, store: Store) -> None:
        for key in ("", "/a", "a/", "a//b", "..", "a/../b", ".lock", "a/.b", "a b", "a\\b", "ä", "a\n", "a" * 201):
            for act in (store.get, store.read, store.entry, store.delete, lambda refused: store.put(refused, b"x")):
                with pytest.raises(UsageProblem, match="cannot be the key"):
                    act(key)
        assert store.list() == ()

    def test_prefixes_that_no_key_has_are_refused(self, store: Store) -> None:
        for prefix in ("/", "..", "../", "a/../b", "a//", "a b", "%"):
            for act in (store.list, lambda refused: store.newest(refused, 1)):
                with pytest.raises(UsageProblem, match="no key of a stored file starts with"):
                    act(prefix)

    def test_the_name_of_the_index_is_no_key_in_any_store(self, store: Store) -> None:
        for key in ("index.json", f"{DAY}/index.json"):
            with pytest.raises(UsageProblem, match="the store's own file"):
                store.put(key, b"{}")


class ConditionContract:
    """Conditions, alone and in races; `writers` race at a time."""

    writers: ClassVar[int] = 8

    def test_a_new_key_is_written_once(self, store: Store) -> None:
        first = store.put("baselines/main", b"one", RICH, condition="absent")
        with pytest.raises(ConditionFailed, match="baselines/main does not hold what was to be replaced") as caught:
            store.put("baselines/main", b"two", ENTRY, condition="absent")
        assert (caught.value.exit_code, bool(caught.value.place)) == (7, True)
        assert store.read("baselines/main") == Tagged(b"one", first)
        assert store.list() == (Listing("baselines/main", as_listed(RICH)),)

    def test_bytes_are_replaced_only_while_they_are_what_was_read(self, store: Store, subject: Subject) -> None:
        first = store.put("baselines/main", b"one")
        second = subject.open().put("baselines/main", b"two", ENTRY, first)
        assert first != second
        with pytest.raises(ConditionFailed):
            store.put("baselines/main", b"three", RICH, first)
        assert store.read("baselines/main") == Tagged(b"two", second)
        assert store.list() == (Listing("baselines/main", ENTRY),)
        store.put("baselines/main", b"four", ENTRY, "none")
        assert store.get("baselines/main") == b"four"

    def test_bytes_are_deleted_only_while_they_are_what_was_read(self, store: Store) -> None:
        first = store.put(RUN, b"one", ENTRY)
        second = store.put(RUN, b"two", ENTRY)
        for condition in (first, "absent"):
            with pytest.raises(ConditionFailed):
                store.delete(RUN, condition)
        assert store.list() == (Listing(RUN, ENTRY),)
        store.delete(RUN, second)
        assert store.list() == ()
        with pytest.raises(NotStored):
            store.delete(RUN, second)

    def test_a_foreign_tag_fits_neither_a_new_key_nor_an_old_one(self, store: Store) -> None:
        store.put(RUN, b"one")
        for key in (RUN, f"{DAY}/new"):
            for tag in ("none", "absent", "0" * 64, ""):
                with pytest.raises(ConditionFailed):
                    store.put(key, b"two", condition=ETag(tag))
        assert (store.get(RUN), store.list()) == (b"one", (Listing(RUN, None),))

    def test_of_writers_that_want_a_new_key_one_wins(self, subject: Subject) -> None:
        won = self._race(subject, lambda store, number: _wins(store, f"writer {number}".encode(), "absent"))
        assert won.count(True) == 1
        assert subject.open().get(RUN) == f"writer {won.index(True)}".encode()
        (listing,) = subject.open().list()
        assert listing.entry is not None
        assert listing.entry.id == str(won.index(True))

    def test_of_writers_that_replace_the_same_bytes_one_wins(self, subject: Subject) -> None:
        etag = subject.open().put(RUN, b"first", ENTRY)
        won = self._race(subject, lambda store, number: _wins(store, f"writer {number}".encode(), etag))
        assert won.count(True) == 1
        assert subject.open().get(RUN) == f"writer {won.index(True)}".encode()

    def test_writers_that_read_again_and_retry_lose_nothing(self, subject: Subject) -> None:
        subject.open().put("log", b"")
        self._race(subject, _append)
        assert sorted(subject.open().get("log").split()) == sorted(str(number).encode() for number in self._numbers)

    def test_writers_of_one_day_lose_no_entry(self, subject: Subject) -> None:
        self._race(subject, lambda store, number: store.put(f"{DAY}/{number}", b"x", replace(ENTRY, id=str(number))))
        for listings in (subject.open().list(), subject.open().newest("results", 99)):
            assert {(one.key, one.entry and one.entry.id) for one in listings} == {
                (f"{DAY}/{number}", str(number)) for number in self._numbers
            }

    @property
    def _numbers(self) -> range:
        return range(self.writers)

    def _race(self, subject: Subject, act: Callable[[Store, int], object]) -> list[object]:
        """Let each writer act on a handle of its own, all at the same time."""
        with ThreadPoolExecutor(self.writers) as pool:
            return list(pool.map(lambda number: act(subject.open(), number), self._numbers))


class IndexContract:
    """An index that is damaged, foreign, newer, or out of step with the bytes."""

    @pytest.mark.parametrize(
        "data", [b"", b"{", b"\xff", b"[]", b'{"hello": 1}', b'{"schema_version": 1, "entries": 3}']
    )
    def test_a_damaged_index_is_told_with_its_place_and_nothing_is_written(
        self, store: Store, subject: Subject, data: bytes
    ) -> None:
        store.put(RUN, b"one", ENTRY)
        damaged = subject.damaged(f"{DAY}/index.json", data)
        for act in _uses(damaged):
            with pytest.raises(StoreDamaged, match="this is not the index of a store") as caught:
                act()
            assert f"{DAY}/index.json" in (caught.value.place or "")
        assert damaged.get(RUN) == b"one"
        with pytest.raises(NotStored):
            damaged.get(f"{DAY}/new")

    def test_a_newer_index_is_told_with_its_place_and_nothing_is_written(self, store: Store, subject: Subject) -> None:
        store.put(RUN, b"one", ENTRY)
        newer = subject.damaged(f"{DAY}/index.json", b'{"schema_version": 2, "tables": []}')
        for act in _uses(newer):
            with pytest.raises(StoreProblem, match="schema_version 2") as caught:
                act()
            assert f"{DAY}/index.json" in (caught.value.place or "")
        assert newer.get(RUN) == b"one"

    def test_other_folders_do_not_suffer_from_a_damaged_index(self, store: Store, subject: Subject) -> None:
        store.put(RUN, b"one", ENTRY)
        store.put("baselines/main", b"two", ENTRY)
        damaged = subject.damaged(f"{DAY}/index.json", b"{")
        assert damaged.list("baselines/") == (Listing("baselines/main", ENTRY),)
        damaged.put("baselines/main", b"three", ENTRY)

    def test_bytes_outlive_their_index(self, store: Store, subject: Subject) -> None:
        store.put(RUN, b"one", ENTRY)
        bare = subject.damaged(f"{DAY}/index.json", None)
        assert (bare.list(), bare.entry(RUN)) == ((Listing(RUN, None),), None)
        assert bare.newest("results", 1) == ()
        bare.put(RUN, b"one", ENTRY)
        assert bare.list() == bare.newest("results", 1) == (Listing(RUN, ENTRY),)

    def test_an_entry_of_nothing_is_not_listed(self, store: Store, subject: Subject) -> None:
        store.put(RUN, b"one", ENTRY)
        store.put(f"{DAY}/kept", b"two", ENTRY)
        empty = subject.damaged(RUN, None)
        assert (empty.list(), empty.entry(RUN)) == ((Listing(f"{DAY}/kept", ENTRY),), None)
        with pytest.raises(NotStored):
            empty.get(RUN)


def _uses(store: Store) -> Iterable[Callable[[], object]]:
    return (
        store.list,
        lambda: store.newest("results", 1),
        lambda: store.entry(RUN),
        lambda: store.put(f"{DAY}/new", b"new", ENTRY),
        lambda: store.put(RUN, b"two", ENTRY),
        lambda: store.delete(RUN),
    )


def _wins(store: Store, data: bytes, condition: Condition) -> bool:
    try:
        store.put(RUN, data, replace(ENTRY, id=data.decode().removeprefix("writer ")), condition)
    except ConditionFailed:
        return False
    return True


def _append(store: Store, number: int) -> None:
    for _ in range(200):
        held = store.read("log")
        try:
            store.put("log", held.data + f"{number} ".encode(), condition=held.etag)
        except ConditionFailed:
            continue
        return
    raise AssertionError("others were faster two hundred times")
