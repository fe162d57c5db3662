"""A log as a schedule: its instants, its lengths and prompts, both arms, and the part that is played."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, repeat
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.artifacts.samples import Samples
from lens_gate.artifacts.traffic.call import BLOCK_TOKENS, Call
from lens_gate.config.workload import Replay
from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.plan import ArmPlan, PlannedRequest, SeriesPlan
from lens_gate.load.schedule.arrivals import Arrival
from lens_gate.load.schedule.lengths import Asked, asked_and_counted
from lens_gate.load.schedule.replay import Log, narrowed, paced, replayed, sends_per_call, surveyed, with_log, within
from lens_gate.load.schedule.settings import ScheduleSettings
from lens_gate.load.schedule.synthetic import WORDS, prompt_of
from lens_gate.vocabulary.logs import LogFormat
from lens_gate.vocabulary.requests import Arm, Phase, Status, TokenSource
from tests.builders import a_sample
from tests.plans import a_series, an_arm

PACE = ScheduleSettings(arrival=Arrival.REPLAY, rate=None, concurrency=None, duration_s=None, requests=None)


def a_call(at_s: float = 0.0, **changes: Any) -> Call:
    fields = {"place": f"log:{at_s:g}", "at_ns": round(at_s * 1e9) + 10**18, "input_tokens": 20, "output_tokens": 5}
    return Call(**{**fields, **changes})


def some_calls(number: int = 10, every_s: float = 1.0) -> list[Call]:
    return [a_call(index * every_s, place=f"log:{index + 1}") for index in range(number)]


def how(**changes: Any) -> Replay:
    return Replay.model_validate({"source": "log", **changes})


def a_log(calls: Sequence[Call], asked: Replay | None = None, series: Sequence[SeriesPlan] | None = None) -> Log:
    asked = asked or how()
    survey = surveyed(calls, asked, series or an_arm().series)
    return Log(source="log", form=LogFormat.LOG, how=asked, reopen=lambda: iter(calls), survey=survey)


def played(
    log: Log,
    candidate: ArmPlan | None = None,
    base: ArmPlan | None = None,
    pace: ScheduleSettings = PACE,
    *,
    seed: int = 1,
) -> list[PlannedRequest]:
    candidate = candidate or an_arm()
    return list(replayed(candidate, base, pace, log, np.random.default_rng(seed), Asked()))


def text(planned: PlannedRequest) -> str:
    return str(planned.request.messages[-1].content)


@settings(max_examples=50, deadline=None)
@given(gaps=st.lists(st.integers(0, 10**10), min_size=1, max_size=20), scale=st.floats(0.1, 1000))
def test_each_request_is_due_at_its_own_time_divided_by_the_scale(gaps: list[int], scale: float) -> None:
    times = np.cumsum(gaps).tolist()
    calls = [a_call(place=f"log:{number}", at_ns=time) for number, time in enumerate(times)]
    found = played(a_log(calls, how(time_scale=scale)))
    assert [one.offset_ns for one in found] == [round((time - times[0]) / scale) for time in times]
    assert [one.index for one in found] == list(range(len(times)))
    assert [one.draw for one in found] == [str(number) for number in range(len(times))]


def test_both_arms_are_sent_each_request_at_one_instant_as_a_pair_in_random_order() -> None:
    base = an_arm(Arm.BASE, series=(replace(a_series("old"), series="p/m"),))
    found = played(a_log(some_calls(200)), an_arm(), base)
    for first, second in zip(found[::2], found[1::2], strict=True):
        assert (first.pair, first.slot, second.pair, second.slot) == (first.index // 2, 0, first.index // 2, 1)
        assert first.offset_ns == second.offset_ns
        assert {first.arm, second.arm} == {Arm.CANDIDATE, Arm.BASE}
        assert {first.request.model, second.request.model} == {"m", "old"}
        assert (first.request.messages, first.draw) == (second.request.messages, second.draw)
    assert 60 < Counter(one.arm for one in found if one.slot == 0)[Arm.BASE] < 140


def test_every_model_is_sent_the_whole_log() -> None:
    series = (a_series("a"), a_series("b"))
    found = played(a_log(some_calls(20)), an_arm(series=series))
    assert Counter(one.series.model for one in found) == {"a": 20, "b": 20}
    assert {(one.pair, one.slot) for one in found} == {(None, None)}


def test_models_that_are_compared_share_a_block() -> None:
    series = (a_series("a"), a_series("b"), a_series("c"))
    arm = replace(an_arm(series=series), asked={one.series: () for one in series})
    assert sends_per_call(arm, None, PACE, how()) == 3
    found = played(a_log(some_calls(20)), arm)
    for start in range(0, 60, 3):
        assert {one.series.model for one in found[start : start + 3]} == {"a", "b", "c"}
        assert [(one.pair, one.slot) for one in found[start : start + 3]] == [(start // 3, slot) for slot in range(3)]


def test_a_control_takes_its_share_by_chance_and_makes_no_pairs() -> None:
    pace = replace(PACE, control_share=0.25)
    found = played(a_log(some_calls(400)), an_arm(), an_arm(Arm.BASE), pace)
    assert len(found) == 400
    assert 60 < Counter(one.arm for one in found)[Arm.BASE] < 140
    assert {one.pair for one in found} == {None}
    assert sends_per_call(an_arm(), an_arm(Arm.BASE), pace, how()) == 1


def test_a_request_goes_to_the_model_that_answered_it_then_where_that_is_asked_for() -> None:
    series = (a_series("a"), a_series("b"), a_series("b", provider="q"))
    calls = [
        a_call(0, model="b", provider="q"),
        a_call(1, model="a"),
        a_call(2, model="c"),
        a_call(3, model="b"),
    ]
    log = a_log(calls, how(route="log"), series)
    assert (log.survey.requests, log.survey.unrouted) == (3, 1)
    assert a_log(calls[:2], how(route="log"), series).survey.series == {"q/b", "p/a"}
    assert [one.series.series for one in played(log, an_arm(series=series))] == ["q/b", "p/a", "p/b"]
    assert sends_per_call(an_arm(series=series), None, PACE, log.how) == 1
    assert sends_per_call(an_arm(series=series), an_arm(Arm.BASE, series=series), PACE, how()) == 6


def test_what_has_neither_prompt_nor_answer_is_left_out_and_counted() -> None:
    calls = [
        *some_calls(3),
        a_call(4, output_tokens=0),
        a_call(5, input_tokens=None),
        a_call(6, messages=(("user", "x"),)),
    ]
    log = a_log(calls)
    assert (log.survey.requests, log.survey.unanswered, log.survey.prompts) == (4, 2, 1)
    assert len(played(log)) == 4


WINDOWS = [
    ({}, range(10)),
    ({"from": "3s"}, range(3, 10)),
    ({"from": 3, "to": 5}, range(3, 5)),
    ({"limit": 4}, range(4)),
    ({"from": 8, "limit": 4}, range(8, 10)),
]


@pytest.mark.parametrize(("window", "expected"), WINDOWS)
def test_a_window_is_played_from_its_own_beginning(window: dict[str, Any], expected: range) -> None:
    found = list(within(some_calls(), how(**window)))
    assert [due.number for due in found] == list(expected)
    assert [due.offset_ns for due in found] == [(number - expected[0]) * 10**9 for number in expected]


@pytest.mark.parametrize(
    ("pace", "window"),
    [
        ({"duration_s": 2.0}, (None, 23.0)),
        ({"requests": 9}, (4, None)),
        ({"requests": 100, "duration_s": 50.0}, (50, 60.0)),
    ],
)
def test_duration_and_requests_of_the_run_bound_the_window(pace: dict[str, Any], window: tuple[Any, Any]) -> None:
    start = how(time_scale=10, **{"from": 3}, **({"to": 60} if len(pace) == 2 else {}))
    found = narrowed(start, replace(PACE, **pace), 2)
    assert (found.limit, found.end) == window


def test_the_pace_is_known_before_anything_is_sent() -> None:
    log = a_log(some_calls(101, every_s=0.5), how(time_scale=10))
    found = paced(replace(PACE, warmup_s=1.0), log, 2)
    assert found.requests == 202
    assert found.duration_s == pytest.approx(5.001)
    assert found.rate == pytest.approx(202 / 5.001)
    phases = [one.phase for one in played(log, an_arm(), None, found)]
    assert (phases.count(Phase.WARMUP), phases.count(Phase.MEASURE), phases[-1]) == (20, 81, Phase.MEASURE)
    assert paced(PACE, a_log(some_calls(2, every_s=0.1)), 1).rate is None
    with pytest.raises(ConfigProblem, match="to measure"):
        paced(replace(PACE, warmup_s=9.0), log, 2)


def test_a_log_of_a_million_requests_is_played_without_being_held() -> None:
    taken = 0

    def reopen() -> Iterator[Call]:
        nonlocal taken
        for call in repeat(a_call(), 1_000_000):
            taken += 1
            yield call

    log = replace(a_log(some_calls(1)), reopen=reopen)
    planned = replayed(an_arm(), None, PACE, log, np.random.default_rng(1), Asked())
    assert len(list(islice(planned, 5))) == 5
    assert taken < 10


# What is asked


@settings(max_examples=100, deadline=None)
@given(number=st.integers(0, 10**8), tokens=st.integers(1, 20_000))
def test_a_prompt_has_as_many_words_as_tokens_are_asked_for(number: int, tokens: int) -> None:
    words = prompt_of(number, tokens).split(" ")
    assert len(words) == tokens
    assert set(words) <= set(WORDS)


def test_prompts_share_nothing_unless_their_blocks_say_so() -> None:
    beginnings = {" ".join(prompt_of(number, 300).split()[:5]) for number in range(5000)}
    assert len(beginnings) == 5000
    one, other = prompt_of(1, 1300, (7, 8, 9)).split(), prompt_of(2, 1400, (7, 8, 4)).split()
    assert one[: 2 * BLOCK_TOKENS] == other[: 2 * BLOCK_TOKENS]
    assert one[2 * BLOCK_TOKENS : 2 * BLOCK_TOKENS + 5] != other[2 * BLOCK_TOKENS : 2 * BLOCK_TOKENS + 5]
    assert [len(one), len(other)] == [1300, 1400]
    assert prompt_of(1, 600, (7, 8)) == prompt_of(2, 600, (7, 8))
    assert prompt_of(1, 600, (7,)) != prompt_of(2, 600, (7,))


def test_words_are_each_three_letters_so_that_four_characters_are_a_token() -> None:
    assert len(set(WORDS)) == len(WORDS)
    assert {len(word) for word in WORDS} == {3}


def test_an_empty_context_is_asked_with_one_word() -> None:
    assert prompt_of(3, 0) in WORDS


def test_the_length_of_the_log_is_asked_whatever_limit_is_configured() -> None:
    (one,) = played(a_log([a_call(output_tokens=77)]))
    assert one.request.max_tokens == 77
    assert len(text(one).split()) == 20


@pytest.mark.parametrize(("exact", "params"), [("ignore_eos", {"ignore_eos": True}), ("min_tokens", {"min_tokens": 5})])
def test_servers_that_know_a_parameter_for_it_are_told_to_answer_in_full(exact: str, params: dict[str, Any]) -> None:
    (one,) = played(a_log([a_call()], how(exact_output=exact)))
    assert one.request.params == params


def test_a_real_prompt_is_sent_as_it_was_and_the_configuration_wins_over_the_log() -> None:
    turns = (("user", "What is {{this}}?"), ("assistant", "A test."), ("user", [{"type": "text", "text": "Why?"}]))
    call = a_call(messages=turns, system="Old.", params={"top_p": 0.5, "seed": 1}, max_tokens=9, temperature=0.3)
    bare = replace(a_series(max_tokens=None))
    set_ = replace(a_series(max_tokens=50), system="New.", temperature=0.0, params={"seed": 2})
    (theirs,) = played(a_log([call]), an_arm(series=(bare,)))
    (ours,) = played(a_log([call]), an_arm(series=(set_,)))
    assert tuple((turn.role, turn.content) for turn in theirs.request.messages) == turns
    assert (theirs.request.system, theirs.request.max_tokens, theirs.request.temperature) == ("Old.", 9, 0.3)
    assert (ours.request.system, ours.request.max_tokens, ours.request.temperature) == ("New.", 50, 0.0)
    assert [one.request.params for one in (theirs, ours)] == [{"top_p": 0.5, "seed": 1}, {"top_p": 0.5, "seed": 2}]


# What is the same


def digest(change: Callable[[Call], Call] = lambda call: call, **window: Any) -> str:
    return a_log([change(call) for call in some_calls()], how(**window)).survey.digest


def test_the_digest_is_that_of_what_would_be_sent() -> None:
    assert digest() == digest(lambda call: replace(call, place="elsewhere:1", at_ns=call.at_ns + 5))
    others = [
        digest(lambda call: replace(call, output_tokens=6)),
        digest(lambda call: replace(call, blocks=(1,))),
        digest(lambda call: replace(call, messages=(("user", "x"),))),
        digest(limit=9),
    ]
    assert len({digest(), *others}) == 5


def test_an_arm_with_another_log_is_another_arm() -> None:
    one, other = (with_log(an_arm(), a_log(some_calls(number))) for number in (3, 4))
    assert one.requests_hash != other.requests_hash
    assert one.requests_hash == with_log(an_arm(), a_log(some_calls(3))).requests_hash


# Asked for and counted


def test_lengths_are_compared_where_they_were_asked_for_and_the_server_counted() -> None:
    asked = Asked()
    for call in (a_call(), a_call(), a_call(messages=(("user", "x"),)), a_call()):
        asked.note(call)
    server = {"token_source": TokenSource.SERVER, "status": Status.OK}
    samples = Samples.of(
        [
            a_sample(index=3, input_tokens=26, output_tokens=5, **server),
            a_sample(index=0, input_tokens=20, output_tokens=4, **server),
            a_sample(index=2, input_tokens=99, output_tokens=99, **server),
            a_sample(index=1, input_tokens=99, output_tokens=99, **{**server, "token_source": TokenSource.CHUNKS}),
        ]
    )
    inputs, outputs = asked_and_counted(samples, asked)
    assert inputs is not None
    assert outputs is not None
    assert (inputs.requests, inputs.asked, inputs.counted, inputs.equal) == (2, 40, 46, 1)
    assert (outputs.requests, outputs.asked, outputs.counted, outputs.equal) == (2, 10, 9, 1)
    assert asked_and_counted(samples.where(slice(2, 4)), asked) == (None, None)
