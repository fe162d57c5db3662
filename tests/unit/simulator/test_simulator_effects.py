from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.simulator.effects import Effects, Fault, FaultEffect, UnknownEffect, parse_effects, split_model
from lens_gate.simulator.settings import BASE_MODELS


def test_a_model_name_ends_where_its_effects_begin() -> None:
    assert split_model("sim-small+slower=10,no-cache") == ("sim-small", "slower=10,no-cache")
    assert split_model("a/b:c") == ("a/b:c", "")


def test_effects_are_joined_by_commas_or_plus_signs() -> None:
    expected = Effects(slower=10, no_cache=True, ttft_slower=-5)
    assert parse_effects("slower=10,no-cache,ttft-slower=-5") == expected
    assert parse_effects(" slower = 10 + no-cache", "ttft-slower=-5") == expected


def test_a_later_text_wins() -> None:
    assert parse_effects("slower=10,tail=3", "slower=20") == Effects(slower=20, tail=3)


def test_no_text_has_no_effects() -> None:
    assert parse_effects("", " , ") == Effects()


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_can_be_asked_for_always_or_for_a_share(fault: Fault) -> None:
    assert parse_effects(f"fault={fault}").fault == FaultEffect(fault=fault, percent=100)
    assert parse_effects(f"fault={fault}:12.5").fault == FaultEffect(fault=fault, percent=12.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("slowe=10", "did you mean 'slower'?"),
        ("qqq", "There are slower, ttft-slower"),
        ("slower=fast", "effect 'slower'"),
        ("slower=-100", "greater than -100"),
        ("errors=101", "less than or equal to 100"),
        ("fault=cuts", "'cuts' is no fault; there are 500, 429"),
        ("fault=cut:x", "valid number"),
        ("fault=cut:200", "less than or equal to 100"),
        ("fault", "effect 'fault'"),
    ],
)
def test_what_is_no_effect_is_refused_with_what_there_is(text: str, words: str) -> None:
    with pytest.raises(UnknownEffect) as refused:
        parse_effects(text)
    assert words in str(refused.value)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_gets_anything_but_effects_or_a_refusal(first: str, second: str) -> None:
    with contextlib.suppress(UnknownEffect):
        assert isinstance(parse_effects(first, second), Effects)


def test_the_documentation_names_every_model_effect_and_fault() -> None:
    page = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text(encoding="utf-8")
    effects = [name.replace("_", "-") for name in Effects.model_fields]
    assert [name for name in effects if not re.search(rf"\| `{name}[=`]", page)] == []
    assert [word for word in (*Fault, *BASE_MODELS) if f"| `{word}` |" not in page] == []
