"""Telephone numbers as they are written in the countries that are named."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.load.record.home_phones import WINDOW, home_phones, unknown_regions
from lens_gate.load.record.personal import PersonalRules, find

SPAIN = home_phones("ES")


def found_in(text: str, region: str) -> list[str]:
    return [text[start:end] for start, end in home_phones(region)(text)]


@pytest.mark.parametrize(
    ("region", "number"),
    [
        ("ES", "612 345 678"),
        ("ES", "91 123 45 67"),
        ("PL", "601-234-567"),
        ("IT", "347 123 4567"),
        ("DK", "20 12 34 56"),
        ("IN", "98765 43210"),
        ("DE", "0171/123 45 67"),
        ("DE", "01711234567"),
        ("FR", "06.12.34.56.78"),
        ("FR", "0612345678"),
        ("BE", "0475 12 34 56"),
        ("BR", "(11) 91234-5678"),
        ("GB", "020 7946 0018"),
        ("JP", "090-1234-5678"),
    ],
)
def test_a_number_of_a_country_is_found_and_in_another_piece_of_text_too(region: str, number: str) -> None:
    for text in (number, f"Call {number}, please", f"tel:{number}.", f'{{"tel":"{number}"}}'):
        assert found_in(text, region) == [number]
    assert found_in(f"x{number}", region) == []


@pytest.mark.parametrize("region", ["ES", "DE", "DK", "FR", "IT", "PL", "US"])
@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02 10:00:00.123456, 2026-03-02T10:00:00+02:00",
        "20.03.2026 30-03-2026 20/12/26 2012/10/17",
        "612345678 1767261600 1767261600123 20123456",
        "0.612345678901 0.0612345678, 4.987030906, -0.712345",
        "612.345.678 of 712.345",
        "192.168.10.20 92.168.10.20:8080 v16.8.4",
        "[1641, 394, 585] 6, 91, 234, 567",
        "req_0612345678 123e4567-e89b-12d3-a456-426614174000 sha256:0612345678ab",
        "",
    ],
)
def test_dates_figures_and_ids_are_left_alone(text: str, region: str) -> None:
    assert found_in(text, region) == []


def test_they_count_as_phones_beside_the_usual_ones() -> None:
    text = "612 345 678 or +49 30 123456"
    rules = PersonalRules(phone_regions=("ES", "PL"))
    assert [(one.kind, text[one.start : one.end]) for one in find(text, rules)] == [
        ("phone", "612 345 678"),
        ("phone", "+49 30 123456"),
    ]
    assert [one.kind for one in find(text, PersonalRules())] == ["phone"]


@given(st.integers(WINDOW - 300, WINDOW + 300) | st.integers(2 * WINDOW - 40, 2 * WINDOW + 40))
def test_a_number_is_found_wherever_it_stands_in_a_long_text(place: int) -> None:
    text = "a " * (place // 2) + "tel. 0171 1234567 now"
    rules = PersonalRules(patterns=("email",), phone_regions=("DE",))
    assert [text[one.start : one.end] for one in find(text, rules)] == ["0171 1234567"]


@given(st.text("0123456789 -./+()"))
def test_whatever_is_found_lies_in_the_text(text: str) -> None:
    assert all(0 <= start < end <= len(text) for start, end in SPAIN(text))


def test_regions_are_those_of_the_library() -> None:
    assert unknown_regions(("DE", "UK", "GB", "XX")) == ["UK", "XX"]


@pytest.mark.parametrize("unit", ["1 ", "1 - ", "1/", "2012-01-02 08", "(0171) ", "612 345 678 "])
def test_no_text_makes_it_slow(unit: str) -> None:
    times = []
    for repeated in (1_000, 8_000):
        before = time.process_time()
        list(SPAIN(unit * repeated + "x"))
        times.append(time.process_time() - before)
    assert times[1] < 30 * times[0] + 0.1  # eight times the text: a square would be 64
