"""What a job runs for, from the variables that GitLab sets (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lens_gate.errors import PublishFailed

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ADDRESS = re.compile(r"https?://[^\s/?#]+(?:/[^\s?#]*)?")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_OPEN_REQUEST = re.compile(r"(?P<project>[^!,\s]{1,255})!(?P<number>[1-9][0-9]{0,9})")
_API = "/api/v4"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequest:
    """A merge request by its number in the project that it goes to, given by number or by path."""

    project: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """One pipeline. `server_url` is the instance without a slash at its end, `elsewhere` that we run in a fork.

    `commit` is the head of the source branch, and not the merge result that a pipeline may check out. `job_id` grows
    when a job is tried again.
    """

    id: int
    job_id: int
    commit: str
    server_url: str
    project_url: str
    request: MergeRequest | None = None
    elsewhere: bool = False

    def url_of(self, pipeline: int) -> str:
        """Return the page of a pipeline of this project."""
        return f"{self.project_url}/-/pipelines/{pipeline}"


def read_pipeline(environment: Mapping[str, str]) -> Pipeline:
    """Return the pipeline; raises PublishFailed where the variables are not what GitLab sets."""
    source = environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
    return Pipeline(
        id=int(_matching(_NUMBER, environment, "CI_PIPELINE_ID")),
        job_id=int(_matching(_NUMBER, environment, "CI_JOB_ID")),
        commit=source if source and _COMMIT.fullmatch(source) else _matching(_COMMIT, environment, "CI_COMMIT_SHA"),
        server_url=_server(environment),
        project_url=_matching(_ADDRESS, environment, "CI_PROJECT_URL").rstrip("/"),
        request=_request(environment),
        elsewhere=environment.get("CI_MERGE_REQUEST_PROJECT_ID", "") not in {"", environment.get("CI_PROJECT_ID")},
    )


def _server(environment: Mapping[str, str]) -> str:
    """Return the instance: the client adds the path of the interface by itself."""
    name = "CI_API_V4_URL" if environment.get("CI_API_V4_URL") else "CI_SERVER_URL"
    return _matching(_ADDRESS, environment, name).rstrip("/").removesuffix(_API)


def _request(environment: Mapping[str, str]) -> MergeRequest | None:
    """Return the merge request of a pipeline for one, else the only one that is open for the branch."""
    number, project = environment.get("CI_MERGE_REQUEST_IID", ""), environment.get("CI_MERGE_REQUEST_PROJECT_ID", "")
    if _NUMBER.fullmatch(number) and _NUMBER.fullmatch(project):
        return MergeRequest(project=project, number=int(number))
    listed = environment.get("CI_OPEN_MERGE_REQUESTS", "").split(",")
    found = [match for match in map(_OPEN_REQUEST.fullmatch, listed) if match]
    return MergeRequest(project=found[0]["project"], number=int(found[0]["number"])) if len(found) == 1 else None


def _matching(pattern: re.Pattern[str], environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if pattern.fullmatch(value) is None:
        raise PublishFailed(
            f"{name} is missing or not what GitLab sets, so that it cannot be told what to publish to",
            place="GitLab's variables",
            hint="Run this inside a job of GitLab CI.",
        )
    return value
