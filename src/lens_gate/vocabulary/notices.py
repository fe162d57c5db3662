"""What is told to people who do not look at the pipeline: the news of a verdict, in plain words, for any chat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class News(StrEnum):
    """What a verdict changes for whoever was told the one before.

    `failing` is a failure of which nobody knows whether it is new, `better` one of which a part is over.
    """

    OPENED = "opened"
    WORSE = "worse"
    BETTER = "better"
    FAILING = "failing"
    RECOVERED = "recovered"


class When(StrEnum):
    """What of it is told: what changes, or every verdict that fails."""

    CHANGE = "change"
    FAILING = "failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One check that fails, in plain words; `subject` names its model, and is empty for the whole run.

    `value` and `limit` are in `unit`.
    """

    check: str
    series: str | None
    subject: str
    text: str
    severity: str
    metric: str | None = None
    value: float | None = None
    limit: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The news of one verdict. All texts are plain: each place escapes them for itself.

    `suite` is the name of the benchmark, `where` the branch or change that it ran for, `project` the repository; what
    is unknown is None. `series` are those whose state this tells, the whole run as "", each with whether it fails now.
    `moment` is when the verdict was written, RFC 3339 in UTC; `summary` is the verdict in numbers and words, for
    programs. `source` is the id of the run, or the name of the trend.
    """

    news: News
    suite: str
    outcome: str
    exit_code: int
    headline: str
    story: str
    troubles: tuple[Trouble, ...]
    series: Mapping[str, bool]
    moment: str
    source: str
    project: str | None = None
    where: str | None = None
    commit: str | None = None
    url: str | None = None
    tool: str = ""
