"""What a report says of a log that was played again."""

from __future__ import annotations

from lens_gate.artifacts.run import Replayed, TokensAsked
from lens_gate.reports.markdown import run_markdown
from lens_gate.reports.replayed import replayed_lines
from lens_gate.reports.view import run_view
from tests.builders import a_run

WHOLE = Replayed(
    source="trace.csv", format="azure", digest="d", time_scale=10, requests=8819, prompts=0, unanswered=12, unrouted=3,
    input_tokens=TokensAsked(requests=8000, asked=1_000_000, counted=1_020_000, equal=0),
    output_tokens=TokensAsked(requests=8000, asked=500_000, counted=400_000, equal=6000),
)  # fmt: skip


def test_a_replay_says_what_was_played_and_whether_the_lengths_came_out() -> None:
    told = [line.replace("\u00a0", " ") for line in replayed_lines(WHOLE)]
    assert told == [
        "Played 8,819 requests of trace.csv (azure) 10.0 times as fast.",
        "Left out: 12 that have neither a prompt nor an answer in the log.",
        "Left out: 3 that went to models which were not measured.",
        (
            "Tokens of prompts: 1,000,000 asked for, 1,020,000 counted by the servers (102.0 % of it);"
            " exactly as asked in 0.0 % of 8,000 requests."
        ),
        (
            "Tokens of answers: 500,000 asked for, 400,000 counted by the servers (80.0 % of it);"
            " exactly as asked in 75.0 % of 8,000 requests."
        ),
    ]


def test_a_log_with_prompts_at_its_own_pace_has_no_lengths_to_compare() -> None:
    plain = WHOLE.model_copy(
        update={"time_scale": 1, "unanswered": 0, "unrouted": 0, "input_tokens": None, "output_tokens": None}
    )
    assert list(replayed_lines(plain)) == ["Played 8,819 requests of trace.csv (azure) at its own pace."]
    nothing = TokensAsked(requests=1, asked=0, counted=3, equal=0)
    assert "of it" not in " ".join(replayed_lines(plain.model_copy(update={"input_tokens": nothing})))


def test_the_notes_of_a_run_hold_it_and_other_runs_say_nothing() -> None:
    assert "Played 8,819 requests of trace.csv" in run_markdown(run_view(a_run(replayed=WHOLE)))
    assert list(replayed_lines(None)) == []
