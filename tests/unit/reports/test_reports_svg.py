"""Drawings: scales that keep order, round ticks, and texts that stay texts."""

from __future__ import annotations

import re
from math import hypot
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.reports.svg import (
    OUTLINES,
    Anchor,
    Scale,
    Shape,
    band,
    bar,
    below,
    beside,
    box,
    dots,
    drawing,
    grid,
    line,
    mark,
    percent,
    rings,
    rule,
    thinned,
    ticks,
    words,
)

ENDS = st.floats(1e-3, 1e6)


@given(low=ENDS, factor=st.floats(1.01, 1e6), values=st.lists(st.floats(-1e7, 1e13), min_size=2), log=st.booleans())
def test_a_scale_keeps_the_order_of_values_and_never_leaves_the_room(
    low: float, factor: float, values: list[float], log: bool
) -> None:
    scale = Scale(low, low * factor, logarithmic=log)
    shares = [scale.share(value) for value in sorted(values)]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)
    assert [scale.share(scale.low), scale.share(scale.high)] == [0, 1]


def test_the_middle_of_a_logarithmic_scale_is_the_geometric_one() -> None:
    assert Scale(1, 100, logarithmic=True).share(10) == pytest.approx(0.5)
    assert Scale(0, 100).share(10) == pytest.approx(0.1)
    assert Scale(0, 100).up(10) == pytest.approx(0.9)


@given(low=st.floats(-1e6, 1e6), size=st.floats(1e-3, 1e6), about=st.integers(2, 10))
def test_ticks_lie_on_the_axis_and_are_no_more_than_asked_for_and_two(low: float, size: float, about: int) -> None:
    scale = Scale(low, low + size)
    found = ticks(scale, about)
    assert len(found) <= about + 2
    assert all(scale.low - 1e-6 * size <= value <= scale.high + 1e-6 * size for value in found)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (Scale(-20, 35), (-20, -10, 0, 10, 20, 30)),
        (Scale(0, 1), (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (Scale(1, 2000, logarithmic=True), (1, 10, 100, 1000)),
        (Scale(300, 4000, logarithmic=True), (300, 1000, 3000)),
        (Scale(210, 1200, logarithmic=True), (300, 500, 700, 1000)),
        (Scale(410, 440, logarithmic=True), (410, 415, 420, 425, 430, 435, 440)),
    ],
)
def test_ticks_are_round(scale: Scale, expected: tuple[float, ...]) -> None:
    assert ticks(scale, 6) == pytest.approx(expected)


@given(text=st.text(), style=st.just("t"))
def test_a_text_stays_a_text_whatever_it_holds(text: str, style: str) -> None:
    shown = "".join(character for character in text if character.isprintable())
    made = drawing(
        [words(shown, (0.1, 0.5), anchor=Anchor.END, shift=(3, -4), style=style)], label=f"! {shown}", style=style
    ).text
    root = ET.fromstring(made)
    assert root.get("aria-label") == f"! {shown}"
    assert [child.tag for child in root] == ["text"]
    assert (root[0].text or "") == shown
    assert root[0].attrib == {"class": style, "x": "10%", "y": "50%", "dx": "3", "dy": "-4", "text-anchor": "end"}


def test_a_drawing_that_repeats_the_numbers_beside_it_is_hidden_from_those_who_hear_them() -> None:
    assert drawing([], label="", style="fp").text == '<svg class="fp" aria-hidden="true"></svg>'


def test_places_are_percent_and_curves_are_whole_numbers_in_their_box() -> None:
    assert percent(1 / 3) == "33.3%"
    assert percent(1) == "100%"
    assert line([(0, 1), (0.5, 0.25)], "arm1") == '<path class="arm1" d="M0 250l500-188"/>'
    assert band([(0, 0), (1, 0)], [(0, 1), (1, 1)], "band") == '<path class="band" d="M0 0l1000 0 0 250-1000 0Z"/>'
    assert dots([(0.1, 0.2), (0.3, 0.4)], "p0") == '<path class="p0" d="m100 50h0m200 50h0"/>'
    assert grid(across=[0.5], down=[0.2]) == '<path class="grid" d="M0 50h1000M500 0v250"/>'
    assert box("<path/>") == '<svg viewBox="0 0 1000 250" preserveAspectRatio="none"><path/></svg>'
    assert rule((0, 0), (0, 1), "zero") == '<line class="zero" y2="100%"/>'
    assert bar(0.2, 0.5, "bad", top=0.25, bottom=0.75) == (
        '<rect class="bad" x="20%" y="25%" width="30%" height="50%"/>'
    )
    assert mark(Shape.DIAMOND, (0.5, 0.5), "m") == '<use href="#m-diamond" class="m" x="50%" y="50%"/>'
    assert below([(0.5, "a")]) == '<g class="bx"><text x="50%" y="100%">a</text></g>'
    assert beside([(0.5, "a")]) == '<g class="by"><text y="50%">a</text></g>'


def test_hollow_dots_are_one_path_drawn_twice() -> None:
    made = rings([(0.1, 0.2), (0.3, 0.4)], "p0", "c7")
    assert made.count("m100 50h0m200 50h0") == 1
    assert re.findall(r'<use href="#c7" class="(\w+)"/>', made) == ["p0", "hole"]


def test_every_shape_has_an_outline() -> None:
    assert set(OUTLINES) == set(Shape)


def test_nothing_is_drawn_of_nothing() -> None:
    assert [line([], "a"), band([], [], "a"), dots([], "a"), rings([], "a", "b"), bar(0.5, 0.5, "a"), grid()] == [
        ""
    ] * 6


SHARE = st.floats(0, 1)


@given(st.lists(st.tuples(SHARE, SHARE), min_size=1, max_size=80))
def test_a_curve_without_what_nobody_sees_leaves_no_place(points: list[tuple[float, float]]) -> None:
    kept = thinned(points)
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    places = sorted({index for one in kept for index, point in enumerate(points) if point == one})
    assert set(kept) <= set(points)
    for index, point in enumerate(points):
        before, after = (points[max(p for p in places if p <= index)], points[min(p for p in places if p >= index)])
        (x, y), (x1, y1), (x2, y2) = ((1000 * across, 250 * down) for across, down in (point, before, after))
        along = max(hypot(x2 - x1, y2 - y1), 1e-9)
        assert abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / along <= 0.5 + 1e-6 or hypot(x - x1, y - y1) <= 0.5


def test_a_straight_curve_is_its_two_ends_and_a_corner_stays() -> None:
    straight = [(share / 100, share / 100) for share in range(101)]
    assert thinned(straight) == [straight[0], straight[-1]]
    corner = [(0.0, 0.0), (0.25, 0.0), (0.5, 0.0), (0.5, 0.5), (0.5, 1.0)]
    assert thinned(corner) == [corner[0], corner[2], corner[4]]


def test_a_curve_that_comes_back_to_where_it_began_keeps_the_place_where_it_turned() -> None:
    there_and_back = [(0.1, 0.1), (0.9, 0.1), (0.1, 0.1)]
    assert thinned(there_and_back) == there_and_back
    assert thinned([(0.1, 0.1)] * 3) == [(0.1, 0.1)] * 2
