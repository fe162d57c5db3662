from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import JsonValue
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from lens_gate.artifacts.leg import LeftOut, Leg, MarkWord, left_out, read_leg, written_leg
from lens_gate.reports.comment import (
    TEXT_BYTES,
    Told,
    comment,
    counts,
    differs,
    leg_of,
    leg_unmeasured,
    lighter,
    unmeasured,
    unpublished,
)
from lens_gate.reports.escape import size
from lens_gate.reports.view import view
from lens_gate.reports.words import BROKEN, INFO, MARKS, WARNING
from lens_gate.vocabulary.outcomes import ExitCode, Outcome
from tests.hostile import HOSTILE
from tests.scenarios import SCENARIOS, failed_by_warnings

GITHUB = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"])
COMMIT = "3f9c2ab41d" * 4
URL = "https://github.com/acme/widgets/actions/runs/4242"
OURS = ("<details>", "<details><summary>Why</summary>", "</details>")


class MarkdownFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "md"


def a_leg(scenario: str = "pass", **changes: Any) -> Leg:
    verdict = SCENARIOS[scenario]()
    leg = leg_of(view(verdict), suite="support-bot", commit=COMMIT, code=verdict.exit_code)
    return leg.model_copy(update=changes)


def told(leg: Leg, *, current: bool = True) -> Told:
    return Told(leg=leg, url=URL, current=current)


def tokens_of(text: str) -> list[Token]:
    tokens = GITHUB.parse(text)
    return [*tokens, *(child for token in tokens for child in token.children or ())]


def hrefs(text: str) -> set[str]:
    return {str(token.attrs.get("href")) for token in tokens_of(text) if token.type == "link_open"}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_snapshot(scenario: str, snapshot: SnapshotAssertion) -> None:
    assert comment([told(a_leg(scenario))]) == snapshot(extension_class=MarkdownFile)


def test_snapshot_of_several_suites(snapshot: SnapshotAssertion) -> None:
    legs = [
        told(a_leg(name, suite=f"leg {number}")) for number, name in enumerate(("pass", "regression", "inconclusive"))
    ]
    earlier = told(a_leg("regression", suite="an old leg", commit="91d04e7aa0" * 4), current=False)
    assert comment([*legs, earlier]) == snapshot(extension_class=MarkdownFile)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_leg_survives_its_way_through_the_comment_whole_and_as_an_outcome(scenario: str) -> None:
    for leg in (a_leg(scenario), left_out(a_leg(scenario))):
        assert read_leg(written_leg(leg)) == leg


def test_every_mark_of_a_report_may_stand_in_a_comment() -> None:
    assert set(get_args(MarkWord)) == {mark.word for mark in (*MARKS.values(), BROKEN, WARNING, INFO)}


@pytest.mark.proving
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_every_field_stays_text(text: str) -> None:
    row: dict[str, JsonValue] = dict.fromkeys(("baseline", "change", "interval", "allowed"), text[:80])
    row |= {"mark": "regression", "title": text[:250], "reason": text[:600]}
    leg = read_leg({
        "suite": text[:100], "outcome": "regression", "exit_code": 1, "headline": text[:600], "second": text[:1500],
        "compared": text[:1500], "interval_title": text[:80], "rows": [row, row], "causes": [text[:600]],
        "open_checks": 9, "passed": 3, "next_step": text[:600], "commit": COMMIT,
    })  # fmt: skip
    assert isinstance(leg, Leg)
    for body in (comment([told(leg)]), comment([told(leg), told(a_leg())]), unpublished([text])):
        tokens = tokens_of(body)
        html = [token.content.strip() for token in tokens if token.type in {"html_block", "html_inline"}]
        assert set(html) <= set(OURS)
        assert hrefs(body) <= {URL}
        assert not [token for token in tokens if token.type == "image"]
        text_parts = [token.content for token in tokens if token.type == "text"]
        assert not any("@octocat" in part or "@acme" in part for part in text_parts)
        assert size(body) <= TEXT_BYTES
        assert "\x1b" not in body
        assert "\u202e" not in body


def test_what_is_missing_elsewhere_is_a_line_for_each_note() -> None:
    body = unpublished(["no *check*: there is no token", "x" * 700])
    heading, _, first, second = body.splitlines()
    assert heading == "**Not published elsewhere:**"
    assert first == "- no \\*check\\*: there is no token"
    assert len(second) == len("- ") + 600


@pytest.mark.proving
@pytest.mark.parametrize("text", HOSTILE)
def test_a_table_with_hostile_text_keeps_its_columns(text: str) -> None:
    leg = a_leg("regression")
    rows = tuple(row.model_copy(update={"title": text[:250], "change": text[:80]}) for row in leg.rows)
    tokens = GITHUB.parse(comment([told(leg.model_copy(update={"rows": rows}))]))
    cells = [token.type for token in tokens].count("td_open")
    assert cells == 6 * len(rows)


def test_a_leg_that_was_not_measured_fails_nothing_and_has_a_name_and_bounded_words() -> None:
    leg = leg_unmeasured("No key " + "x" * 900, "y" * 9000, suite="", commit=COMMIT, code=ExitCode.OK)
    assert (leg.suite, leg.outcome, leg.exit_code) == ("lens-gate", Outcome.NOT_MEASURED, ExitCode.OK)
    assert (len(leg.headline), len(leg.second)) == (600, 1500)


@settings(max_examples=10)
@given(number=st.integers(1, 300), rows=st.sampled_from([0, 1, 10]))
def test_no_number_of_suites_is_too_long_and_the_rest_is_counted(number: int, rows: int) -> None:
    wide = a_leg("regression", headline="h" * 600)
    legs = [told(lighter(wide, rows).model_copy(update={"suite": f"s{one}"})) for one in range(number)]
    body = comment(legs)
    assert size(body) <= TEXT_BYTES
    sections = body.count("\n### ")
    if number > 1 and sections < number:
        assert f"{number - sections} more suite" in body


def test_suites_that_there_is_no_room_for_are_counted() -> None:
    legs = [told(a_leg("regression", suite=f"s{one}", second="x" * 1500)) for one in range(60)]
    body = comment(legs)
    shown = body.count("\n### ")
    assert 0 < shown < 60
    assert f"{60 - shown} more suites did not pass: this comment has no room for what they say." in body


def test_suites_stand_worst_first_and_earlier_commits_last() -> None:
    legs = [
        told(a_leg("pass", suite="fine")),
        told(a_leg("regression", suite="old"), current=False),
        told(a_leg("inconclusive", suite="open")),
        told(a_leg("regression", suite="bad")),
    ]
    body = comment(legs)
    assert body.splitlines()[0] == "## ◆ Regression in 2 of 4 suites"
    lines = [line for line in body.splitlines() if "[run](" in line and line.startswith("|")]
    assert [line.split(" | ")[1] for line in lines] == ["bad", "open", "fine", "old"]
    assert "an earlier commit" in lines[-1]
    assert "### ◆ bad" in body
    assert "### ◆ old" not in body


def test_suites_that_all_say_the_same_are_told_in_one_sentence() -> None:
    body = comment([told(a_leg(suite="a")), told(a_leg(suite="b"))])
    assert body.splitlines()[0] == "## ✓ Pass in all 2 suites"
    assert "###" not in body


def test_one_suite_is_not_all_of_them() -> None:
    body = comment([told(a_leg(suite="a")), told(a_leg(suite="b"), current=False)])
    assert body.splitlines()[0] == "## ✓ Pass in 1 suite"


def test_more_suites_than_a_table_shows_are_counted_by_outcome() -> None:
    legs = [told(lighter(a_leg(suite=f"s{number}"), 0)) for number in range(63)]
    assert "3 more suites: 3 pass." in comment(legs)
    further = [left_out(a_leg("inconclusive")), left_out(a_leg())]
    body = comment(legs, further)
    assert "5 more suites: 1 inconclusive and 4 pass." in body
    assert body.startswith(f"## {MARKS[Outcome.INCONCLUSIVE].symbol} Inconclusive in 1 of 65 suites")
    assert "1 more suite: 1 pass." in comment([told(a_leg())], [left_out(a_leg())])


def test_a_suite_that_warnings_fail_is_no_pass_however_little_of_it_is_kept() -> None:
    verdict = failed_by_warnings()
    leg = leg_of(view(verdict), suite="strict", commit=COMMIT, code=verdict.exit_code)
    for kept in (leg, lighter(leg, 0), read_leg(written_leg(leg))):
        assert isinstance(kept, Leg)
        body = comment([told(kept), told(a_leg())])
        assert body.startswith("## ▲ Failed by warnings in 1 of 2 suites")
        assert "| ▲ warning | strict | Fails by 1 warning: " in body
        assert "### ▲ strict: Fails by 1 warning" in body
        assert comment([told(kept)]).startswith("## ▲ Fails by 1 warning")
        assert "▲ Failed by warnings in 1 of 2 suites" in comment([told(a_leg()), told(kept, current=False)])
    bare = read_leg(written_leg(left_out(leg)))
    assert isinstance(bare, LeftOut)
    body = comment([told(a_leg())], [bare])
    assert body.startswith("## ▲ Failed by warnings in 1 of 2 suites")
    assert "1 more suite: 1 warning." in body


def test_what_fails_by_its_warnings_is_news_after_a_pass_with_the_same_ones() -> None:
    failed = failed_by_warnings()
    passed = failed.model_copy(update={"exit_code": ExitCode.OK})
    one, other = (leg_of(view(it), suite="s", commit=COMMIT, code=it.exit_code) for it in (failed, passed))
    assert differs(one, other)
    assert differs(one, None)
    assert not differs(other, None)


def test_results_of_one_name_are_numbered_worst_first_and_those_of_an_earlier_commit_are_not() -> None:
    legs = [told(a_leg()), told(a_leg("regression")), told(a_leg("inconclusive"), current=False)]
    body = comment(legs)
    lines = [line for line in body.splitlines() if "[run](" in line and line.startswith("|")]
    names = [line.split(" | ")[1] for line in lines]
    assert names == ["support-bot (1 of 2)", "support-bot (2 of 2)", "support-bot"]
    assert "**Several jobs publish as `support-bot`.**" in body


def test_many_shared_names_are_counted() -> None:
    legs = [told(a_leg(suite=f"s{number}")) for number in range(7) for _ in range(2)]
    assert "publish as `s0`, `s1`, `s2`, `s3`, `s4` and 2 other names.**" in comment(legs)


def test_names_that_only_runs_share_ask_for_no_other_names() -> None:
    by_run = [replace(told(a_leg(suite=suite)), apart=True) for suite in ("runs", "runs", "both")]
    body = comment([*by_run, told(a_leg(suite="both"))])
    assert "**Several jobs publish as `both`.**" in body
    assert "**Several runs measured `runs` on this commit**" in body


def test_what_did_not_pass_on_an_earlier_commit_stays_in_the_heading() -> None:
    legs = [told(a_leg(suite="fine")), told(a_leg("regression", suite="old"), current=False)]
    assert comment([*legs, told(a_leg(suite="old and fine"), current=False)]).startswith("## ◆ Regression in 1 of 2")


def test_only_earlier_commits_are_told_as_they_were() -> None:
    legs = [told(a_leg(suite=name), current=False) for name in "ab"]
    assert comment(legs).startswith("## ✓ Pass in all 2 suites")


def test_a_lighter_leg_keeps_its_worst_rows_and_still_counts_all() -> None:
    leg = a_leg("regression")
    light = lighter(leg, 1)
    assert [row.title for row in light.rows] == [leg.rows[0].title]
    assert light.open_checks == leg.open_checks
    assert "more check" in comment([told(light)])
    bare = lighter(leg, 0)
    assert (bare.rows, bare.second) == ((), "")
    assert leg.headline[:90] in bare.headline


@pytest.mark.parametrize("current", [True, False])
def test_a_job_that_says_nothing_but_that_it_was_there_is_no_suite(*, current: bool) -> None:
    left = left_out(a_leg("regression"))
    assert counts(left, current=current)
    assert not counts(left.model_copy(update={"silent": True}), current=current)


def test_a_command_too_long_to_copy_is_left_out() -> None:
    page = replace(view(SCENARIOS["inconclusive"]()), next_step="x" * 601)
    assert leg_of(page, suite="s", commit=None, code=ExitCode.OK).next_step is None


def test_what_is_new_is_an_outcome_or_another_failed_check() -> None:
    passed, failed = a_leg("pass"), a_leg("regression")
    assert not differs(passed, None)
    assert differs(failed, None)
    assert differs(failed, passed)
    assert differs(passed, failed)
    assert not differs(failed, failed.model_copy(update={"headline": "other words", "second": "other numbers"}))
    assert differs(failed, failed.model_copy(update={"rows": failed.rows[:1]}))


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "fine"},
        {"exit_code": 9},
        {"exit_code": "1"},
        {"headline": "x" * 601},
        {"rows": [{"mark": "owned"}]},
        {"commit": "main"},
        {"suite": ""},
        {"extra": 1},
        {"open_checks": -1},
        {"passed": 2.5},
        {"headline": None},
    ],
)
def test_a_leg_that_is_not_exactly_ours_is_no_leg(change: dict[str, Any]) -> None:
    assert read_leg({**written_leg(a_leg()), **change}) is None
    assert read_leg("\ud800") is None
    assert a_leg().outcome is Outcome.PASS


def test_a_run_without_secrets_says_loudly_that_nothing_was_measured() -> None:
    text = unmeasured(
        "this run has no secrets", "The pull request is a fork's.", "`KEY` is missing @here " + "x" * 1000
    )
    assert text.startswith("## ✗ Not measured: this run has no secrets\n\nThe pull request is a fork's.")
    assert "@here" not in text
    assert "<code>" not in MarkdownIt().render(text)
    assert size(text) < 1000


@pytest.mark.parametrize("text", ["", *HOSTILE])
def test_what_measured_nothing_stands_in_the_comment_as_bounded_text(text: str) -> None:
    leg = leg_unmeasured(f"Not measured: {text}", text, suite=text, commit=COMMIT, code=ExitCode.OK)
    assert read_leg(written_leg(leg)) == leg
    assert (leg.outcome, leg.exit_code) == (Outcome.NOT_MEASURED, ExitCode.OK)
    assert hrefs(comment([told(leg)])) <= {URL}
