"""What a workflow runs for, from GitHub's variables and the event's payload (pure).

Only what GitHub itself wrote is read here. Of a `workflow_run` that is the head of the run that came before: its
artifacts are another's word, and the pull request is never taken from them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lens_gate.errors import PublishFailed

_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ADDRESS = re.compile(r"https?://[^\s/?#]+(?:/[^\s?#]*)?")
_MERGE_REF = re.compile(r"refs/pull/([1-9][0-9]{0,9})/merge")
_PULL_EVENTS = ("pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """The pull request that a workflow runs for; `fork` where its branch lies in another repository."""

    number: int
    head_sha: str | None
    fork: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The head of the run that a `workflow_run` follows: where its pull request comes from.

    `repository` is None where a fork was deleted since. `event` is what that run was for, `actor` who started it, and
    `conclusion` how it ended.
    """

    owner: str
    branch: str
    sha: str
    repository: str | None
    event: str
    actor: str | None = None
    conclusion: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeGroup:
    """Changes in a merge queue that are tried together: the branch they go to, and the commit that they stand on."""

    branch: str
    base_sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One run of a workflow.

    `sha` is the commit that a check belongs to: the head of a pull request, and not its merge commit. `before` is what
    the branch pointed to before this push, where GitHub says so. `run_id` and `attempt` are of the run whose results
    are published: of the earlier one under `workflow_run`.
    """

    name: str
    repository: str
    sha: str
    run_id: int
    attempt: int
    api_url: str
    server_url: str
    before: str | None = None
    pull: PullRequest | None = None
    origin: Origin | None = None
    group: MergeGroup | None = None

    @property
    def run_url(self) -> str:
        """The page of the run whose results are published."""
        return self.url_of_run(self.run_id)

    def url_of_run(self, run_id: int) -> str:
        """Return the page of a run of this repository."""
        return f"{self.server_url}/{self.repository}/actions/runs/{run_id}"


def read_event(environment: Mapping[str, str], payload: str | bytes) -> Event:
    """Return the event; raises PublishFailed where GitHub's variables or the payload are not what GitHub writes."""
    document = _payload(payload)
    name = environment.get("GITHUB_EVENT_NAME", "")
    origin = _origin(document) if name == "workflow_run" else None
    pull = _pull(name, document, environment)
    run = _part(document, "workflow_run") if origin else {}
    sha = origin.sha if origin else (pull.head_sha if pull else None)
    return Event(
        name=name,
        repository=_matching(_REPOSITORY, environment.get("GITHUB_REPOSITORY"), "GITHUB_REPOSITORY"),
        sha=sha or _matching(_COMMIT, environment.get("GITHUB_SHA"), "GITHUB_SHA"),
        run_id=_number(run.get("id") if origin else environment.get("GITHUB_RUN_ID"), "GITHUB_RUN_ID"),
        attempt=_number(
            run.get("run_attempt") if origin else environment.get("GITHUB_RUN_ATTEMPT", "1"), "GITHUB_RUN_ATTEMPT"
        ),
        api_url=_address(environment, "GITHUB_API_URL", "https://api.github.com"),
        server_url=_address(environment, "GITHUB_SERVER_URL", "https://github.com"),
        before=_commit_or_none(document.get("before")),
        pull=pull,
        origin=origin,
        group=_group(document) if name == "merge_group" else None,
    )


def _payload(text: str | bytes) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _odd("the payload of the event", "no JSON") from error
    if not isinstance(document, dict):
        raise _odd("the payload of the event", "no object")
    return document


def _pull(name: str, document: Mapping[str, Any], environment: Mapping[str, str]) -> PullRequest | None:
    """Return the pull request of an event that has one; a payload without it leaves the merge ref."""
    if name not in _PULL_EVENTS:
        return None
    found = _part(document, "pull_request")
    if not found:
        ref = _MERGE_REF.fullmatch(environment.get("GITHUB_REF", ""))
        return PullRequest(number=int(ref[1]), head_sha=None, fork=False) if ref else None
    head, base = _part(found, "head"), _part(found, "base")
    home = _part(head, "repo").get("full_name")
    return PullRequest(
        number=_number(found.get("number"), "pull_request.number"),
        head_sha=_matching(_COMMIT, head.get("sha"), "pull_request.head.sha"),
        fork=home is None or home != _part(base, "repo").get("full_name"),
    )


def _origin(document: Mapping[str, Any]) -> Origin:
    run = _part(document, "workflow_run")
    home = _part(run, "head_repository")
    repository = home.get("full_name")
    return Origin(
        owner=_matching(re.compile(r"[A-Za-z0-9._-]{1,100}"), _part(home, "owner").get("login"), "head_repository"),
        branch=_text(run.get("head_branch"), "workflow_run.head_branch"),
        sha=_matching(_COMMIT, run.get("head_sha"), "workflow_run.head_sha"),
        repository=repository if isinstance(repository, str) and _REPOSITORY.fullmatch(repository) else None,
        event=_text(run.get("event"), "workflow_run.event"),
        actor=_part(run, "actor").get("login"),
        conclusion=run.get("conclusion"),
    )


def _group(document: Mapping[str, Any]) -> MergeGroup:
    group = _part(document, "merge_group")
    ref = _text(group.get("base_ref"), "merge_group.base_ref")
    return MergeGroup(
        branch=ref.removeprefix("refs/heads/"),
        base_sha=_matching(_COMMIT, group.get("base_sha"), "merge_group.base_sha"),
    )


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise _odd(name, "missing")
    return value


def _matching(pattern: re.Pattern[str], value: object, name: str) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise _odd(name, "missing or not what GitHub writes")
    return value


def _number(value: object, name: str) -> int:
    text = str(value)
    if not re.fullmatch(r"[1-9][0-9]{0,18}", text):
        raise _odd(name, "missing or no number")
    return int(text)


def _address(environment: Mapping[str, str], name: str, default: str) -> str:
    return _matching(_ADDRESS, environment.get(name) or default, name).rstrip("/")


def _commit_or_none(value: object) -> str | None:
    """Return a commit; GitHub writes zeros where there was none before."""
    return value if isinstance(value, str) and _COMMIT.fullmatch(value) and value.strip("0") else None


def _odd(name: str, what: str) -> PublishFailed:
    return PublishFailed(
        f"{name} is {what}, so that it cannot be told what to publish to",
        place="GitHub's event",
        hint="Run this inside a job of GitHub Actions, with GITHUB_EVENT_PATH as GitHub sets it.",
    )
