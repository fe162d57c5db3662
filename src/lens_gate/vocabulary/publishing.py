"""What a verdict is published as on the platform whose pipeline runs us."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Publication(StrEnum):
    """A place where people, or later steps of a pipeline, find a verdict."""

    SUMMARY = "summary"
    OUTPUTS = "outputs"
    CHECK = "check"
    ANNOTATIONS = "annotations"
    COMMENT = "comment"


class CommentMode(StrEnum):
    """When the shared comment is written; an existing one is kept true in every mode but `off`.

    With `changes` a result is told only where it differs from what was told before, and a pass need not be told first;
    with `failures` nothing is told before something failed.
    """

    ALWAYS = "always"
    CHANGES = "changes"
    FAILURES = "failures"
    OFF = "off"


class Level(StrEnum):
    """How loud an annotation is."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A remark on a line of a file of the repository, or on none; its texts are plain."""

    level: Level
    title: str
    message: str
    path: str | None = None
    line: int | None = None


class Conclusion(StrEnum):
    """How a check on a commit ends."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check says at its end: a plain title, Markdown, and remarks on lines, worst first.

    `measured` is whether there is a verdict: where there is none, the same job may yet reach one, from what was `asked`
    for where that is said.
    """

    conclusion: Conclusion
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()
    measured: bool = True
    asked: str = ""
