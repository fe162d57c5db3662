"""Imported requests on one clock, and which of them are pairs: never those of two runs one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.analysis.imported import Merged, alone, arm_of_merged, both, merged
from lens_gate.analysis.interleaved import Apart, duet_in
from lens_gate.analysis.summarize import summarize
from lens_gate.artifacts.foreign.recording import Recorded, Recording, a_plan
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.errors import ArtifactProblem
from lens_gate.stats import sketch
from lens_gate.vocabulary.requests import Arm
from tests.builders import MS, SERIES, a_pair, a_sample

START = datetime(2026, 3, 2, 10, tzinfo=UTC)


def a_recording(*samples: Sample, source: str = "a.json", **changes: Any) -> Recording:
    values: dict[str, Any] = {
        "source": source, "tool": "guidellm 0.8.1", "requests": tuple(Recorded(sample=one) for one in samples),
        "plan": a_plan(requests=len(samples)), "started": START,
    }  # fmt: skip
    return Recording(**{**values, **changes})


def at(due_ms: float, **changes: Any) -> Sample:
    return replace(a_sample(), intended_ns=round(due_ms * MS), **changes)


# merging


def test_files_of_different_starts_come_onto_one_clock_in_the_order_of_being_due() -> None:
    later = a_recording(at(0, series="p/b"), source="b.json", started=START + timedelta(milliseconds=50))
    found = merged([later, a_recording(at(0), at(100))])
    assert found.started == START
    assert (found.samples.numbers["intended_ns"] / MS).tolist() == [0, 50, 100]
    assert found.samples.numbers["index"].tolist() == [0, 1, 2]
    assert found.samples.texts["series"].strings() == [SERIES, "p/b", SERIES]
    moved = found.samples.numbers["end_ns"] - found.samples.numbers["intended_ns"]
    assert moved[1] == at(0).end_ns


@pytest.mark.parametrize("changes", [{"started": None}, {"timed": False}])
def test_files_without_a_time_of_day_all_begin_at_0(changes: dict[str, Any]) -> None:
    late = START + timedelta(hours=1)
    found = merged([
        a_recording(at(0), **changes), a_recording(at(0, series="p/b"), source="b", **{"started": late, **changes})
    ])  # fmt: skip
    assert found.samples.numbers["intended_ns"].tolist() == [0, 0]
    assert found.started == changes.get("started", START)


def test_two_files_of_one_series_are_two_measurements() -> None:
    with pytest.raises(ArtifactProblem, match="another of the files holds openai/gpt-small"):
        merged([a_recording(at(0)), a_recording(at(0), source="b.json")])


def test_files_that_lie_months_apart_are_no_run() -> None:
    with pytest.raises(ArtifactProblem, match="fifty days"):
        merged([a_recording(at(0)), a_recording(at(0, series="p/b"), started=START + timedelta(days=60))])


def test_gaps_become_a_sketch_and_an_exact_largest() -> None:
    gaps = (0, 10 * MS, 40 * MS)
    one = Recorded(sample=a_sample(gap_sketch=None, largest_gap_ns=None), gaps_ns=gaps)
    samples = merged([a_recording(requests=(one,))]).samples
    assert samples.texts["gap_sketch"].strings() == [sketch.encode(gaps)]
    assert (samples.numbers["largest_gap_ns"].tolist(), samples.numbers["zero_gaps"].tolist()) == ([40 * MS], [1])


def test_requests_without_a_known_send_have_no_rates() -> None:
    untimed = merged([a_recording(*(at(0, sent_ns=None) for _ in range(3)), timed=False)]).samples
    (provider,) = summarize(untimed, anchor_time=START, percentiles=(), resolution_s=0)
    assert provider.models[0].throughput.requests_per_second is None
    assert provider.models[0].latency.total.count == 3


# pairs


def arms(samples: Sequence[Sample]) -> Merged:
    return merged([a_recording(*samples)])


def interleaved(pairs: int = 40, *, first: Callable[[int], Arm] | None = None, seed: int = 1) -> list[Sample]:
    """Pairs of neighbours, in random order inside each pair unless `first` says it."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(pairs):
        leads = first(number) if first else rng.choice([Arm.BASE, Arm.CANDIDATE])
        for sample in a_pair(number):
            slot = 0 if sample.arm == leads else 1
            found.append(
                replace(sample, slot=slot, intended_ns=(2 * number + slot) * 50 * MS, prompt_hash=f"p{number}")
            )
    return found


def reason(found: Merged | Apart) -> str:
    assert isinstance(found, Apart)
    return found.reason


def test_neighbours_in_random_order_are_a_duet() -> None:
    found = duet_in(arms(interleaved()))
    assert isinstance(found, Merged)
    assert found.started == START


def test_a_duet_keeps_the_pairs_that_the_file_names() -> None:
    samples = interleaved()
    found = duet_in(arms(samples))
    assert isinstance(found, Merged)
    in_order = sorted(samples, key=lambda sample: sample.intended_ns)
    assert found.samples.numbers["pair"].tolist() == [sample.pair for sample in in_order]


def test_slots_decide_where_both_requests_were_due_at_the_same_time() -> None:
    together = [replace(one, intended_ns=one.pair or 0) for one in interleaved()]
    assert isinstance(duet_in(arms(together)), Merged)
    unknown = [replace(one, slot=None) for one in together]
    assert "nothing says which request of a pair was sent first" in reason(duet_in(arms(unknown)))


@settings(max_examples=40, deadline=None)
@given(pairs=st.integers(2, 200), seed=st.integers(0, 10**6), gap_s=st.integers(0, 10**6))
def test_two_runs_one_after_the_other_are_never_pairs(pairs: int, seed: int, gap_s: int) -> None:
    samples = interleaved(pairs, seed=seed)
    base = [one for one in samples if one.arm is Arm.BASE]
    after = max(one.intended_ns for one in base) + 1 + gap_s * 10**9
    later = [replace(one, intended_ns=one.intended_ns + after) for one in samples if one.arm is Arm.CANDIDATE]
    assert isinstance(duet_in(arms([*base, *later])), Apart)
    assert isinstance(duet_in(arms([replace(one, pair=None) for one in (*base, *later)])), Apart)


@settings(max_examples=40, deadline=None)
@given(pairs=st.integers(1, 200), leads=st.sampled_from(Arm))
def test_a_fixed_order_inside_the_pairs_is_no_duet(pairs: int, leads: Arm) -> None:
    fixed = interleaved(pairs, first=lambda _: leads)
    assert f"the {leads.value} was always sent first" in reason(duet_in(arms(fixed)))


def test_an_order_that_leans_too_far_to_one_side_is_no_duet_and_one_that_leans_as_chance_does_is() -> None:
    lean = interleaved(60, first=lambda number: Arm.BASE if number % 6 else Arm.CANDIDATE)
    assert "too often for a random order" in reason(duet_in(arms(lean)))
    chance = interleaved(60, first=lambda number: Arm.BASE if number % 3 else Arm.CANDIDATE)
    assert isinstance(duet_in(arms(chance)), Merged)


def test_pairs_of_which_a_few_were_not_neighbours_are_still_a_duet() -> None:
    samples = interleaved(40)
    moved = [replace(one, intended_ns=one.intended_ns + 500 * MS) if one.pair == 7 else one for one in samples]
    assert isinstance(duet_in(arms(moved)), Merged)


def test_pair_numbers_must_be_there_once_and_in_both_arms() -> None:
    samples = interleaved(20)
    twice = [replace(one, pair=0) if one.pair == 1 else one for one in samples]
    assert "a pair number occurs twice" in reason(duet_in(arms(twice)))
    apart = [replace(one, pair=one.pair + 100) if one.arm is Arm.BASE and one.pair is not None else one
             for one in samples]  # fmt: skip
    assert "no pair has both of its requests" in reason(duet_in(arms(apart)))


def test_without_numbers_equal_prompts_in_equal_order_make_pairs() -> None:
    found = duet_in(arms([replace(one, pair=None, slot=None) for one in interleaved()]))
    assert isinstance(found, Merged)
    pairs, prompts = found.samples.numbers["pair"], found.samples.texts["prompt_hash"].strings()
    assert len(set(pairs.tolist())) == 40
    assert len(set(zip(pairs.tolist(), prompts, strict=True))) == 40


@pytest.mark.parametrize("change", [{"prompt_hash": "other"}, {"prompt_hash": "", "prompt_id": "", "draw": ""}])
def test_without_numbers_other_or_unknown_prompts_make_none(change: dict[str, Any]) -> None:
    samples = [replace(one, pair=None) for one in interleaved()]
    samples[5] = replace(samples[5], **change)
    assert "nothing in the files says which requests belong together" in reason(duet_in(arms(samples)))


def test_every_series_that_both_arms_have_must_look_like_a_duet() -> None:
    good = interleaved()
    bad = [replace(one, series="p/bad") for one in interleaved(first=lambda _: Arm.BASE)]
    assert "of p/bad, the base was always sent first" in reason(duet_in(arms([*good, *bad])))
    alone_there = [replace(one, series="p/new") for one in good if one.arm is Arm.CANDIDATE]
    assert isinstance(duet_in(arms([*good, *alone_there])), Merged)


def test_arms_without_a_common_series_are_no_duet() -> None:
    samples = [replace(one, series=f"p/{one.arm.value}") for one in interleaved()]
    assert "no series in common" in reason(duet_in(arms(samples)))


# two arms from files of their own


def side(arm: Arm, samples: Sequence[Sample], **changes: Any) -> Merged:
    mine = [replace(one, arm=Arm.CANDIDATE, pair=None, slot=None) for one in samples if one.arm is arm]
    return merged([a_recording(*mine, **changes)])


def test_two_files_that_were_measured_at_the_same_time_are_pairs_under_one_series() -> None:
    samples = interleaved()
    base = [replace(one, series="openai/gpt-other", model="gpt-other") for one in samples]
    together = both(side(Arm.CANDIDATE, samples), side(Arm.BASE, base))
    assert together is not None
    found = duet_in(together)
    assert isinstance(found, Merged)
    assert set(found.samples.texts["series"].strings()) == {SERIES}
    assert set(found.samples.texts["model"].strings()) == {"gpt-small", "gpt-other"}


def test_the_clock_of_two_files_is_that_of_the_day() -> None:
    samples = interleaved()
    later = side(Arm.BASE, samples, started=START + timedelta(minutes=5))
    together = both(side(Arm.CANDIDATE, samples), later)
    assert together is not None
    assert "not sent next to each other" in reason(duet_in(together))


def test_two_files_of_no_common_clock_cannot_be_put_together() -> None:
    samples = interleaved(2)
    mine = side(Arm.CANDIDATE, samples)
    assert both(mine, side(Arm.BASE, samples, started=None)) is None
    assert both(side(Arm.CANDIDATE, samples, started=None), mine) is None
    assert both(mine, side(Arm.BASE, samples, started=START - timedelta(days=80))) is None


def test_several_series_of_two_files_keep_their_names() -> None:
    samples = interleaved(2)
    two = [*samples, *(replace(one, series="p/second") for one in samples)]
    together = both(side(Arm.CANDIDATE, two), side(Arm.BASE, samples))
    assert together is not None
    assert set(together.samples.texts["series"].strings()) == {SERIES, "p/second"}


def test_an_arm_alone_is_a_run_of_candidates_without_pairs() -> None:
    one = arm_of_merged(arms(interleaved(3)), Arm.BASE)
    assert one is not None
    rows = alone(one).samples
    assert set(rows.texts["arm"].strings()) == {Arm.CANDIDATE}
    assert np.isnan(rows.numbers["pair"]).all()
    assert rows.numbers["index"].tolist() == [0, 1, 2]
    assert arm_of_merged(alone(one), Arm.BASE) is None


def test_no_requests_of_an_arm_are_no_arm() -> None:
    assert arm_of_merged(Merged(samples=Samples.of([]), started=None), Arm.CANDIDATE) is None
