"""What each place is sent: within its documented limits, and without any markup that is not ours."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from lens_gate.notify import pagerduty, slack, teams, webhook
from lens_gate.notify.letter import cut, json_letter
from lens_gate.reports.escape import plain
from lens_gate.vocabulary.notices import News, Notice
from tests.fakes.receivers import INTEGRATION_KEY, PAGERDUTY, SLACK, TEAMS
from tests.notices import HOSTILE, a_notice, a_trouble

MANY = a_notice(
    news=News.WORSE,
    troubles=tuple(a_trouble(text=f"Model {number} is slower. {'x' * 560}") for number in range(50)),
    story="y" * 600,
)
OVER = a_notice(
    news=News.RECOVERED,
    outcome="pass",
    exit_code=0,
    headline="Recovered: gpt-small passes again",
    troubles=(),
    series={"openai/gpt-small": False},
    url=None,
)
PARTLY = a_notice(news=News.BETTER, series={"openai/gpt-small": False, "openai/gpt-large": True})
ALONE = a_notice(news=News.FAILING, troubles=(), series={"": True}, story="", project=None, where=None, commit=None)
NOTICES = {"opened": a_notice(), "worse": MANY, "better": PARTLY, "recovered": OVER, "alone": ALONE}


def events(notice: Notice) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in pagerduty.letters(notice, INTEGRATION_KEY, "https://events.example")]


def strings(document: object) -> Iterator[str]:
    match document:
        case str():
            yield document
        case dict():
            for value in document.values():
                yield from strings(value)
        case list():
            for value in document:
                yield from strings(value)
        case _:
            return


def spiked(text: str) -> Notice:
    """Return a notice in which everything that may be somebody else's word is this one, as reports make it plain."""
    word = plain(text)[:600]
    trouble = a_trouble(check=word, series=word, subject=word, text=word)
    return a_notice(
        suite=word[:120], headline=word, story=word, troubles=(trouble,), series={word: True}, project=word[:120],
        where=word[:120], commit=word[:7], source=word[:120], moment="2026-03-02T10:05:01Z",
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(NOTICES))
def test_each_place_gets_a_body_of_its_own(name: str, snapshot: SnapshotAssertion) -> None:
    notice = NOTICES[name]
    bodies = {
        "slack": slack.message(notice),
        "teams": teams.message(notice),
        "pagerduty": events(notice),
        "webhook": webhook.message(notice),
    }
    assert bodies == snapshot(extension_class=JSONSnapshotExtension)


@pytest.mark.parametrize("notice", [*NOTICES.values(), *map(spiked, HOSTILE)])
def test_every_body_is_within_the_documented_limits(notice: Notice) -> None:
    Draft202012Validator(SLACK).validate(slack.message(notice))
    Draft202012Validator(TEAMS).validate(teams.message(notice))
    assert len(teams.letters(notice, "https://t.example")[0].body) <= 28 * 1024
    for event in events(notice):
        Draft202012Validator(PAGERDUTY).validate(event)
        assert len(orjson.dumps(event)) <= 512 * 1024


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_others_wrote_is_markup_in_slack(text: str) -> None:
    message = slack.message(spiked(text))
    assert re.search(r"<[!@#]|<http", message["text"]) is None
    assert not re.search(r"@(?!\u200b)|:(?=//)", message["text"])
    assert (message["mrkdwn"], message["parse"], message["link_names"]) == (False, "none", False)
    marked = [
        element["text"]
        for block in message["blocks"]
        for element in (block.get("text"), *block.get("fields", ()), *block.get("elements", ()))
        if element and element["type"] != "plain_text"
    ]
    assert marked == ["<https://ci.example/acme/widgets/actions/runs/4242|The run in its pipeline>"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_others_wrote_is_markdown_or_a_mention_in_teams(text: str) -> None:
    card = teams.message(spiked(text))["attachments"][0]["content"]
    kinds = {one["type"] for block in card["body"] for one in (block, *block["inlines"])}
    assert kinds == {"RichTextBlock", "TextRun"}
    assert "entities" not in card["msteams"]
    assert [action["url"] for action in card["actions"]] == ["https://ci.example/acme/widgets/actions/runs/4242"]


@given(text=st.text(max_size=400))
def test_any_text_makes_a_body_that_each_place_takes(text: str) -> None:
    notice = replace(spiked(text), headline=plain(text)[:600] or "x", suite=plain(text)[:120] or "x")
    Draft202012Validator(SLACK).validate(slack.message(notice))
    Draft202012Validator(TEAMS).validate(teams.message(notice))
    json_letter("https://x.example", webhook.message(notice))


def test_slack_shows_the_worst_and_counts_the_others() -> None:
    lines = [one for one in strings(slack.message(MANY)["blocks"]) if one.startswith(("•", "…"))]
    assert len(lines) == slack.SHOWN + 1
    assert lines[-1] == "… and 40 more"


def test_teams_leaves_lines_out_until_the_message_fits() -> None:
    wide = replace(MANY, troubles=tuple(replace(one, text="🔴" * 600) for one in MANY.troubles), story="🔴" * 600)
    body = teams.letters(wide, "https://t.example")[0].body
    assert len(body) <= teams.LARGEST
    assert "more" in body.decode()
    hopeless = replace(wide, suite="🔴" * 9000)
    assert len(teams.letters(hopeless, "https://t.example")[0].body) <= teams.LARGEST


def test_an_incident_is_opened_and_resolved_under_one_key_that_no_other_suite_branch_or_series_has() -> None:
    (opened,), (resolved,) = events(a_notice()), events(OVER)
    assert (opened["event_action"], resolved["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == resolved["dedup_key"]
    others = [a_notice(suite="other"), a_notice(where="develop"), a_notice(project="acme/gadgets")]
    keys = {pagerduty.dedup_key(one, series) for one in (a_notice(), *others) for series in ("openai/gpt-small", "")}
    assert len(keys) == 8


def test_an_incident_says_what_is_wrong_with_its_own_series() -> None:
    troubles = (a_trouble(), a_trouble(series="openai/gpt-large", text="gpt-large costs more.", severity="warning"))
    both = a_notice(troubles=troubles, series={"openai/gpt-small": True, "openai/gpt-large": True})
    small, large = (event["payload"] for event in events(both))
    assert small["summary"] == "support-bot: gpt-small's first token comes 15 % later."
    assert (small["severity"], large["severity"]) == ("error", "warning")
    assert large["custom_details"]["checks"] == ["gpt-large costs more."]
    (whole,) = events(ALONE)
    assert whole["payload"]["component"] == "run"
    assert whole["payload"]["severity"] == "error"


def test_pagerduty_has_its_regions() -> None:
    (letter,) = pagerduty.letters(a_notice(), INTEGRATION_KEY, "https://events.eu.pagerduty.com/")
    assert letter.url == "https://events.eu.pagerduty.com/v2/enqueue"
    assert INTEGRATION_KEY in letter.secrets


def test_a_webhook_is_signed_so_that_neither_its_body_nor_its_time_can_be_changed() -> None:
    (letter,) = webhook.letters(a_notice(), "https://hook.example/x", "secret", now_s=1_800_000_000)
    signed = b"1800000000." + letter.body
    expected = "sha256=" + hmac.new(b"secret", signed, hashlib.sha256).hexdigest()
    assert letter.headers[webhook.SIGNATURE] == expected
    assert letter.headers[webhook.TIMESTAMP] == "1800000000"
    assert letter.headers[webhook.EVENT] == "opened"
    (later,) = webhook.letters(a_notice(), "https://hook.example/x", "secret", now_s=1_800_000_001)
    assert later.headers[webhook.SIGNATURE] != expected
    assert later.headers[webhook.DELIVERY] == letter.headers[webhook.DELIVERY]


def test_a_webhook_without_a_secret_has_no_signature() -> None:
    (letter,) = webhook.letters(a_notice(), "https://hook.example/x", None, now_s=1)
    assert webhook.SIGNATURE not in letter.headers


def test_a_letter_shows_nothing_of_itself() -> None:
    (letter,) = slack.letters(a_notice(), "https://hooks.slack.example/secret")
    assert "secret" not in repr(letter)
    assert "support-bot" not in repr(letter)


@given(text=st.text(max_size=30), limit=st.integers(1, 20))
def test_a_text_is_cut_to_its_limit_and_else_stays(text: str, limit: int) -> None:
    shown = cut(text, limit)
    assert len(shown) <= limit
    assert shown == text or shown == text[: limit - 1] + "…"
