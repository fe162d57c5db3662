"""Which series and prompts of two arms pair, and what is said about the rest."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.run import Uncovered
from lens_gate.load.arms.pairing import paired_prompts, paired_series, same_name, uncovered
from lens_gate.vocabulary.requests import Arm
from tests.plans import a_prompt, a_series, an_arm


def test_one_model_on_each_side_is_a_pair_whatever_they_are_called() -> None:
    (named,) = same_name([a_series("old")], [a_series("new", provider="q")])
    assert (named.series, named.model) == ("q/new", "old")


def test_several_models_pair_by_provider_and_model_then_by_model_alone() -> None:
    names = [a_series("x", provider="a"), a_series("x", provider="b"), a_series("y", provider="a")]
    own = [a_series("x", provider="c"), a_series("x", provider="b"), a_series("z", provider="a")]
    assert [one.series for one in same_name(own, names)] == ["a/x", "b/x", "a/z"]


@given(
    own=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), min_size=1, max_size=6, unique=True),
    other=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), min_size=1, max_size=6, unique=True),
)
def test_each_name_is_given_once(own: list[tuple[str, str]], other: list[tuple[str, str]]) -> None:
    plans, names = ([a_series(model, provider=provider) for provider, model in side] for side in (own, other))
    given_names = [one.series for one in same_name(plans, names)]
    assert len(set(given_names)) == len(plans)
    assert [one.model for one in same_name(plans, names)] == [one.model for one in plans]


def test_series_pair_in_the_candidates_order() -> None:
    candidate = an_arm(series=(a_series("x"), a_series("y"), a_series("z")))
    base = an_arm(Arm.BASE, series=(a_series("z"), replace(a_series("w"), series="p/x")))
    pairs = paired_series(candidate, base)
    assert [(pair.candidate.model, pair.base.model) for pair in pairs] == [("x", "w"), ("z", "z")]


def test_prompts_pair_by_id_and_draw_from_the_values_that_both_arms_have() -> None:
    new = a_prompt("{{a}} {{new}}", variables={"a": ("1", "2", "2", "3"), "new": ("n",)})
    old = a_prompt("{{a}} {{old}}", variables={"a": ("3", "2", "4"), "old": ("o",)})
    (pair,) = paired_prompts(an_arm(prompts=(new, a_prompt(id="x"))), an_arm(Arm.BASE, prompts=(old,)))
    assert (pair.candidate, pair.base) == (new, old)
    assert pair.drawn.variables == {"a": ("2", "2", "3"), "new": ("n",), "old": ("o",)}


def test_prompts_without_a_common_value_do_not_pair() -> None:
    new, old = (a_prompt("{{a}}", variables={"a": (value,)}) for value in "12")
    assert paired_prompts(an_arm(prompts=(new,)), an_arm(Arm.BASE, prompts=(old,))) == ()


def test_equal_generators_pair_and_different_ones_do_not() -> None:
    def arm(words: int) -> tuple[object, ...]:
        prompt = a_prompt("{{a}}", variables={"a": ()}, generators={"a": ("lorem", words)})
        other = a_prompt("{{a}}", variables={"a": ()}, generators={"a": ("lorem", 5)})
        return paired_prompts(an_arm(prompts=(prompt,)), an_arm(Arm.BASE, prompts=(other,)))

    assert len(arm(5)) == 1
    assert arm(6) == ()


def test_a_generator_does_not_pair_with_a_list() -> None:
    generated = a_prompt("{{a}}", variables={"a": ()}, generators={"a": ("number", 50)})
    listed = a_prompt("{{a}}", variables={"a": ("1",)})
    assert paired_prompts(an_arm(prompts=(generated,)), an_arm(Arm.BASE, prompts=(listed,))) == ()
    assert paired_prompts(an_arm(prompts=(listed,)), an_arm(Arm.BASE, prompts=(generated,))) == ()


def test_all_that_stands_in_one_arm_only_is_listed() -> None:
    candidate = an_arm(
        series=(a_series("x"), a_series("y")),
        prompts=(a_prompt("{{a}}", variables={"a": ("1", "2", "3")}), a_prompt(id="new")),
    )
    base = an_arm(
        Arm.BASE,
        series=(a_series("x"), a_series("z")),
        prompts=(a_prompt("{{a}}{{b}}", variables={"a": ("1", "4"), "b": ("5",)}), a_prompt(id="old")),
    )
    assert uncovered(candidate, base) == (
        Uncovered(prompt_id="*", arm=Arm.CANDIDATE, series="p/y"),
        Uncovered(prompt_id="hello[a: 2 values]", arm=Arm.CANDIDATE),
        Uncovered(prompt_id="new", arm=Arm.CANDIDATE),
        Uncovered(prompt_id="*", arm=Arm.BASE, series="p/z"),
        Uncovered(prompt_id="hello[a: 1 values]", arm=Arm.BASE),
        Uncovered(prompt_id="old", arm=Arm.BASE),
    )


def test_equal_arms_leave_nothing_uncovered() -> None:
    assert uncovered(an_arm(), an_arm(Arm.BASE)) == ()
