from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.errors import PublishFailed
from lens_gate.notify import slack
from lens_gate.notify.delivery import LONGEST_WAIT_S, TRIES, Answer, Messenger, Unanswered, wait_of
from lens_gate.notify.letter import Letter
from lens_gate.notify.on_httpx import HttpxExchange
from tests.fakes.receivers import HANG, Fault, Receivers, receivers
from tests.notices import a_notice

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SECRET_PATH = "T000/B000/very-secret-path"
LETTER = Letter(
    url=f"https://hooks.example/services/{SECRET_PATH}",
    body=b"{}",
    secrets=(f"https://hooks.example/services/{SECRET_PATH}", SECRET_PATH),
)


class Scripted:
    """Answers in turn, and the pauses in between."""

    def __init__(self, *answers: Answer | Unanswered) -> None:
        self.answers = list(answers)
        self.slept: list[float] = []

    def messenger(self) -> Messenger:
        return Messenger(exchange=self, sleep=self.slept.append, now=lambda: NOW)

    def __call__(self, letter: Letter) -> Answer:
        answer = self.answers.pop(0)
        if isinstance(answer, Unanswered):
            raise answer
        return answer


def failure(*answers: Answer | Unanswered) -> tuple[str, Scripted]:
    script = Scripted(*answers)
    with pytest.raises(PublishFailed) as caught:
        script.messenger().deliver(LETTER, place="slack-1")
    assert caught.value.exit_code == 7
    return str(caught.value), script


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_letter_that_is_taken_is_sent_once(status: int) -> None:
    script = Scripted(Answer(status=status))
    script.messenger().deliver(LETTER, place="slack-1")
    assert script.answers == []
    assert script.slept == []


@pytest.mark.parametrize("first", [Answer(status=503), Answer(status=429), Unanswered("did not answer")])
def test_what_may_be_over_soon_is_tried_again_after_a_growing_wait(first: Answer | Unanswered) -> None:
    script = Scripted(first, first, Answer(status=200))
    script.messenger().deliver(LETTER, place="slack-1")
    assert script.slept == [1.0, 2.0]


def test_the_receiver_says_how_long_to_wait() -> None:
    script = Scripted(Answer(status=429, retry_after="7"), Answer(status=200))
    script.messenger().deliver(LETTER, place="slack-1")
    assert script.slept == [7.0]


def test_who_asks_for_too_long_a_wait_is_not_asked_again() -> None:
    text, script = failure(Answer(status=429, retry_after="3600"))
    assert script.slept == []
    assert "429" in text
    assert "fewer messages" in text


def test_after_the_last_try_it_is_given_up_with_the_last_reason() -> None:
    text, script = failure(*[Answer(status=500)] * (TRIES - 1), Unanswered("did not answer within 10 s"))
    assert len(script.slept) == TRIES - 1
    assert "slack-1: hooks.example did not answer within 10 s" in text


@pytest.mark.parametrize(
    ("status", "hint"), [(400, "`type`"), (401, "key"), (403, "key"), (404, "new webhook"), (410, "new")]
)
def test_a_refusal_is_final_and_says_what_to_do(status: int, hint: str) -> None:
    text, script = failure(Answer(status=status, text="no_service"))
    assert script.slept == []
    assert f"({status}: no_service)" in text
    assert hint in text


def test_a_redirect_is_not_followed() -> None:
    text, _ = failure(Answer(status=302))
    assert "another address (302), which gets none" in text


@pytest.mark.parametrize("said", [f"no webhook {SECRET_PATH}", LETTER.url, f"bad: /services/{SECRET_PATH}?x"])
def test_no_error_shows_the_secret_part_of_an_address(said: str) -> None:
    text, _ = failure(Answer(status=404, text=said))
    assert SECRET_PATH not in text


def test_words_that_would_move_the_cursor_are_left_out() -> None:
    text, _ = failure(Answer(status=404, text="\x1b[2J\x00gone"))
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        (None, 5.0),
        ("2", 2.0),
        (" 20 ", 20.0),
        ("21", None),
        ("Mon, 02 Mar 2026 10:00:09 GMT", 9.0),
        ("Mon, 02 Mar 2026 09:00:00 GMT", 0.0),
        ("Mon, 02 Mar 2026 11:00:00 GMT", None),
        ("soon", 5.0),
        ("-1", 5.0),
        ("9999999999999999999999", 5.0),
        ("Mon, 02 Mar 2026 10:00:09 -0000", 5.0),
        ("", 5.0),
    ],
)
def test_a_wait_is_asked_for_in_seconds_or_until_a_date(text: str | None, wait: float | None) -> None:
    assert wait_of(text, NOW, otherwise=5.0) == wait


@given(text=st.text(max_size=30))
def test_no_wish_makes_a_pipeline_stand_still(text: str) -> None:
    wait = wait_of(text, NOW, otherwise=1.0)
    assert wait is None or 0 <= wait <= LONGEST_WAIT_S


@pytest.fixture
def services() -> Iterator[Receivers]:
    with receivers() as running:
        yield running


TLS = ssl.create_default_context()


def exchange(**changes: float) -> HttpxExchange:
    return HttpxExchange(proxy_of=lambda _: None, tls=lambda: TLS, **changes)


@pytest.fixture
def deliver(services: Receivers) -> Callable[..., list[float]]:
    def sent(*faults: Fault, timeout_s: float = 5.0) -> list[float]:
        services.faults += faults
        slept: list[float] = []
        messenger = Messenger(exchange=exchange(timeout_s=timeout_s), sleep=slept.append, now=lambda: NOW)
        (letter,) = slack.letters(a_notice(), services.slack)
        messenger.deliver(letter, place="slack-1")
        return slept

    return sent


def test_a_message_arrives_over_a_real_connection(services: Receivers, deliver: Callable[..., list[float]]) -> None:
    assert deliver() == []
    (message,) = services.at("/services/T000/B000/slack-secret-path")
    assert message["blocks"][0]["text"]["text"].startswith("🔴 support-bot: Regression")


def test_a_real_receiver_is_obeyed_when_it_asks_for_a_wait(
    services: Receivers, deliver: Callable[..., list[float]]
) -> None:
    assert deliver(Fault(429, {"Retry-After": "3"}), Fault(503)) == [3.0, 2.0]
    assert services.tries == 3


def test_a_receiver_that_drips_holds_nobody_up(services: Receivers, deliver: Callable[..., list[float]]) -> None:
    begun = time.monotonic()
    assert deliver(Fault(HANG), timeout_s=1.0) == [1.0]
    assert time.monotonic() - begun < 4.5


def test_a_redirect_of_a_real_receiver_is_not_followed(
    services: Receivers, deliver: Callable[..., list[float]]
) -> None:
    with pytest.raises(PublishFailed, match="gets none"):
        deliver(Fault(307, {"Location": f"{services.base_url}/hook"}))
    assert services.tries == 1


def test_a_long_refusal_is_read_no_further_than_its_begin(
    services: Receivers, deliver: Callable[..., list[float]]
) -> None:
    with pytest.raises(PublishFailed) as caught:
        deliver(Fault(400, text="x" * 1_000_000))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "https://127.0.0.1:1/x", "http://[::1", "gopher://x/y"])
def test_who_cannot_be_reached_is_named_without_the_address(url: str) -> None:
    with pytest.raises(Unanswered) as caught:
        exchange()(Letter(url=url, body=b"{}"))
    assert "could not be reached" in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
