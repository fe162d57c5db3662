"""The change that a pipeline runs for, from its variables: which request, of which project, and whether of a fork."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lens_gate.ci.github.event import MergeGroup, read_event
from lens_gate.ci.repository import ChangePlace
from lens_gate.errors import PublishFailed, SecurityRefusal

_GITHUB_EVENTS = ("pull_request", "workflow_run", "merge_group")
_GITHUB_MERGE = re.compile(r"refs/pull/\d+/merge")
_GITHUB_QUEUE = re.compile(r"refs/heads/gh-readonly-queue/(?P<branch>.+)/pr-[^/]+")
_GITLAB_MERGES = ("merged_result", "merge_train")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A pull or merge request (`pull/12`, None for what is none), and the project that it goes to.

    `fork` where it comes from another project, or where nobody can tell.
    """

    name: str | None = None
    project: str | None = None
    fork: bool = False


def needs_payload(environment: Mapping[str, str]) -> bool:
    """Say whether the event's payload has to be read to tell."""
    return environment.get("GITHUB_EVENT_NAME", "").startswith(_GITHUB_EVENTS)


def change_of(environment: Mapping[str, str], payload: bytes) -> Change:
    """Return the change; `payload` is GitHub's document on the event, empty where none is needed."""
    project = environment.get("GITHUB_REPOSITORY") or environment.get("CI_PROJECT_PATH")
    if needs_payload(environment):
        return _on_github(environment, payload, project)
    if number := environment.get("CI_MERGE_REQUEST_IID"):
        home, goes_to = (environment.get(f"CI_MERGE_REQUEST_{end}") for end in ("SOURCE_PROJECT_ID", "PROJECT_ID"))
        return Change(name=f"merge_request/{number}", project=project, fork=home is None or home != goes_to)
    return Change(project=project)


def target_of(environment: Mapping[str, str], payload: bytes = b"") -> str | None:
    """Return the name of the branch that the change of this pipeline goes to, None where it is none.

    Raises SecurityRefusal for a merge queue that does not say: its changes are trusted no more than pull requests.
    """
    if environment.get("GITHUB_EVENT_NAME") == "merge_group":
        return _queued_for(environment, payload)
    return environment.get("GITHUB_BASE_REF") or environment.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME") or None


def place_of(environment: Mapping[str, str], payload: bytes = b"") -> ChangePlace:
    """Return where the change of this pipeline stands."""
    if group := _merge_group(environment, payload):
        return ChangePlace(left_at=group.base_sha, goes_to=(group.branch,))
    merge = None
    if _GITHUB_MERGE.fullmatch(environment.get("GITHUB_REF", "")):
        merge = environment.get("GITHUB_SHA")
    elif environment.get("CI_MERGE_REQUEST_EVENT_TYPE") in _GITLAB_MERGES:
        merge = environment.get("CI_COMMIT_SHA")
    known = (target_of(environment, payload), environment.get("CI_DEFAULT_BRANCH"))
    return ChangePlace(
        merge=merge,
        left_at=environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA"),
        goes_to=tuple(dict.fromkeys(name for name in known if name)),
    )


def _merge_group(environment: Mapping[str, str], payload: bytes) -> MergeGroup | None:
    """Return the group of a merge queue: GitHub checks it out as a branch, and names no base in its variables."""
    if environment.get("GITHUB_EVENT_NAME") != "merge_group":
        return None
    try:
        return read_event(environment, payload).group
    except PublishFailed:
        return None


def _queued_for(environment: Mapping[str, str], payload: bytes) -> str:
    """Return the branch of a merge queue, by the event, else by the branch that GitHub made for the group."""
    if group := _merge_group(environment, payload):
        return group.branch
    if made := _GITHUB_QUEUE.fullmatch(environment.get("GITHUB_REF", "")):
        return made["branch"]
    raise SecurityRefusal(
        "it cannot be told which branch this merge queue is for, and so no configuration can be trusted",
        place="GitHub's event",
        hint="Run this inside a job of GitHub Actions, with GITHUB_EVENT_PATH and GITHUB_REF as GitHub sets them.",
    )


def _on_github(environment: Mapping[str, str], payload: bytes, project: str | None) -> Change:
    try:
        event = read_event(environment, payload)
    except PublishFailed:
        return Change(project=project, fork=True)
    if event.origin is not None:
        return Change(project=project, fork=event.origin.repository != event.repository)
    if event.group is not None:
        return Change(project=project)
    if event.pull is None:
        return Change(project=project, fork=True)
    return Change(name=f"pull/{event.pull.number}", project=project, fork=event.pull.fork or not payload)
