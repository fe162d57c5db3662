"""The port to the platform whose pipeline runs us: what can be published there, and how."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lens_gate.vocabulary.publishing import Annotation, Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The run of a pipeline whose results are published; ids only grow, and `url` is its page."""

    run_id: int
    attempt: int
    url: str


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

    @abstractmethod
    def obstacle(self, what: Publication) -> str | None:
        """Say why this cannot be published here, as a clause after "because"; None where it can."""

    @abstractmethod
    def write_summary(self, text: str) -> None:
        """Add Markdown to the summary of this step."""

    @abstractmethod
    def write_outputs(self, values: Mapping[str, str]) -> None:
        """Give values to later steps and jobs."""

    @abstractmethod
    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """Show remarks on lines of the change, worst first."""
