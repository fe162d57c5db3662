"""In what two runs differ: one sentence for each difference, and none where something is unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.baselines.comparable import Subject, differences, schema_difference
from lens_gate.vocabulary.stored_runs import Aspect
from tests.unit.baselines.baseline_entries import a_row, a_series, an_entry

SERIES = "openai/gpt-small"


def a_subject(**changes: Any) -> Subject:
    return replace(Subject.of(an_entry(), a_row()), **changes)


def test_a_subject_holds_what_a_store_keeps_of_a_run() -> None:
    assert a_subject() == Subject(
        series=frozenset({SERIES}),
        returned={SERIES: ("gpt-small-0301",)},
        cached={SERIES: 20.0},
        endpoints=frozenset({"https://api.example.com"}),
        region="eu",
        platform="Linux x86_64, 4 CPUs",
        sent="the usual requests",
        config_hash="c0ffee",
    )


def test_what_a_run_does_not_say_is_unknown() -> None:
    row = a_row(endpoints=(), platform="", series=(a_series(returned=(), counted_by_server=False),))
    found = Subject.of(an_entry(), row)
    assert (found.endpoints, found.platform, found.returned, found.cached) == (None, None, {}, {})


@pytest.mark.parametrize(
    ("changes", "aspect", "sentence"),
    [
        (
            {"series": frozenset({"openai/gpt-large"})},
            Aspect.MODEL,
            "It measured openai/gpt-small, and this run openai/gpt-large.",
        ),
        ({"series": frozenset()}, Aspect.MODEL, "It measured openai/gpt-small, and this run nothing."),
        (
            {"returned": {SERIES: ("gpt-small-0401",)}},
            Aspect.RETURNED_MODEL,
            "openai/gpt-small was answered by gpt-small-0301 then, and by gpt-small-0401 now.",
        ),
        (
            {"endpoints": frozenset({"https://eu.example.com"})},
            Aspect.ENDPOINT,
            "It asked https://api.example.com, and this run https://eu.example.com.",
        ),
        ({"region": "us"}, Aspect.REGION, "It was measured from the region eu, and this run from us."),
        (
            {"platform": "Darwin arm64, 8 CPUs"},
            Aspect.RUNNER,
            "It was measured on Linux x86_64, 4 CPUs, and this run on Darwin arm64, 8 CPUs.",
        ),
        (
            {"sent": "more"},
            Aspect.PROMPTS,
            "It sent other requests: prompts, parameters, models or address differ.",
        ),
        ({"config_hash": "decaf"}, Aspect.CONFIG, "It was made with another configuration."),
        (
            {"cached": {SERIES: 60.0}},
            Aspect.CACHE,
            "The server read 20 % of the input of openai/gpt-small from its cache then, and 60 % now.",
        ),
    ],
)
def test_each_difference_is_a_sentence_of_its_own(changes: dict[str, Any], aspect: Aspect, sentence: str) -> None:
    (found,) = differences(a_subject(), a_subject(**changes))
    assert (found.aspect, found.sentence) == (aspect, sentence)


UNKNOWN: dict[str, Any] = {
    "returned": {},
    "cached": {},
    "endpoints": None,
    "region": None,
    "platform": None,
    "sent": None,
    "config_hash": None,
}


@given(st.sets(st.sampled_from(sorted(UNKNOWN))), st.booleans())
def test_what_is_unknown_of_either_run_is_no_difference(
    fields: set[str],
    then: bool,
) -> None:
    less = a_subject(**{name: UNKNOWN[name] for name in fields})
    sides = (less, a_subject()) if then else (a_subject(), less)
    assert differences(*sides) == ()


def test_a_model_that_answers_under_one_of_its_names_is_the_same_one() -> None:
    now = a_subject(returned={SERIES: ("gpt-small-0301", "gpt-small")})
    assert differences(a_subject(), now) == ()


def test_a_small_change_of_the_cached_share_is_none() -> None:
    assert differences(a_subject(), a_subject(cached={SERIES: 29.0})) == ()


def test_a_newer_format_is_a_difference_and_an_older_one_is_not() -> None:
    assert schema_difference(an_entry(schema_version=1), 1) is None
    found = schema_difference(an_entry(schema_version=2), 1)
    assert found is not None
    assert found.sentence == "It was written in version 2 of the format, and this lens-gate reads up to 1."
