"""Comments through PyGithub, against a server that keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from lens_gate.ci.asking import Errand
from lens_gate.ci.github.api import Api
from lens_gate.ci.github.asking import Asking
from lens_gate.ci.github.event import read_event
from lens_gate.ci.notes import Note, NoteDelayed, NoteGone
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed
from tests.fakes.github import (
    BOT,
    FORBIDDEN,
    TOKEN,
    Answer,
    Fault,
    GitHubServer,
    an_open_pull,
    github_server,
    refused,
)
from tests.fakes.github_runner import SHA, Runner, a_finished_run, a_pull_request

MARKER = "<!-- m -->"
NOW = 1_772_445_600.0


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    with github_server() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    """How long was waited, in the order of the waits."""
    return []


def connected(server: GitHubServer, tmp_path: Path, waits: list[float], *, token: str = TOKEN, **event: object) -> Api:
    name, payload = next(iter(event.items()), ("pull_request", a_pull_request()))
    runner = Runner(tmp_path, name=name, event={name: payload}, changes={"GITHUB_API_URL": server.url})
    read = read_event(runner.environment(), (tmp_path / "event.json").read_text(encoding="utf-8"))
    return Api.connect(read, token, Asking(waiting=Waiting(sleep=waits.append, now=lambda: NOW, rng=Random(1))))


def test_of_250_comments_ours_is_found_on_the_last_page_by_author_and_marker(
    server: GitHubServer, tmp_path: Path, waits: list[float]
) -> None:
    for number in range(249):
        server.add_comment(f"{MARKER} not ours {number}", login="octocat")
    ours = server.add_comment(f"{MARKER} ours")
    notes = connected(server, tmp_path, waits).notes()[0]
    assert notes.mine(MARKER) == [Note(id=ours, body=f"{MARKER} ours")]
    assert [one.query.get("page", "1") for one in server.asked if one.method == "GET"] == ["1", "2", "3"]


def test_a_comment_is_created_read_edited_and_deleted(server: GitHubServer, tmp_path: Path, waits: list[float]) -> None:
    notes = connected(server, tmp_path, waits).notes()[0]
    notes.create(f"{MARKER} one")
    (note,) = notes.mine(MARKER)
    notes.edit(note, f"{MARKER} two")
    assert notes.read(note).body == f"{MARKER} two"
    notes.delete(note)
    notes.delete(note)
    assert server.bodies() == []
    with pytest.raises(NoteGone):
        notes.read(note)
    with pytest.raises(NoteGone):
        notes.edit(note, "x")


def test_a_token_that_may_not_say_whose_it_is_is_taken_for_that_of_a_workflow(
    server: GitHubServer, tmp_path: Path, waits: list[float]
) -> None:
    server.viewer = None
    ours = server.add_comment(f"{MARKER} ours", login=BOT)
    assert [note.id for note in connected(server, tmp_path, waits).notes()[0].mine(MARKER)] == [ours]


def test_the_first_comment_puts_a_wrong_guess_right(server: GitHubServer, tmp_path: Path, waits: list[float]) -> None:
    server.viewer = "some-app"
    notes = connected(server, tmp_path, waits).notes()[0]
    assert notes.mine(MARKER) == []
    notes.create(f"{MARKER} x")
    assert len(notes.mine(MARKER)) == 1


def test_a_comment_of_an_app_is_ours_under_its_name_with_and_without_bot(
    server: GitHubServer, tmp_path: Path, waits: list[float]
) -> None:
    server.viewer = "some-app"
    server.add_comment(f"{MARKER} x", login="some-app[bot]")
    server.add_comment(f"{MARKER} y", login="some-apps[bot]")
    assert [note.body for note in connected(server, tmp_path, waits).notes()[0].mine(MARKER)] == [f"{MARKER} x"]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_outage_that_ends_is_waited_for(
    server: GitHubServer, tmp_path: Path, waits: list[float], status: int
) -> None:
    server.faults = [Fault(refused(status, "down"), method="GET", times=2)]
    assert connected(server, tmp_path, waits).notes()[0].mine(MARKER) == []
    assert len(waits) == 2
    assert waits == sorted(waits)


@pytest.mark.parametrize("answer", [Answer(0), Answer(200, [{"id": 1}], cut=True)])
def test_a_cut_connection_is_tried_again_and_said_in_the_end(
    server: GitHubServer, tmp_path: Path, waits: list[float], answer: Answer
) -> None:
    server.faults = [Fault(answer, method="GET", times=2)]
    server.add_comment(f"{MARKER} x")
    notes = connected(server, tmp_path, waits).notes()[0]
    (note,) = notes.mine(MARKER)
    server.faults = [Fault(answer, method="GET", times=99)]
    with pytest.raises(PublishFailed, match="cannot be reached to read the comment"):
        notes.read(note)
    assert len(waits) == 2 + 4


def test_an_outage_that_stays_is_told_with_what_can_be_done(
    server: GitHubServer, tmp_path: Path, waits: list[float]
) -> None:
    server.faults = [Fault(refused(503, "down"), method="GET", times=99)]
    with pytest.raises(PublishFailed, match="503") as caught:
        connected(server, tmp_path, waits).notes()[0].mine(MARKER)
    assert "The verdict is in its files" in str(caught.value)
    assert len(waits) == 4


@pytest.mark.parametrize("after", [True, False])
def test_a_comment_whose_answer_was_lost_is_not_written_twice_blindly(
    server: GitHubServer, tmp_path: Path, waits: list[float], *, after: bool
) -> None:
    server.faults = [Fault(Answer(0), method="POST", path=".*comments", after=after)]
    notes = connected(server, tmp_path, waits).notes()[0]
    notes.create(f"{MARKER} x")
    assert len(server.bodies()) == after
    assert waits == []


@pytest.mark.parametrize(
    ("limit", "wait"),
    [
        (refused(429, "Too many requests", headers={"Retry-After": "7"}), 7.0),
        (refused(403, "You have exceeded a secondary rate limit", headers={"Retry-After": "9"}), 9.0),
        (refused(403, "You have exceeded a secondary rate limit. Wait a few minutes."), 60.0),
    ],
)
def test_a_limit_is_waited_for_as_long_as_github_asks(
    server: GitHubServer, tmp_path: Path, waits: list[float], limit: Answer, wait: float
) -> None:
    server.faults = [Fault(limit, method="POST", path=".*comments")]
    connected(server, tmp_path, waits).notes()[0].create("x")
    assert waits == [wait]
    assert server.bodies() == ["x"]


def test_an_update_waits_for_nothing_by_itself_since_others_write_meanwhile(
    server: GitHubServer, tmp_path: Path, waits: list[float]
) -> None:
    notes = connected(server, tmp_path, waits).notes()[0]
    notes.create(f"{MARKER} x")
    (note,) = notes.mine(MARKER)
    server.faults = [Fault(refused(429, "Too many requests", headers={"Retry-After": "7"}), method="PATCH")]
    with pytest.raises(NoteDelayed) as caught:
        notes.edit(note, f"{MARKER} y")
    assert (caught.value.wait_s, waits) == (7.0, [])
    notes.edit(note, f"{MARKER} y")
    assert server.bodies() == [f"{MARKER} y"]
    server.faults = [Fault(FORBIDDEN, method="PATCH")]
    with pytest.raises(PublishFailed, match="does not let this token"):
        notes.edit(note, f"{MARKER} z")


@pytest.mark.parametrize("error", [TypeError("a page"), ValueError("half a document"), RuntimeError("a redirect")])
def test_an_answer_that_is_none_of_the_interface_is_a_failure_to_publish(error: Exception) -> None:
    def call() -> None:
        raise error

    waits = list[float]()
    waiting = Waiting(sleep=waits.append, now=lambda: NOW, rng=Random(1))
    with pytest.raises(PublishFailed, match="not its interface") as caught:
        Asking(waiting=waiting)(Errand(what="begin the check", permission="checks: write"), call)
    assert "proxy" in str(caught.value)
    assert waits == []


def test_a_primary_limit_is_waited_for_until_it_is_lifted(
    server: GitHubServer, tmp_path: Path, waits: list[float]
) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 20)}
    server.faults = [Fault(refused(403, "API rate limit exceeded", headers=headers), method="GET")]
    connected(server, tmp_path, waits).notes()[0].mine(MARKER)
    assert waits == [20.0]


def test_a_limit_that_lasts_too_long_is_named(server: GitHubServer, tmp_path: Path, waits: list[float]) -> None:
    limit = refused(429, "Too many requests", headers={"Retry-After": "3600"})
    server.faults = [Fault(limit, method="GET")]
    with pytest.raises(PublishFailed, match="rate limit") as caught:
        connected(server, tmp_path, waits).notes()[0].mine(MARKER)
    assert "3600 s" in str(caught.value)
    assert waits == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (FORBIDDEN, "permissions: pull-requests: write"),
        (refused(403, "Unable to create comment because issue is locked."), "issue is locked"),
        (refused(404, "Not Found"), "permissions: pull-requests: write"),
        (refused(410, "Gone"), "finds nothing there"),
        (refused(422, "Validation Failed", errors=[{"message": "Body is too long"}]), "Body is too long"),
        (refused(422, "Validation\x1b[31m Failed"), "Validation[31m Failed"),
    ],
)
def test_a_refusal_names_the_permission_or_the_reason_and_is_not_repeated(
    server: GitHubServer, tmp_path: Path, waits: list[float], answer: Answer, said: str
) -> None:
    server.faults = [Fault(answer, method="POST", path=".*comments", times=99)]
    with pytest.raises(PublishFailed) as caught:
        connected(server, tmp_path, waits).notes()[0].create("x")
    assert said in str(caught.value)
    assert waits == []
    assert len(server.writes()) == 1


def test_a_refused_token_is_told_without_the_token(server: GitHubServer, tmp_path: Path, waits: list[float]) -> None:
    with pytest.raises(PublishFailed, match="GITHUB_TOKEN") as caught:
        connected(server, tmp_path, waits, token="ghp_wrongwrongwrong").notes()[0].mine(MARKER)
    assert "wrongwrong" not in str(caught.value)


def test_a_body_above_the_limit_is_refused_by_the_server_we_test_with(
    server: GitHubServer, tmp_path: Path, waits: list[float]
) -> None:
    with pytest.raises(PublishFailed, match="Body is too long"):
        connected(server, tmp_path, waits).notes()[0].create("x" * 65_537)


# The trusted half


def test_the_pull_request_of_the_run_before_is_found_by_repository_branch_and_commit(
    server: GitHubServer, tmp_path: Path, waits: list[float]
) -> None:
    server.pulls = [
        an_open_pull(1, sha="a" * 40, ref="longer-prompt"),
        an_open_pull(2, sha=SHA, ref="longer-prompt", home="visitor/another"),
        an_open_pull(3, sha=SHA, ref="longer-prompt"),
        an_open_pull(4, sha=SHA, ref="other"),
        an_open_pull(5, sha=SHA, ref="longer-prompt", home="acme/widgets"),
        an_open_pull(6, sha=SHA, ref="longer-prompt"),
    ]
    notes = connected(server, tmp_path, waits, workflow_run=a_finished_run()).notes()
    for one in notes:
        one.create("x")
    assert [comment["issue"] for comment in server.comments.values()] == [3, 6]


def test_without_a_pull_request_nothing_is_commented(server: GitHubServer, tmp_path: Path, waits: list[float]) -> None:
    with pytest.raises(PublishFailed, match="no open pull request"):
        connected(server, tmp_path, waits, workflow_run=a_finished_run()).notes()


def test_a_push_has_no_pull_request_to_comment_on(server: GitHubServer, tmp_path: Path, waits: list[float]) -> None:
    with pytest.raises(PublishFailed, match="`push`"):
        connected(server, tmp_path, waits, push={}).notes()
