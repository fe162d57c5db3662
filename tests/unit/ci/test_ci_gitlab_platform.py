"""Notes by python-gitlab against a stateful server: found over all pages, kept as one, and refused in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from lens_gate.ci.gitlab.platform import GitLab, runs_on_gitlab
from lens_gate.ci.notes import Note, NoteDelayed, NoteGone, Notes, Patience, keep_one
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed
from lens_gate.vocabulary.publishing import Annotation, CheckResult, Conclusion, Level, Publication
from tests.fakes.github import Answer, Fault
from tests.fakes.gitlab import JOB_TOKEN, PERSON, REQUEST, SHA, TOKEN, GitLabServer, gitlab_server, refused

MARKER = "<!-- lens-gate board x -->"
NO_CHECK = CheckResult(conclusion=Conclusion.SUCCESS, title="t", summary="s")


@pytest.fixture
def server() -> Iterator[GitLabServer]:
    with gitlab_server() as running:
        yield running


class Watch:
    """What was slept, and a clock that does not move."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.waiting = Waiting(sleep=self.slept.append, now=lambda: 0.0, rng=Random(1))


def platform(server: GitLabServer, folder: Path, watch: Watch | None = None, **changes: str) -> GitLab:
    return GitLab(server.environment(**changes), folder, (watch or Watch()).waiting)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def notes(server: GitLabServer, tmp_path: Path, watch: Watch) -> Notes:
    return platform(server, tmp_path, watch).notes()[0]


def keep(notes: Notes, text: str, watch: Watch) -> Note | None:
    body = f"{MARKER}\n{text}"
    return keep_one(notes, MARKER, lambda _: body, Patience(waiting=watch.waiting))


def test_one_note_is_made_and_then_updated_in_place(server: GitLabServer, notes: Notes, watch: Watch) -> None:
    first = keep(notes, "one", watch)
    second = keep(notes, "two", watch)
    assert first
    assert second
    assert first.id == second.id
    assert server.bodies() == [f"{MARKER}\ntwo"]
    assert [one.method for one in server.asked if one.method in {"POST", "PUT"}] == ["POST", "PUT"]
    assert {one.headers.get("private-token") for one in server.asked} == {TOKEN}


def test_our_note_is_found_among_250_on_the_last_page_and_not_taken_for_anothers(
    server: GitLabServer, notes: Notes
) -> None:
    for number in range(249):
        server.add_note(f"{MARKER}\nnot ours {number}", author=PERSON)
    ours = server.add_note(f"{MARKER}\nours")
    server.add_note(f"quoted {MARKER}")
    server.add_note(f"{MARKER}\nof the system", system=True)
    assert [one.id for one in notes.mine(MARKER)] == [ours]
    pages = [one.query.get("page", "1") for one in server.asked if one.path.endswith("/notes")]
    assert pages == ["1", "2", "3"]


def test_a_second_note_of_ours_is_removed(server: GitLabServer, notes: Notes, watch: Watch) -> None:
    server.add_note(f"{MARKER}\na")
    server.add_note(f"{MARKER}\nb")
    keep(notes, "merged", watch)
    assert server.bodies() == [f"{MARKER}\nmerged"]


def test_a_lost_update_is_written_again(server: GitLabServer, notes: Notes, watch: Watch) -> None:
    server.add_note(f"{MARKER}\nold")
    server.lose = 2
    keep(notes, "new", watch)
    assert server.bodies() == [f"{MARKER}\nnew"]


def test_a_note_that_somebody_deleted_in_between_is_gone(server: GitLabServer, notes: Notes) -> None:
    gone = Note(id=99999, body="")
    for act in (lambda: notes.read(gone), lambda: notes.edit(gone, "x")):
        with pytest.raises(NoteGone):
            act()
    notes.delete(gone)


@pytest.mark.parametrize("after", [False, True])
def test_a_note_whose_answer_was_lost_is_not_made_twice(
    server: GitLabServer, notes: Notes, watch: Watch, *, after: bool
) -> None:
    server.faults = [Fault(Answer(0), method="POST", after=after)]
    keep(notes, "once", watch)
    assert server.bodies() == [f"{MARKER}\nonce"]


@pytest.mark.parametrize("answer", [Answer(502), Answer(500, {"message": "500 Internal Server Error"}), Answer(0)])
def test_an_outage_in_the_middle_is_waited_for(
    server: GitLabServer, notes: Notes, watch: Watch, answer: Answer
) -> None:
    server.faults = [Fault(answer, method="GET", times=2)]
    assert notes.mine(MARKER) == []
    assert len(watch.slept) == 2


def test_the_server_says_how_long_to_wait(server: GitLabServer, notes: Notes, watch: Watch) -> None:
    server.faults = [Fault(refused(429, "Too Many Requests", **{"Retry-After": "17"}))]
    assert notes.mine(MARKER) == []
    assert watch.slept == [17.0]


def test_an_update_waits_for_nothing_by_itself_since_others_write_meanwhile(
    server: GitLabServer, notes: Notes, watch: Watch
) -> None:
    notes.create(f"{MARKER} x")
    (note,) = notes.mine(MARKER)
    server.faults = [Fault(refused(429, "Too Many Requests", **{"Retry-After": "17"}), method="PUT")]
    with pytest.raises(NoteDelayed) as caught:
        notes.edit(note, f"{MARKER} y")
    assert (caught.value.wait_s, watch.slept) == (17.0, [])
    notes.edit(note, f"{MARKER} y")
    server.faults = [Fault(refused(403, "Forbidden"), method="PUT")]
    with pytest.raises(PublishFailed, match="does not let this token"):
        notes.edit(note, f"{MARKER} z")


def test_a_wait_that_is_too_long_is_given_up_at_once(server: GitLabServer, notes: Notes, watch: Watch) -> None:
    server.faults = [Fault(refused(429, "Too Many Requests", **{"Retry-After": "3600"}), times=9)]
    with pytest.raises(PublishFailed, match="rate limit"):
        notes.mine(MARKER)
    assert watch.slept == []


def test_without_a_time_a_limit_is_waited_for_with_growing_patience(
    server: GitLabServer, notes: Notes, watch: Watch
) -> None:
    server.faults = [Fault(refused(429, "Retry later"), times=9)]
    with pytest.raises(PublishFailed, match="rate limit"):
        notes.mine(MARKER)
    assert len(watch.slept) == 4
    assert sum(watch.slept) < 90


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refused(401, "401 Unauthorized"), "does not take the token to say whose the token is"),
        (refused(403, "403 Forbidden"), "does not let this token"),
        (refused(404, "404 Project Not Found"), "finds nothing there"),
        (refused(422, "odd"), "GitLab refuses to"),
        (Answer(503), "GitLab answers 503"),
        (Answer(0), "GitLab cannot be reached"),
        (Answer(302, None, {"Location": "https://evil.example/"}), "is not its interface"),
        (Answer(200, ["no user"]), "is not its interface"),
    ],
)
def test_a_refusal_is_told_in_words_with_what_to_do(
    server: GitLabServer, notes: Notes, answer: Answer, words: str
) -> None:
    server.faults = [Fault(answer, path=".*/user", times=9)]
    with pytest.raises(PublishFailed) as caught:
        notes.mine(MARKER)
    assert words in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert caught.value.exit_code == 7


def test_no_redirect_carries_the_token_away(server: GitLabServer, notes: Notes) -> None:
    with gitlab_server() as other:
        server.faults = [Fault(Answer(307, None, {"Location": f"{other.url}/api/v4/user"}))]
        with pytest.raises(PublishFailed):
            notes.mine(MARKER)
        assert other.asked == []


def test_a_read_only_token_gets_the_remedy_and_leaves_nothing(server: GitLabServer, notes: Notes, watch: Watch) -> None:
    server.faults = [Fault(refused(403, "403 Forbidden"), method="POST", times=9)]
    with pytest.raises(PublishFailed) as caught:
        keep(notes, "text", watch)
    assert "access token (role Reporter, scope `api`)" in str(caught.value)
    assert server.bodies() == []


def test_a_job_without_a_token_is_told_that_its_own_is_not_enough(server: GitLabServer, tmp_path: Path) -> None:
    here = platform(server, tmp_path, GITLAB_TOKEN="")
    obstacle = here.obstacle(Publication.COMMENT)
    assert obstacle is not None
    assert "CI_JOB_TOKEN" in obstacle.why
    assert JOB_TOKEN not in obstacle.why
    with pytest.raises(PublishFailed, match="no token"):
        here.notes()


def test_a_fork_is_told_who_can_run_its_pipeline_here(server: GitLabServer, tmp_path: Path) -> None:
    here = platform(server, tmp_path, GITLAB_TOKEN="", CI_PROJECT_ID="8")
    obstacle = here.obstacle(Publication.COMMENT)
    assert obstacle is not None
    assert "Run pipeline" in obstacle.way_out
    with pytest.raises(PublishFailed, match="Run pipeline"):
        here.notes()


def test_a_pipeline_in_a_fork_has_no_secrets(server: GitLabServer, tmp_path: Path) -> None:
    assert "without the variables" in platform(server, tmp_path, CI_PROJECT_ID="8").without_secrets
    assert not platform(server, tmp_path).without_secrets
    assert not platform(server, tmp_path, CI_PIPELINE_ID="").without_secrets


def test_a_pipeline_without_a_request_has_nothing_to_write_on(server: GitLabServer, tmp_path: Path) -> None:
    here = platform(server, tmp_path, CI_MERGE_REQUEST_IID="")
    assert here.obstacle(Publication.COMMENT) is not None
    with pytest.raises(PublishFailed, match="no merge request"):
        here.notes()
    odd = platform(server, tmp_path, CI_PIPELINE_ID="")
    obstacle = odd.obstacle(Publication.COMMENT)
    assert obstacle is not None
    assert "CI_PIPELINE_ID" in obstacle.why


def test_what_gitlab_has_no_place_for_is_said(server: GitLabServer, tmp_path: Path) -> None:
    here = platform(server, tmp_path)
    for what in (Publication.SUMMARY, Publication.CHECK):
        assert here.obstacle(what) is not None
    with pytest.raises(PublishFailed, match="auto"):
        here.write_summary("x")
    with pytest.raises(PublishFailed, match="auto"):
        here.begin_check("x")
    with pytest.raises(PublishFailed, match="auto"):
        here.end_check("x", NO_CHECK)
    for what in (Publication.OUTPUTS, Publication.ANNOTATIONS, Publication.COMMENT):
        assert here.obstacle(what) is None
    here.require(tuple(Publication))


def test_reports_are_written_where_the_job_runs(server: GitLabServer, tmp_path: Path) -> None:
    here = platform(server, tmp_path)
    here.write_outputs({"verdict": "pass", "mean-latency-ms": "5"})
    here.annotate([Annotation(level=Level.ERROR, title="t", message="m", path="a.yaml", line=2)])
    assert (tmp_path / "lens-gate.env").read_text() == "LENS_GATE_VERDICT=pass\nLENS_GATE_MEAN_LATENCY_MS=5\n"
    assert (tmp_path / "lens-gate-metrics.txt").read_text().endswith("lens_gate_mean_latency_ms 5\n# EOF\n")
    assert json.loads((tmp_path / "gl-code-quality-report.json").read_bytes())[0]["location"]["path"] == "a.yaml"
    with pytest.raises(PublishFailed, match="cannot be written"):
        platform(server, tmp_path / "missing").write_outputs({})


def test_the_platform_names_its_run_and_its_pages(server: GitLabServer, tmp_path: Path) -> None:
    here = platform(server, tmp_path)
    assert (here.name, here.trusted_half) == ("GitLab", False)
    assert (here.step.run_id, here.step.commit) == (900, SHA)
    assert (here.step.job, here.step.attempt) == (f"/{REQUEST}/lens-gate:development", 9001)
    assert here.url_of_run(900).endswith("/-/pipelines/900")
    assert runs_on_gitlab({"GITLAB_CI": "true"})
    assert not runs_on_gitlab({"CI": "true"})
