"""Check runs through PyGithub, against a server that keeps them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lens_gate.ci.board import digest
from lens_gate.ci.github.api import Api
from lens_gate.ci.github.asking import Asking
from lens_gate.ci.github.checks import MOST_ANNOTATIONS, NAME_BYTES, GitHubChecks, check_name
from lens_gate.ci.github.event import read_event
from lens_gate.ci.github.job import Job
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed
from lens_gate.vocabulary.publishing import Annotation, CheckResult, Conclusion, Level
from tests.fakes.github import FORBIDDEN, TOKEN, Answer, Fault, GitHubServer, github_server, refused
from tests.fakes.github_runner import BEFORE_SHA, SHA, Runner, a_pull_request
from tests.hostile import HOSTILE

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
FAILED = CheckResult(conclusion=Conclusion.FAILURE, title="Regression", summary="It got slower.")


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    with github_server() as running:
        yield running


def a_job(nonce: str = "0f" * 8, name: str = "gate", *, one_change: bool = True) -> Job:
    return Job(name=name, nonce=nonce, one_change=one_change)


def checks(
    server: GitHubServer, folder: Path, job: Job | None = None, *, run: int = 4242, attempt: int = 1,
    sleep: Callable[[float], None] = lambda _: None,
) -> GitHubChecks:  # fmt: skip
    payload = {"pull_request": a_pull_request(), "before": BEFORE_SHA}
    changes = {"GITHUB_API_URL": server.url, "GITHUB_RUN_ID": str(run), "GITHUB_RUN_ATTEMPT": str(attempt)}
    event = read_event(Runner(folder, name="pull_request", changes=changes).environment(), json.dumps(payload))
    waiting = Waiting(sleep=sleep, now=NOW.timestamp, rng=Random(1))
    api = Api.connect(event, TOKEN, Asking(waiting=waiting))
    return api.checks(job or a_job(), waiting.now)


def ended(conclusion: Conclusion) -> CheckResult:
    return CheckResult(conclusion=conclusion, title=f"It is a {conclusion}", summary="So it is.")


def conclusions(server: GitHubServer) -> list[str]:
    return [one["conclusion"] for one in server.checks.values()]


def own(run: int, attempt: int = 1, *, job: str = "gate", nonce: str = "0f" * 8) -> str:
    """What a check of ours carries."""
    return f"lens-gate/{run}/{attempt}/{digest('lens-gate / bot', job)}/{nonce}"


def the_only(server: GitHubServer) -> dict[str, Any]:
    (check,) = server.checks.values()
    return check


def an_open_check(server: GitHubServer, *, external_id: str, sha: str = SHA, **changes: Any) -> dict[str, Any]:
    made = len(server.checks) + 1
    server.checks[made] = {
        "id": made, "url": f"{server.url}/repos/acme/widgets/check-runs/{made}", "name": "lens-gate / bot",
        "head_sha": sha, "status": "in_progress", "conclusion": None, "annotations": [], "external_id": external_id,
        "started_at": "2026-03-02T09:00:00Z", **changes,
    }  # fmt: skip
    return server.checks[made]


def a_note(line: int | None = 3, path: str | None = "lens-gate.yaml", **changes: str) -> Annotation:
    texts = {"title": "first token", "message": "comes later", **changes}
    return Annotation(level=Level.ERROR, path=path, line=line, **texts)


def test_a_check_is_begun_on_the_head_of_the_pull_request_and_ended_in_place(
    server: GitHubServer, tmp_path: Path
) -> None:
    checks(server, tmp_path).begin("bot")
    begun = the_only(server)
    assert (begun["name"], begun["head_sha"], begun["status"]) == ("lens-gate / bot", SHA, "in_progress")
    checks(server, tmp_path).end("bot", FAILED)
    assert (the_only(server)["status"], the_only(server)["conclusion"]) == ("completed", "failure")
    assert the_only(server)["output"] == {"title": "Regression", "summary": "It got slower."}
    assert the_only(server)["details_url"].endswith("/actions/runs/4242")


def test_beginning_twice_begins_once(server: GitHubServer, tmp_path: Path) -> None:
    for _ in range(2):
        checks(server, tmp_path).begin("bot")
    assert len(server.checks) == 1


def test_a_check_that_was_not_begun_is_made_ended(server: GitHubServer, tmp_path: Path) -> None:
    checks(server, tmp_path).end("bot", FAILED)
    assert the_only(server)["conclusion"] == "failure"


def test_an_earlier_attempt_of_the_same_run_is_closed(server: GitHubServer, tmp_path: Path) -> None:
    earlier = an_open_check(server, external_id=own(4242))
    checks(server, tmp_path, attempt=2).begin("bot")
    assert (earlier["status"], earlier["conclusion"]) == ("completed", "cancelled")
    assert "Stale" in earlier["output"]["title"]
    assert len(server.checks) == 2


@pytest.mark.parametrize("sha", [SHA, BEFORE_SHA])
@pytest.mark.parametrize(("status", "closed"), [("completed", True), ("in_progress", False)])
def test_what_a_lost_run_left_open_is_closed_and_a_running_one_left_alone(
    server: GitHubServer, tmp_path: Path, sha: str, status: str, *, closed: bool
) -> None:
    server.runs[77] = status
    left = an_open_check(server, external_id=own(77), sha=sha)
    checks(server, tmp_path).end("bot", FAILED)
    assert (left["status"] == "completed") == closed


@pytest.mark.parametrize(
    ("started", "closed"), [("2026-03-02T03:59:00Z", True), ("2026-03-02T04:01:00Z", False), (None, True)]
)
def test_where_runs_may_not_be_read_a_check_is_lost_after_six_hours(
    server: GitHubServer, tmp_path: Path, started: str | None, *, closed: bool
) -> None:
    server.faults = [Fault(FORBIDDEN, path=".*/actions/runs/.*", times=9)]
    left = an_open_check(server, external_id=own(77), started_at=started)
    checks(server, tmp_path).begin("bot")
    assert (left["status"] == "completed") == closed


@pytest.mark.parametrize(
    "external_id", ["", "another tool", "lens-gate/77/1", f"{own(77)}/fine", f"{own(77)}/success/2"]
)
def test_what_is_not_ours_is_left_alone(server: GitHubServer, tmp_path: Path, external_id: str) -> None:
    server.runs[77] = "completed"
    other = an_open_check(server, external_id=external_id)
    checks(server, tmp_path).begin("bot")
    assert other["status"] == "in_progress"


def test_a_commit_that_is_gone_stands_in_no_ones_way(server: GitHubServer, tmp_path: Path) -> None:
    server.faults = [Fault(refused(404, "Not Found"), path=f".*/commits/{BEFORE_SHA}/.*")]
    checks(server, tmp_path).begin("bot")
    assert the_only(server)["status"] == "in_progress"


def test_annotations_go_in_requests_of_fifty_and_end_at_a_hundred(server: GitHubServer, tmp_path: Path) -> None:
    notes = tuple(a_note(line=number) for number in range(1, 131))
    nowhere = (a_note(path=None),)
    result = CheckResult(conclusion=Conclusion.FAILURE, title="t", summary="s", annotations=(*nowhere, *notes))
    checks(server, tmp_path).end("bot", result)
    told = the_only(server)["annotations"]
    assert [one["start_line"] for one in told] == list(range(1, MOST_ANNOTATIONS + 1))
    assert {one["annotation_level"] for one in told} == {"failure"}
    assert [line.split()[0] for line in server.writes()] == ["POST", "PATCH", "PATCH"]


def test_a_file_without_a_line_is_annotated_at_its_first(server: GitHubServer, tmp_path: Path) -> None:
    result = CheckResult(conclusion=Conclusion.NEUTRAL, title="t", summary="s", annotations=(a_note(None, message=""),))
    checks(server, tmp_path).end("bot", result)
    (told,) = the_only(server)["annotations"]
    assert (told["start_line"], told["end_line"], told["message"]) == (1, 1, "-")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_and_huge_texts_stay_within_their_fields(server: GitHubServer, tmp_path: Path, text: str) -> None:
    note = a_note(title=text, message=text)
    result = CheckResult(conclusion=Conclusion.FAILURE, title=text, summary="s", annotations=(note,))
    checks(server, tmp_path).end(text[:100], result)
    check = the_only(server)
    assert len(check["name"].encode()) <= NAME_BYTES
    assert len(check["output"]["title"]) <= 255
    assert len(check["annotations"][0]["title"]) <= 255
    assert len(check["annotations"][0]["message"].encode()) <= 65_536


def test_a_name_is_cut_between_characters() -> None:
    assert check_name("😀" * 100) == "lens-gate / " + "😀" * 60


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("ends", [True, False])
def test_a_check_whose_answer_was_lost_is_looked_for_before_it_is_made_again(
    server: GitHubServer, tmp_path: Path, *, after: bool, ends: bool
) -> None:
    server.faults = [Fault(Answer(0), method="POST", after=after)]
    if ends:
        checks(server, tmp_path).end("bot", FAILED)
    else:
        checks(server, tmp_path).begin("bot")
    assert the_only(server)["status"] == ("completed" if ends else "in_progress")


# Several jobs that end checks of one name


def test_each_job_of_a_run_begins_and_ends_a_check_of_its_own(server: GitHubServer, tmp_path: Path) -> None:
    one, two = checks(server, tmp_path, a_job("1" * 16)), checks(server, tmp_path, a_job("2" * 16))
    one.begin("bot")
    two.begin("bot")
    assert [check["status"] for check in server.checks.values()] == ["in_progress", "in_progress"]
    two.end("bot", ended(Conclusion.SUCCESS))
    assert conclusions(server) == [None, "success"]


@pytest.mark.parametrize("order", [(1, 0), (0, 1)])
@pytest.mark.parametrize("jobs", [("gate", "gate"), ("gate", "nightly")])
@pytest.mark.parametrize("better", [Conclusion.SUCCESS, Conclusion.NEUTRAL])
def test_whoever_ends_last_the_worst_conclusion_counts_for_all(
    server: GitHubServer, tmp_path: Path, order: tuple[int, int], jobs: tuple[str, str], better: Conclusion
) -> None:
    both = [checks(server, tmp_path, a_job(f"{number}" * 16, job)) for number, job in enumerate(jobs)]
    for one in both:
        one.begin("bot")
    results = (ended(better), ended(Conclusion.FAILURE))
    for number in order:
        both[number].end("bot", results[number])
    assert conclusions(server) == ["failure", "failure"]
    raised, worst = server.checks.values()
    assert raised["output"]["title"] == f"Worse in another job of this name. Here: It is a {better}"
    assert raised["output"]["summary"].startswith("**Several jobs publish under this name")
    assert raised["output"]["summary"].endswith("So it is.")
    assert worst["output"]["title"] == "It is a failure"


def test_two_jobs_that_end_at_the_same_moment_both_end_as_the_worse_one(server: GitHubServer, tmp_path: Path) -> None:
    other = checks(server, tmp_path, a_job("3" * 16))
    one = checks(server, tmp_path, a_job("2" * 16), sleep=lambda _: other.end("bot", ended(Conclusion.FAILURE)))
    one.begin("bot")
    # After the first one has looked, and before it is heard, the other one ends.
    server.faults = [Fault(Answer(502), method="PATCH")]
    one.end("bot", ended(Conclusion.SUCCESS))
    assert conclusions(server) == ["failure", "failure"]


def test_a_check_that_another_job_raises_before_its_annotations_are_sent_says_so_in_its_title(
    server: GitHubServer, tmp_path: Path
) -> None:
    other = checks(server, tmp_path, a_job("3" * 16))
    one = checks(server, tmp_path, a_job("2" * 16), sleep=lambda _: other.end("bot", ended(Conclusion.FAILURE)))
    server.faults = [Fault(Answer(429, headers={"retry-after": "1"}), method="PATCH")]
    one.end("bot", CheckResult(conclusion=Conclusion.SUCCESS, title="Fine", summary="s", annotations=(a_note(),)))
    assert conclusions(server) == ["failure", "failure"]
    assert [check["output"]["title"] for check in server.checks.values()] == [
        "Worse in another job of this name. Here: Fine",
        "It is a failure",
    ]


@pytest.mark.parametrize("again", [{"attempt": 2}, {"run": 5000}])
def test_a_job_that_runs_again_may_pass(server: GitHubServer, tmp_path: Path, again: dict[str, Any]) -> None:
    checks(server, tmp_path).end("bot", ended(Conclusion.FAILURE))
    checks(server, tmp_path, **again).end("bot", ended(Conclusion.SUCCESS))
    assert conclusions(server) == ["failure", "success"]


@pytest.mark.parametrize(("again", "end"), [({"attempt": 2}, "success"), ({"run": 5000}, "failure")])
def test_where_a_run_may_be_for_another_change_of_the_same_commit_it_takes_back_no_failure(
    server: GitHubServer, tmp_path: Path, again: dict[str, Any], end: str
) -> None:
    job = a_job(one_change=False)
    checks(server, tmp_path, job).end("bot", ended(Conclusion.FAILURE))
    checks(server, tmp_path, job, **again).end("bot", ended(Conclusion.SUCCESS))
    assert conclusions(server) == ["failure", end]
    said = [*server.checks.values()][1]["output"]
    assert said["title"].startswith("Worse in another run on this commit. Here: ") == (end == "failure")
    assert ("another attempt of the same run" in said["summary"]) == (end == "failure")
    assert "`suite`" not in said["summary"]


def test_where_jobs_cannot_be_told_apart_all_have_to_run_again_before_they_pass(
    server: GitHubServer, tmp_path: Path
) -> None:
    results = {"1" * 16: ended(Conclusion.FAILURE), "2" * 16: ended(Conclusion.SUCCESS)}
    for nonce, result in results.items():
        checks(server, tmp_path, a_job(nonce)).end("bot", result)
    checks(server, tmp_path, a_job("3" * 16), attempt=2).end("bot", ended(Conclusion.SUCCESS))
    assert conclusions(server)[2:] == ["failure"]
    checks(server, tmp_path, a_job("4" * 16), attempt=2).end("bot", ended(Conclusion.SUCCESS))
    assert conclusions(server)[2:] == ["success", "success"]
    again = list(server.checks.values())[2]
    assert (again["output"]["title"], again["output"]["summary"]) == ("It is a success", "So it is.")


def test_a_job_that_ended_its_check_twice_passes_by_one_check_when_it_runs_again(
    server: GitHubServer, tmp_path: Path
) -> None:
    for conclusion in (Conclusion.SUCCESS, Conclusion.FAILURE):
        checks(server, tmp_path).end("bot", ended(conclusion))
    assert conclusions(server) == ["failure", "failure"]
    checks(server, tmp_path, attempt=2).end("bot", ended(Conclusion.SUCCESS))
    assert conclusions(server)[2:] == ["success"]


def test_a_verdict_takes_the_place_of_what_the_same_job_said_before_it_had_one(
    server: GitHubServer, tmp_path: Path
) -> None:
    nothing = CheckResult(conclusion=Conclusion.FAILURE, title="Not measured", summary="s", measured=False)
    for job in (a_job(), a_job("1" * 16)):
        checks(server, tmp_path, job).end("bot", nothing)
    checks(server, tmp_path).end("bot", ended(Conclusion.SUCCESS))
    assert conclusions(server) == ["failure"] * 3  # the other job has none yet
    checks(server, tmp_path, a_job("1" * 16)).end("bot", ended(Conclusion.SUCCESS))
    assert conclusions(server)[2:] == ["success"] * 2
    checks(server, tmp_path).end("bot", nothing)
    assert conclusions(server)[2:] == ["failure"] * 3


def test_annotations_whose_answer_was_lost_are_not_sent_twice(server: GitHubServer, tmp_path: Path) -> None:
    server.faults = [Fault(Answer(0), method="PATCH", after=True)]
    result = CheckResult(conclusion=Conclusion.FAILURE, title="t", summary="s", annotations=(a_note(),))
    with pytest.raises(PublishFailed):
        checks(server, tmp_path).end("bot", result)
    assert len(the_only(server)["annotations"]) == 1
    assert the_only(server)["conclusion"] == "failure"


def test_without_the_permission_it_is_named(server: GitHubServer, tmp_path: Path) -> None:
    server.faults = [Fault(FORBIDDEN, method="POST", times=9)]
    with pytest.raises(PublishFailed, match="does not let this token make a check") as caught:
        checks(server, tmp_path).begin("bot")
    assert "permissions: checks: write" in str(caught.value)
