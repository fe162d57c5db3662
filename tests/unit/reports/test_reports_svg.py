"""Drawings: scales that keep order, round ticks, and texts that stay texts."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.reports.svg import (
    Anchor,
    Scale,
    Shape,
    band,
    bar,
    box,
    dots,
    drawing,
    line,
    mark,
    percent,
    rule,
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
    made = drawing([words(shown, (0.1, 0.5), anchor=Anchor.END, shift=(3, -4))], label=shown, style=style).text
    root = ET.fromstring(made)
    assert root.get("aria-label") == shown
    assert [child.tag for child in root] == ["text"]
    assert (root[0].text or "") == shown
    assert root[0].attrib == {"class": style, "x": "10%", "y": "50%", "dx": "3", "dy": "-4", "text-anchor": "end"}


def test_places_are_percent_and_curves_are_whole_numbers_in_their_box() -> None:
    assert percent(1 / 3) == "33.33%"
    assert percent(1) == "100%"
    assert line([(0, 1), (0.5, 0.25)], "arm1") == (
        '<path class="arm1" vector-effect="non-scaling-stroke" d="M0 1000L500 250"/>'
    )
    assert band([(0, 0), (1, 0)], [(0, 1), (1, 1)], "band") == '<path class="band" d="M0 0L1000 0L1000 1000L0 1000Z"/>'
    assert dots([(0.1, 0.2), (0.3, 0.4)], "p0").endswith('d="M100 200h0M300 400h0"/>')
    assert box("<path/>") == '<svg viewBox="0 0 1000 1000" preserveAspectRatio="none"><path/></svg>'
    assert rule((0, 0), (0, 1), "zero") == '<line class="zero" x1="0%" x2="0%" y1="0%" y2="100%"/>'
    assert bar(0.2, 0.5, "bad", top=0.25, bottom=0.75) == (
        '<rect class="bad" x="20%" y="25%" width="30%" height="50%"/>'
    )
    assert mark(Shape.DIAMOND, (0.5, 0.5), "m").startswith('<svg x="50%" y="50%" overflow="visible"><path class="m"')


def test_nothing_is_drawn_of_nothing() -> None:
    assert [line([], "a"), band([], [], "a"), dots([], "a"), bar(0.5, 0.5, "a")] == [""] * 4
