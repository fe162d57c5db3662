"""A run that was interrupted or killed goes on: its schedule is the one that would have been sent in one go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lens_gate.artifacts.journal import decode_journal, encode_block, encode_header, encode_promise
from lens_gate.artifacts.samples import Samples
from lens_gate.config.load import Source
from lens_gate.config.model import Regression
from lens_gate.errors import UsageProblem
from lens_gate.load.trust.gaps import with_gaps
from lens_gate.steps.recorded.reading import read_artifact
from lens_gate.steps.recorded.resuming import read_earlier
from lens_gate.steps.resolving.arms import Arms, RunOrder, resolve
from lens_gate.steps.resolving.order import Against, Overrides
from lens_gate.steps.running.intent import MeasureOptions
from lens_gate.steps.running.lookout import looks_of
from lens_gate.steps.running.measure import Measured, measure
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import Ending
from tests.builders import a_validity
from tests.fakes.world import ChatTransport, NoWatcher, a_world

SCHEDULED = ("index", "pair", "slot", "repetition", "intended_ns")
DRAWN = ("series", "arm", "prompt_id", "draw", "prompt_hash", "phase")
MODELS = [{"id": name, "max_tokens": 8, "input_usd_per_million": 1, "output_usd_per_million": 2} for name in "mn"]
COST = (5 * 1 + 2 * 2) / 1e6
PROMPTS: list[dict[str, Any]] = [
    {"id": "a", "template": "hi {{x}}", "variables": {"x": ["1", "2", "3"]}},
    {"id": "b", "template": "ho"},
]


def arms_of(world: World, *, rps: float | None = 400, prompts: Any = PROMPTS, **options: Any) -> Arms:
    config: dict[str, Any] = {
        "profiler": {"requests": options.pop("requests", 40), "warmup": options.pop("warmup", 0)},
        "providers": [{"name": "p", "endpoint": "http://p.example.org/v1", "models": MODELS}],
        "workload": {"prompts": prompts},
    }
    if (daily := options.pop("daily_usd", None)) is not None:
        config["cost_controls"] = {"budgets": {"daily_usd": daily, "ledger": "books"}}
    if (attempts := options.pop("max_attempts", None)) is not None:
        config["resilience"] = {"retries": {"max_attempts": attempts, "initial_delay": "1ms"}}
    source = Source("lens-gate.yaml", json.dumps(config))
    overrides = Overrides(model="m", rps=rps, **options)
    return resolve(RunOrder(sources=(source,), overrides=overrides, against=Against(kind="model", value="n")), world)


def run(folder: Path, name: str = "run.json", *, transport: Any = None, earlier: Path | None = None,
        looks: Any = None, **options: Any) -> Measured:  # fmt: skip
    world = a_world(folder, transport=transport or ChatTransport())
    before = read_earlier(earlier) if earlier else None
    how = MeasureOptions(earlier=before, looks=looks)
    return measure(arms_of(world, **options), folder / name, world, NoWatcher(), how)


def rows(samples: Samples) -> list[tuple[object, ...]]:
    """What the schedule says of each request, in its order."""
    order = np.argsort(samples.numbers["index"])
    numbers = [np.nan_to_num(samples.numbers[name][order], nan=-1).tolist() for name in SCHEDULED]
    texts = [[samples.texts[name].strings()[place] for place in order] for name in DRAWN]
    return list(zip(*numbers, *texts, strict=True))


def interrupted(folder: Path, after: int, **options: Any) -> Path:
    """A run that was stopped after so many sends, as an artifact."""
    world_stop: list[World] = []
    transport = ChatTransport(on_send=lambda sent: world_stop[0].stop.request() if sent == after else None)
    world = a_world(folder, transport=transport)
    world_stop.append(world)
    done = measure(arms_of(world, **options), folder / "first.json", world, NoWatcher())
    assert done.run.ending is Ending.INTERRUPTED
    return folder / "first.json"


def killed(folder: Path, whole: Measured, *, kept: int, promised: int) -> Path:
    """The journal of a run of which so many requests were written down, and more were promised."""
    source = folder / "whole.journal.jsonl.gz"
    known = read_artifact_head(folder)
    first = Samples.concatenate([whole.samples]).where(np.argsort(whole.samples.numbers["index"])[:kept])
    source.write_bytes(encode_header(run="r9", run_head=known) + encode_promise(promised) + encode_block(first))
    return source


def read_artifact_head(folder: Path) -> Any:
    """The head of the journal of a run that crashes at once."""

    class Crash(NoWatcher):
        def note(self, sample: Any) -> None:
            raise ZeroDivisionError

    world = a_world(folder)
    with pytest.raises(ZeroDivisionError):
        measure(arms_of(world), folder / "crash.json", world, Crash())
    (path,) = folder.glob("crash.*.journal.jsonl.gz")
    head = decode_journal(path.read_bytes(), name=path.name).header.run_head
    path.unlink()
    return head


def test_an_interrupted_run_goes_on_to_the_schedule_of_one_that_was_not(tmp_path: Path) -> None:
    whole = run(tmp_path, "whole.json")
    done = run(tmp_path, earlier=interrupted(tmp_path, 15))
    assert rows(done.samples) == rows(whole.samples)
    assert done.run.ending is Ending.COMPLETE
    assert [segment.lost for segment in done.run.segments] == [0, 0]
    assert (whole.run.anchor_ns is None, done.run.anchor_ns) == (False, None)
    assert sum(segment.requests for segment in done.run.segments) == 40
    begin_ns = done.run.segments[1].begin_ns
    assert begin_ns in done.samples.numbers["intended_ns"]
    (told,) = [check for check in done.run.validity.checks if check.name == "resumed"]
    assert (told.ok, told.effect) == (False, "warn")


def test_requests_that_may_have_been_sent_are_lost_charged_and_not_repeated(tmp_path: Path) -> None:
    whole = run(tmp_path, "whole.json")
    transport = ChatTransport()
    done = run(tmp_path, transport=transport, earlier=killed(tmp_path, whole, kept=15, promised=19))
    assert len(transport.urls) == 40 - 19
    assert [index for index in range(40) if index not in done.samples.numbers["index"]] == [15, 16, 17, 18]
    assert [(one.requests, one.lost) for one in done.run.segments] == [(15, 4), (21, 0)]
    bound = done.run.spend.spent_usd - 36 * COST
    assert 4 * COST < bound < 4 * 400 * COST
    assert done.run.benchmark.id == "r9"
    assert done.run.benchmark.start_time == read_artifact(tmp_path / "whole.journal.jsonl.gz").benchmark.start_time  # type: ignore[union-attr] # a run


def test_each_attempt_whose_cost_is_unknown_is_charged_again_at_its_bound(tmp_path: Path) -> None:
    first_stop: list[World] = []
    failing = ChatTransport(status=500, on_send=lambda sent: first_stop[0].stop.request() if sent == 30 else None)
    world = a_world(tmp_path, transport=failing)
    first_stop.append(world)
    arms = arms_of(world, max_attempts=3, rps=50)
    before = measure(arms, tmp_path / "first.json", world, NoWatcher())
    assert max(before.samples.numbers["attempts"]) == 3
    done = run(tmp_path, earlier=tmp_path / "first.json", max_attempts=3, rps=50)
    resent = len(done.samples) - len(before.samples)
    assert done.run.spend.spent_usd == pytest.approx(before.run.spend.spent_usd + resent * COST)


def test_a_lost_request_is_charged_for_as_many_attempts_as_were_allowed(tmp_path: Path) -> None:
    whole = run(tmp_path, "whole.json")
    earlier = killed(tmp_path, whole, kept=15, promised=19)
    once, thrice = (
        run(tmp_path, earlier=earlier, max_attempts=attempts).run.spend.spent_usd - 36 * COST for attempts in (1, 3)
    )
    assert thrice == pytest.approx(3 * once)


def test_the_journal_of_a_resumed_run_is_whole_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(tmp_path, "whole.json")
    earlier = killed(tmp_path, whole, kept=15, promised=19)
    monkeypatch.setattr("lens_gate.steps.running.keeper.INLINE_LIMIT", 10)
    done = run(tmp_path, earlier=earlier)
    beside = read_artifact(tmp_path / "run.samples.jsonl.gz")
    assert beside == done.run.model_copy(
        update={"samples": beside.samples, "provenance": beside.provenance}  # type: ignore[union-attr] # a run
    )


def test_a_run_goes_on_twice(tmp_path: Path) -> None:
    whole = run(tmp_path, "whole.json")
    first = interrupted(tmp_path, 15)
    second_stop: list[World] = []
    transport = ChatTransport(on_send=lambda sent: second_stop[0].stop.request() if sent == 8 else None)
    world = a_world(tmp_path, transport=transport)
    second_stop.append(world)
    measure(arms_of(world), tmp_path / "second.json", world, NoWatcher(), MeasureOptions(earlier=read_earlier(first)))
    done = run(tmp_path, earlier=tmp_path / "second.json")
    assert len(done.run.segments) == 3
    assert rows(done.samples) == rows(whole.samples)


def test_a_closed_loop_goes_on_after_its_last_request(tmp_path: Path) -> None:
    first = interrupted(tmp_path, 15, rps=None, concurrency=2)
    before = read_earlier(first)
    done = run(tmp_path, earlier=first, rps=None, concurrency=2)
    assert sorted(done.samples.numbers["index"]) == list(range(40))
    assert done.run.segments[1].begin_ns >= np.nanmax(before.samples.numbers["end_ns"])
    later = done.samples.where(~np.isin(done.samples.numbers["index"], before.samples.numbers["index"]))
    assert later.numbers["intended_ns"].min() >= done.run.segments[1].begin_ns


def test_money_that_was_spent_counts_against_the_cap_and_a_raised_cap_goes_on(tmp_path: Path) -> None:
    cap = 3e-4  # A request of some 100 bytes and 8 tokens is held at about 2e-4, and costs 9e-6.
    one_by_one: dict[str, Any] = {"rps": None, "concurrency": 1}  # An open loop sheds what the cap has no room for yet.
    capped = run(tmp_path, "first.json", **one_by_one, max_cost_usd=cap)
    assert capped.run.ending is Ending.COST_CAP
    assert 0 < capped.run.spend.spent_usd <= cap
    transport = ChatTransport()
    first = tmp_path / "first.json"
    again = run(tmp_path, "second.json", **one_by_one, max_cost_usd=cap, transport=transport, earlier=first)
    assert again.run.ending is Ending.COST_CAP
    assert transport.urls == []
    assert again.run.spend.spent_usd == pytest.approx(capped.run.spend.spent_usd)
    raised = run(tmp_path, "third.json", **one_by_one, max_cost_usd=1.0, earlier=tmp_path / "second.json")
    assert raised.run.ending is Ending.COMPLETE
    assert sorted(raised.samples.numbers["index"]) == list(range(40))
    assert raised.run.spend.spent_usd == pytest.approx(40 * COST)


def test_what_was_shed_for_want_of_room_under_the_cap_costs_nothing_and_is_not_sent_later(tmp_path: Path) -> None:
    slow = ChatTransport(wait_s=0.5)  # The first requests hold their money back while others fall due.
    first = run(tmp_path, "first.json", requests=8, rps=50, max_cost_usd=3e-4, transport=slow)
    shed = first.samples.texts["status"].equals("shed")
    sent = len(slow.urls)
    assert (sent < 4, int(shed.sum())) == (True, 8 - sent)
    assert first.run.spend.spent_usd == pytest.approx(sent * COST)
    rest = ChatTransport()
    longer = run(tmp_path, requests=10, rps=50, max_cost_usd=1.0, transport=rest, earlier=tmp_path / "first.json")
    assert len(rest.urls) == 2
    assert sorted(longer.samples.numbers["index"]) == list(range(10))
    assert longer.run.spend.spent_usd == pytest.approx((sent + 2) * COST)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 3}, "`seed` was 0, and is 3"),
        ({"rps": 200}, "`requests_per_second` was 400"),
        ({"requests": 30}, "`requests` was 40, and is 30"),
        ({"prompts": [{"id": "a", "template": "other"}]}, "other requests would be sent"),
    ],
)
def test_another_run_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    first = interrupted(tmp_path, 15)
    transport = ChatTransport()
    with pytest.raises(UsageProblem, match=said) as refused:
        run(tmp_path, transport=transport, earlier=first, **changes)
    assert refused.value.place == f"--resume {first}"
    assert transport.urls == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.json"]


@pytest.mark.parametrize("changes", [{"seed": 3}, {"prompts": [{"id": "a", "template": "other"}]}])
def test_a_refused_resume_leaves_the_ledger_as_it_stood(tmp_path: Path, changes: dict[str, Any]) -> None:
    first = interrupted(tmp_path, 15, daily_usd=5.0)
    (ledger,) = (tmp_path / "books").glob("*.json")
    before = json.loads(ledger.read_text())
    assert before["entries"][0]["spent_usd"] > 0
    with pytest.raises(UsageProblem):
        run(tmp_path, "rest.json", earlier=first, daily_usd=5.0, **changes)
    assert json.loads(ledger.read_text()) == before


def test_samples_that_the_schedule_does_not_have_are_refused(tmp_path: Path) -> None:
    drawn_otherwise = run(tmp_path, "other.json", seed=3)
    transport = ChatTransport()
    with pytest.raises(UsageProblem, match="this is another run: request 0 of its schedule was another one"):
        run(tmp_path, transport=transport, earlier=killed(tmp_path, drawn_otherwise, kept=15, promised=15))
    assert transport.urls == []


def test_samples_beyond_the_schedule_are_refused(tmp_path: Path) -> None:
    longer = run(tmp_path, "longer.json", requests=50)
    with pytest.raises(UsageProblem, match="its schedule ends before the requests that were sent"):
        run(tmp_path, earlier=killed(tmp_path, longer, kept=45, promised=45))


def test_a_run_that_was_killed_at_its_end_says_that_nothing_is_left(tmp_path: Path) -> None:
    earlier = killed(tmp_path, run(tmp_path, "whole.json"), kept=15, promised=44)
    with pytest.raises(UsageProblem, match="nothing is left to send") as refused:
        run(tmp_path, earlier=earlier)
    assert "lens-gate analyze" in str(refused.value)


def test_no_run_promises_more_than_it_sends(tmp_path: Path) -> None:
    def fail(sent: int) -> None:
        if sent == 4:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(tmp_path, requests=4, transport=ChatTransport(on_send=fail))
    (path,) = tmp_path.glob("*.journal.jsonl.gz")
    assert [stretch.through for stretch in decode_journal(path.read_bytes(), name=path.name).stretches] == [4]


def test_a_run_that_ends_when_it_is_decided_is_refused(tmp_path: Path) -> None:
    first = interrupted(tmp_path, 15)
    world = a_world(tmp_path)
    looks = looks_of(arms_of(world), Regression(), asked=True)
    with pytest.raises(UsageProblem, match="ends when it is decided cannot be resumed"):
        run(tmp_path, earlier=first, looks=looks)


def test_a_run_of_conversations_is_refused(tmp_path: Path) -> None:
    talk = [{"id": "talk", "turns": ["a", "b"]}]
    path = interrupted(tmp_path, 4, prompts=talk)
    with pytest.raises(UsageProblem, match="conversations"):
        run(tmp_path, "rest.json", earlier=path, prompts=talk)


def test_a_run_that_is_complete_has_nothing_left_unless_it_is_to_be_longer(tmp_path: Path) -> None:
    run(tmp_path, "first.json")
    with pytest.raises(UsageProblem, match="nothing is left to send"):
        run(tmp_path, earlier=tmp_path / "first.json")
    longer = run(tmp_path, earlier=tmp_path / "first.json", requests=50)
    assert rows(longer.samples) == rows(run(tmp_path, "whole.json", requests=50).samples)


@pytest.mark.parametrize(("first", "then"), [(("tails",), None), (None, ("tails",)), (("tails",), ("tails",))])
def test_what_a_run_was_to_cover_is_kept_and_may_be_added(tmp_path: Path, first: Any, then: Any) -> None:
    before = interrupted(tmp_path, 15, cover=first)
    assert run(tmp_path, earlier=before, cover=then).run.plan.cover == ("tails",)


def test_no_gap_says_nothing() -> None:
    assert with_gaps(a_validity(), ()) == a_validity()
