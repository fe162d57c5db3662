"""The store over objects, on an object store in memory that can be told what it honours, and when to fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import count
from random import Random

import pytest

from lens_gate.errors import ConditionFailed, NotStored, PublishFailed, StoreDamaged
from lens_gate.stores.base import Condition, ETag, Listing, Store
from lens_gate.stores.conditions import Retries
from lens_gate.stores.object_store import ObjectStore
from lens_gate.stores.objects import PROBE, content_type
from lens_gate.vocabulary.index import IndexEntry
from tests.fakes.objects import MemoryObjects
from tests.stores_contract import ConditionContract, IndexContract, StoreContract, Subject

ENTRY = IndexEntry(kind="run", id="one", name="support-bot", created_at="2026-03-02T10:05:01Z", schema_version=1)
OTHER = replace(ENTRY, id="two")
DAY = "results/2026/03/02/"
KEY = DAY + "commit-91d04e7.json.gz"
BASELINE = "baselines/main.json.gz"
BOTH = frozenset({"absent", "tag"})
NOTHING: frozenset[str] = frozenset()


class Killed(Exception):
    """Stands for the end of the process before a request."""


def opened(objects: MemoryObjects, attempts: int = 60) -> ObjectStore:
    return ObjectStore(objects, Retries(Random(7), lambda seconds: time.sleep(seconds / 50), attempts))


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


def subject_of(objects: MemoryObjects) -> Subject:
    def overwrite(path: str, data: bytes | None) -> None:
        if data is None:
            objects.delete(path, "none")
        else:
            objects.put(path, data, "none")

    return Subject(lambda: opened(objects), overwrite)


class TestObjectsThatHonourConditions(StoreContract, ConditionContract, IndexContract):
    @pytest.fixture
    def subject(self) -> Subject:
        return subject_of(MemoryObjects(BOTH))


class TestObjectsThatIgnoreConditions(StoreContract):
    @pytest.fixture
    def subject(self) -> Subject:
        return subject_of(MemoryObjects(NOTHING))


def test_a_store_that_ignores_conditions_is_refused_for_baselines_with_the_remedy() -> None:
    for honours in (NOTHING, frozenset({"absent"}), frozenset({"tag"})):
        objects = MemoryObjects(honours)
        store = opened(objects)
        store.put(BASELINE, b"one")
        conditions: tuple[Condition, ...] = ("absent", store.read(BASELINE).etag)
        for condition in conditions:
            with pytest.raises(PublishFailed, match="ignores conditional writes") as caught:
                store.put(BASELINE, b"two", ENTRY, condition)
            assert not isinstance(caught.value, ConditionFailed)
            assert "git:BRANCH" in str(caught.value.hint)
            with pytest.raises(PublishFailed, match="ignores conditional writes"):
                store.delete(BASELINE, condition)
        assert store.get(BASELINE) == b"one"


def test_a_probe_is_made_once_and_only_when_a_condition_matters(objects: MemoryObjects) -> None:
    store = opened(objects)
    store.put(BASELINE, b"one")
    store.list()
    store.newest("results", 5)
    store.delete(BASELINE)
    assert PROBE not in objects.held
    store.put(KEY, b"one", ENTRY)
    store.put(BASELINE, b"one", condition="absent")
    assert objects.requests.count(("put", PROBE)) == 3
    opened(objects).put(BASELINE, b"two", condition=store.read(BASELINE).etag)
    assert objects.requests.count(("put", PROBE)) == 5
    assert [one.key for one in store.list()] == [BASELINE, KEY]


@pytest.mark.parametrize("honours", [BOTH, NOTHING])
def test_fifty_writers_of_one_day_lose_no_run(honours: frozenset[str]) -> None:
    objects = MemoryObjects(honours)
    keys = [f"{DAY}commit-{number:07x}.json.gz" for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda key: opened(objects).put(key, key.encode(), replace(ENTRY, id=key)), keys))
    expected = [Listing(key, replace(ENTRY, id=key)) for key in keys]
    assert list(opened(objects).list()) == expected
    assert sorted(opened(objects).newest("results", 50), key=lambda one: one.key) == expected


def test_each_version_of_a_baseline_has_one_winner_of_sixteen(objects: MemoryObjects) -> None:
    def offer(number: int) -> int:
        store = opened(objects)
        for attempt in range(100):
            try:
                held = store.read(BASELINE)
            except NotStored:
                held = None
            version = 1 if held is None else int(held.data) + 1
            try:
                store.put(BASELINE, b"%d" % version, replace(ENTRY, id=str(version)), held.etag if held else "absent")
            except ConditionFailed:
                time.sleep(0.001 * attempt)
                continue
            return version
        raise AssertionError("never won")

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(offer, range(16))) == list(range(1, 17))
    store = opened(objects)
    assert store.list() == (Listing(BASELINE, replace(ENTRY, id="16")),)
    assert store.get(BASELINE) == b"16"


def test_a_merge_that_never_wins_says_that_the_bytes_are_stored(objects: MemoryObjects) -> None:
    pauses: list[float] = []
    numbers = count()

    def before(action: str, key: str) -> None:
        if (action, key) == ("put", DAY + "index.json"):
            objects.before = None
            opened(objects).put(f"{DAY}run-{next(numbers)}", b"x", OTHER)
            objects.before = before

    objects.before = before
    with pytest.raises(PublishFailed, match=f"{KEY} is stored, and no history shows it"):
        ObjectStore(objects, Retries(Random(3), pauses.append, attempts=8)).put(KEY, b"one", ENTRY)
    assert objects.held[KEY].data == b"one"
    assert len(set(pauses)) == 7
    assert all(0 <= pause <= 1 for pause in pauses)


def at_request(objects: MemoryObjects, step: int, act: Callable[[], object]) -> list[int]:
    """Let something happen once, before the request of that number; the list is empty until then."""
    numbers, happened = count(), list[int]()

    def before(action: str, key: str) -> None:
        if next(numbers) == step:
            objects.before = None
            happened.append(step)
            act()

    objects.before = before
    return happened


def killed() -> None:
    raise Killed


def _whole(objects: MemoryObjects, said: dict[str, IndexEntry]) -> None:
    """Every entry speaks of the bytes that it was put with; what the newest shows can be read."""
    store = opened(objects)
    shown = [*store.list(), *store.newest("results", 9), *store.newest("baselines", 9)]
    for one in shown:
        data = store.get(one.key)
        assert one.entry in {None, said[data.decode()]}


@pytest.mark.parametrize("honours", [BOTH, NOTHING])
@pytest.mark.parametrize("action", ["new", "replace", "replace-tagged", "delete", "delete-tagged", "silence"])
def test_a_kill_before_any_request_leaves_everything_whole_and_repeatable(honours: frozenset[str], action: str) -> None:
    if not honours and action.endswith("tagged"):
        pytest.skip("is refused")
    said = {"one": ENTRY, "two": OTHER}
    for step in range(40):
        objects = MemoryObjects(honours)
        if action != "new":
            opened(objects).put(KEY, b"one", ENTRY)
        act = _act(action, objects)
        happened = at_request(objects, step, killed)
        try:
            act(opened(objects))
        except Killed:
            _whole(objects, said)
            _repeat(action, opened(objects), said)
        if not happened:
            assert step > 3
            return
    raise AssertionError("never ends")


@pytest.mark.parametrize("honours", [BOTH, NOTHING])
@pytest.mark.parametrize("written", [False, True])
def test_a_write_that_fails_leaves_what_was_there_its_entry_and_no_other_bytes(
    honours: frozenset[str], written: bool
) -> None:
    objects = MemoryObjects(honours)
    store = opened(objects)
    store.put(KEY, b"one", ENTRY)

    def refused(action: str, key: str) -> None:
        if (action, key) == ("put", KEY):
            objects.before = None
            if written:  # and only the answer was lost
                objects.put(KEY, b"two", "none")
            raise PublishFailed("the endpoint does not answer")

    objects.before = refused
    with pytest.raises(PublishFailed, match="does not answer"):
        store.put(KEY, b"two", OTHER)
    assert store.list() == (Listing(KEY, None if written else ENTRY),)


def _act(action: str, objects: MemoryObjects) -> Callable[[Store], object]:
    tag = objects.held[KEY].etag if KEY in objects.held else ETag("")
    acts: dict[str, Callable[[Store], object]] = {
        "new": lambda store: store.put(KEY, b"two", OTHER),
        "replace": lambda store: store.put(KEY, b"two", OTHER),
        "replace-tagged": lambda store: store.put(KEY, b"two", OTHER, tag),
        "delete": lambda store: store.delete(KEY),
        "delete-tagged": lambda store: store.delete(KEY, tag),
        "silence": lambda store: store.put(KEY, b"two"),
    }
    return acts[action]


def _repeat(action: str, store: Store, said: dict[str, IndexEntry]) -> None:
    """A second attempt, made from what is found, ends as the first one would have."""
    if action.startswith("delete"):
        if store.list():
            store.delete(KEY)
        assert (store.list(), store.newest("results", 1)) == ((), ())
        return
    store.put(KEY, b"two", None if action == "silence" else OTHER)
    assert store.list() == (Listing(KEY, None if action == "silence" else said["two"]),)


@pytest.mark.parametrize("mine", ["put", "replace", "delete"])
@pytest.mark.parametrize("theirs", ["put", "delete"])
def test_two_writers_of_one_key_agree_whenever_the_other_comes_in(mine: str, theirs: str) -> None:
    """The other's whole write happens before each request of mine in turn: the last bytes have their own entry."""
    for step in range(40):
        objects = MemoryObjects()
        if mine != "put":
            opened(objects).put(KEY, b"zero", replace(ENTRY, id="zero"))
        happened = at_request(objects, step, lambda: _write(theirs, opened(objects), "two"))  # noqa: B023 called below
        _write(mine, opened(objects), "one")
        objects.before = None
        entries = {"one": ENTRY, "two": OTHER}
        expected = tuple(Listing(key, entries[objects.held[key].data.decode()]) for key in {KEY} & objects.held.keys())
        store = opened(objects)
        assert (store.list(), store.newest("results", 2)) == (expected, expected)
        if not happened:
            assert step > 3
            return
    raise AssertionError("never ends")


def _write(action: str, store: Store, word: str) -> None:
    if action == "delete":
        with suppress(NotStored):
            store.delete(KEY)
    else:
        store.put(KEY, word.encode(), replace(ENTRY, id=word))


def test_the_entries_of_a_store_that_is_moved_come_along() -> None:
    objects = MemoryObjects(NOTHING)
    opened(objects).put(DAY + "a", b"a", ENTRY)
    opened(objects).put(DAY + "b", b"b", ENTRY)
    objects.honours = BOTH
    opened(objects).put(DAY + "c", b"c", OTHER)
    opened(objects).put(DAY + "a", b"a", OTHER)
    assert [one.entry for one in opened(objects).list()] == [OTHER, ENTRY, OTHER]
    objects.honours = NOTHING
    opened(objects).put(DAY + "b", b"b")
    opened(objects).put(DAY + "d", b"d", ENTRY)
    opened(objects).delete(DAY + "c")
    assert DAY + "index.json" not in objects.held
    expected = (Listing(DAY + "a", OTHER), Listing(DAY + "b", None), Listing(DAY + "d", ENTRY))
    assert opened(objects).list() == expected
    assert opened(objects).list(DAY + "d") == expected[2:]


def test_an_entry_that_vanishes_while_entries_are_read_is_left_out() -> None:
    objects = MemoryObjects(NOTHING)
    for name in ("a", "b"):
        opened(objects).put(DAY + name, b"x", ENTRY)

    def before(action: str, key: str) -> None:
        if action == "get" and key.endswith("b.json"):
            objects.held.pop(key)

    objects.before = before
    assert [one.key for one in opened(objects).newest("results", 5)] == [DAY + "a"]


def test_the_newest_of_a_long_history_cost_few_requests_and_bytes() -> None:
    objects = MemoryObjects()
    store = opened(objects)
    for month in range(1, 13):
        for day in (1, 2, 9, 27, 28):
            folder = f"results/2025/{month:02d}/{day:02d}/"
            store.put(folder + "a.json.gz", b"x" * 100_000, ENTRY)
            store.put(folder + "b.json.gz", b"x" * 100_000, OTHER)
    objects.requests.clear()
    objects.bytes_read = 0
    days = [one.key.split("/")[2:] for one in store.newest("results", 3)]
    assert days == [["12", "28", "b.json.gz"], ["12", "28", "a.json.gz"], ["12", "27", "b.json.gz"]]
    assert objects.requests == [
        ("folders", "results/"),
        ("folders", "results/2025/"),
        ("folders", "results/2025/12/"),
        ("get", "results/2025/12/28/index.json"),
        ("get", "results/2025/12/27/index.json"),
    ]
    assert objects.bytes_read < 1000


def test_a_broken_index_is_told_before_anything_is_replaced(objects: MemoryObjects) -> None:
    store = opened(objects)
    store.put(KEY, b"one", ENTRY)
    objects.put(DAY + "index.json", b"{", "none")
    with pytest.raises(StoreDamaged, match=r"memory://bucket/results/2026/03/02/index\.json"):
        store.put(KEY, b"two", OTHER)
    assert store.get(KEY) == b"one"


def test_the_stores_own_and_foreign_objects_are_not_listed(objects: MemoryObjects) -> None:
    store = opened(objects)
    for key in ("results/", "a key", ".hidden/x", DAY + "index.json", DAY + "index.json.bak"):
        objects.put(key, b'{"schema_version": 1, "entries": {}}', "none")
    store.put("a", b"", condition="absent")
    assert [one.key for one in store.list()] == ["a", DAY + "index.json.bak"]
    assert store.list("a") == (Listing("a", None),)


def test_a_compressed_file_is_declared_as_one() -> None:
    names = ("a.json.gz", "a.json", "a.html", "a")
    types = ["application/gzip", "application/json", "text/html; charset=utf-8", "application/octet-stream"]
    assert [content_type(name) for name in names] == types
