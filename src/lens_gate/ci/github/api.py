"""GitHub's REST interface for one event: the pull request, its comments, and checks on its commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from github import Auth, Github

from lens_gate.ci.asking import Errand
from lens_gate.ci.github.asking import Asking
from lens_gate.ci.github.checks import GitHubChecks, Whose
from lens_gate.ci.github.comments import GitHubNotes
from lens_gate.ci.github.event import Event, Origin
from lens_gate.ci.github.job import Job
from lens_gate.errors import PublishFailed

_TIMEOUT_S = 20
_PER_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What is asked of GitHub, each answer as the asking has it."""

    client: Github
    asking: Asking
    event: Event

    @classmethod
    def connect(cls, event: Event, token: str, asking: Asking) -> Api:
        """Return the interface; nothing is asked yet, and PyGithub repeats nothing by itself."""
        client = Github(
            auth=Auth.Token(token),
            base_url=event.api_url,
            timeout=_TIMEOUT_S,
            per_page=_PER_PAGE,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        return cls(client=client, asking=asking, event=event)

    def notes(self) -> list[GitHubNotes]:
        """Return the comments of each pull request; raises PublishFailed where there is none."""
        return [GitHubNotes(self.client, self.asking, self.event.repository, number) for number in self._numbers()]

    def checks(self, job: Job, now: Callable[[], float]) -> GitHubChecks:
        """Return the checks on the commit; `now` is the time of day in seconds since 1970."""
        return GitHubChecks(self.client, self.asking, Whose(event=self.event, job=job), now)

    def _numbers(self) -> list[int]:
        if self.event.pull is not None:
            return [self.event.pull.number]
        if self.event.origin is not None:
            return self._numbers_from(self.event.origin)
        raise PublishFailed(
            f"there is no pull request to comment on: this runs for `{self.event.name}`",
            place="GitHub",
            hint="Publish comments in workflows that run `on: pull_request`, or `on: workflow_run` after one.",
        )

    def _numbers_from(self, origin: Origin) -> list[int]:
        """Find the pull requests by what GitHub says about the run before: its repository, branch and commit.

        One branch may ask to be merged into several, and nothing says which of them was measured. Each is told of it:
        the text names the version that was compared with.
        """
        errand = Errand(what="find the pull request", permission="pull-requests: write")
        repository = self.client.get_repo(self.event.repository)
        pulls = self.asking(
            errand, lambda: list(repository.get_pulls(state="open", head=f"{origin.owner}:{origin.branch}"))
        )
        fitting = [
            pull.number
            for pull in pulls
            if pull.head.sha == origin.sha and getattr(pull.head.repo, "full_name", None) == origin.repository
        ]
        if fitting:
            return fitting
        raise PublishFailed(
            f"no open pull request has the commit {origin.sha[:12]} of {origin.owner}:{origin.branch} at its head",
            place="GitHub",
            hint="It may have moved on: then the run for its new head publishes. A run `on: push` has none.",
        )
