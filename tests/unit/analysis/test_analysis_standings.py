"""Places and groups, held against their definitions."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from lens_gate.analysis.standings import Gap, alike, placed

NAMES = "abcdef"
pairs = st.frozensets(st.sampled_from(list(combinations(NAMES, 2))))


@given(apart=pairs)
def test_two_names_share_a_group_exactly_when_they_were_not_told_apart(apart: frozenset[tuple[str, str]]) -> None:
    groups = alike(NAMES, map(frozenset, apart))
    for two in combinations(NAMES, 2):
        assert any(set(two) <= group for group in groups) == (two not in apart)
    assert all(any(name in group for group in groups) for name in NAMES)


@given(apart=pairs)
def test_no_group_is_part_of_another_and_none_could_grow(apart: frozenset[tuple[str, str]]) -> None:
    groups = alike(NAMES, map(frozenset, apart))
    assert len(set(groups)) == len(groups)
    for group in groups:
        for name in set(NAMES) - group:
            assert any(frozenset((name, member)) in map(frozenset, apart) for member in group)


def test_groups_stand_in_the_order_of_their_first_members() -> None:
    assert alike("xyz", [frozenset("xz")]) == (frozenset("xy"), frozenset("yz"))
    assert alike("zyx", [frozenset("xz")]) == (frozenset("zy"), frozenset("yx"))
    assert alike("xyz", []) == (frozenset("xyz"),)


@given(
    levels=st.lists(st.integers(-20, 20), min_size=2, max_size=6),
    known=st.integers(0, 40),
)
def test_a_true_place_lies_within_its_bounds_when_every_certain_gap_is_true(levels: list[int], known: int) -> None:
    names = NAMES[: len(levels)]
    level = dict(zip(names, levels, strict=True))
    gaps = []
    for a, b in combinations(names, 2):
        less, more = (a, b) if level[a] <= level[b] else (b, a)
        size = level[more] - level[less]
        gaps.append(Gap(less=less, more=more, size=float(size), certain=size > known))
    places = placed(names, gaps)
    assert [level[place.name] for place in places] == sorted(levels)
    for place in places:
        before = sum(other < level[place.name] for other in levels)
        not_after = sum(other <= level[place.name] for other in levels)
        assert place.first <= 1 + before
        assert place.last >= not_after
        assert 1 <= place.first <= place.last <= len(names)


def test_certain_gaps_alone_decide_the_places_and_the_letters() -> None:
    gaps = [
        Gap(less="a", more="b", size=0.1, certain=False),
        Gap(less="b", more="c", size=0.2, certain=False),
        Gap(less="a", more="c", size=0.3, certain=True),
    ]
    assert [(p.name, p.first, p.last, p.groups) for p in placed("cba", gaps)] == [
        ("a", 1, 2, (1,)),
        ("b", 1, 3, (1, 2)),
        ("c", 2, 3, (2,)),
    ]


def test_a_name_without_any_gap_stands_in_the_middle_and_anywhere() -> None:
    places = {place.name: place for place in placed("abx", [Gap(less="a", more="b", size=1.0, certain=True)])}
    assert (places["x"].first, places["x"].last, places["x"].groups) == (1, 3, (1, 2))
