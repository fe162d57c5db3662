"""The port to the platform whose pipeline runs us: what can be published there, and how."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lens_gate.ci.notes import Notes
from lens_gate.vocabulary.publishing import Annotation, CheckResult, Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The job that publishes, in the run of a pipeline whose results it publishes: ids only grow.

    `commit` is what was measured. `job` is the same word in each run, and another one for each job that the platform
    lets us tell apart; `nonce` is of this one run of this one job. `one_change` is whether another run of it on this
    commit is for the same change; where it is not, `whole` is whether one run says all that there is to say of a
    change.
    """

    run_id: int
    attempt: int
    commit: str
    job: str
    nonce: str
    one_change: bool = True
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why something cannot be published here, as a clause; `way_out` tells people on the platform what they can do."""

    why: str
    way_out: str = ""


class Platform(ABC):
    """GitHub or GitLab, for the run of a pipeline that we are part of. Every method raises PublishFailed."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What the platform calls itself."""

    @property
    @abstractmethod
    def step(self) -> Step:
        """The run whose results are published."""

    @property
    @abstractmethod
    def trusted_half(self) -> bool:
        """Whether what is published comes from a run that may be hostile."""

    @property
    @abstractmethod
    def without_secrets(self) -> str:
        """Why this run has no secrets, as a sentence for people; empty where it may have them."""

    @property
    @abstractmethod
    def measured_without_secrets(self) -> str:
        """Why the run whose results are published had no secrets, which may be an earlier one; else empty."""

    @property
    def earlier_result(self) -> str:
        """How the earlier run ended whose results are published, in the platform's word; empty where there is none."""
        return ""

    @abstractmethod
    def require(self, kinds: Iterable[Publication]) -> None:
        """Raise UsageProblem where a part of lens-gate that one of these takes is not installed."""

    @abstractmethod
    def obstacle(self, what: Publication) -> Obstacle | None:
        """Return why this cannot be published here, None where it can."""

    @abstractmethod
    def url_of_run(self, run_id: int) -> str:
        """Return the page of a run of this repository."""

    @abstractmethod
    def write_summary(self, text: str) -> None:
        """Add Markdown to the summary of this step."""

    @abstractmethod
    def write_outputs(self, values: Mapping[str, str]) -> None:
        """Give values to later steps and jobs."""

    def artifact_name(self, suite: str) -> str:
        """Return a name to keep a suite's files under, beside those of other jobs; empty where none is needed."""
        del suite
        return ""

    @abstractmethod
    def annotate(self, annotations: Sequence[Annotation], *, beside: Sequence[Annotation] = ()) -> None:
        """Show remarks on lines of the change, worst first.

        Those `beside` were shown before: where all stand in one list, they stay in it.
        """

    @abstractmethod
    def notes(self) -> Sequence[Notes]:
        """Return the comments of each pull or merge request that the run belongs to."""

    @abstractmethod
    def begin_check(self, suite: str) -> None:
        """Show on the commit that this suite is being measured; end what a lost run of it left open."""

    @abstractmethod
    def end_check(self, suite: str, result: CheckResult) -> None:
        """Show on the commit what this suite's run found, whether or not it was begun."""
