from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from lens_gate.config.types import Bytes, Seconds, origin_of, parse_duration, parse_frequency, parse_size

DURATION = TypeAdapter[float](Seconds)
SIZE = TypeAdapter[int](Bytes)


@given(st.integers(0, 10**6), st.sampled_from([("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400), ("", 1)]))
def test_a_duration_is_its_number_times_its_unit(number: int, unit: tuple[str, float]) -> None:
    word, seconds = unit
    assert DURATION.validate_python(f" {number}{word} ") == pytest.approx(number * seconds)
    assert DURATION.validate_python(f"{number}.5 {word}") == pytest.approx((number + 0.5) * seconds)


@given(st.integers(0, 10**6), st.sampled_from([("B", 1), ("KB", 1000), ("mb", 10**6), ("GiB", 2**30), ("", 1)]))
def test_a_size_is_its_number_times_its_unit(number: int, unit: tuple[str, int]) -> None:
    word, factor = unit
    assert SIZE.validate_python(f"{number}{word}") == number * factor


@given(st.floats(0, 1e9))
def test_bare_numbers_are_seconds(number: float) -> None:
    assert DURATION.validate_python(number) == number


@pytest.mark.parametrize("text", ["", "s", "-1s", "5 parsecs", "1m30s", "1e3s", "٣s", "9" * 400, "1_0s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="is not a duration"):
        DURATION.validate_python(text)


@pytest.mark.parametrize("text", ["", "MB", "-1B", "5 iB", "5TB", "9" * 400])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="is not a size"):
        SIZE.validate_python(text)


@given(st.text())
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    for parse in (parse_duration, parse_size):
        assert outcome(parse, text)


def outcome(parse: Callable[[object], object], text: str) -> bool:
    try:
        return isinstance(parse(text), int | float)
    except ValueError as error:
        return "write it like" in str(error)


def test_other_types_are_left_to_the_schema() -> None:
    assert parse_duration(None) is None
    assert parse_size(3) == 3


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://API.openai.com/v1", "https://api.openai.com:443"),
        ("http://a", "http://a:80"),
        ("https://a:8443?x=1", "https://a:8443"),
        ("http://[::1]:8080/x", "http://[::1]:8080"),
        ("http://127.0.0.1:{port}/v1", "http://127.0.0.1:{port}"),
        ("https://api.openai.com./v1", "https://api.openai.com.:443"),
        ("https://evil.example?@api.openai.com", "https://evil.example:443"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com@evil.example/v1",
        "https://user:pass@api.openai.com",
        "https://api.openai.com:443@evil.example",
        "https://evil.example\\@api.openai.com",
        "https://evil.example#@api.openai.com",
        "https://api.openai.com\t.evil.example",
        "https://api.openai.com/a b",
        "https://api.openai.com\n",
        " https://api.openai.com",
        "https://аpi.openai.com",
        "https://api。openai.com",
        "https:///v1",
        "https:api.openai.com",
        "//api.openai.com",
        "file:///etc/passwd",
        "https://a:999999",
        "https://a:{host}",
        "api.openai.com",
        "",
    ],
)
def test_an_address_that_parsers_could_read_differently_has_no_origin(url: str) -> None:
    assert origin_of(url) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("always", 0), ("Daily", 86400), (" weekly ", 7 * 86400), ("monthly", 30 * 86400), ("3d", 3 * 86400), ("90", 90)],
)
def test_frequencies_are_words_or_durations(text: str, seconds: float) -> None:
    assert parse_frequency(text) == seconds


def test_a_frequency_that_is_none_says_what_is_understood() -> None:
    with pytest.raises(ValueError, match="'fortnightly' is no frequency; write always"):
        parse_frequency("fortnightly")
