"""A verdict published on the platform whose pipeline runs us: its files first, then what asks the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

from lens_gate.artifacts.verdict import Verdict
from lens_gate.ci.platform import Platform
from lens_gate.errors import PublishFailed, UsageProblem
from lens_gate.reports.markdown import markdown
from lens_gate.reports.page import ReportView
from lens_gate.reports.published import annotated, outputs
from lens_gate.reports.view import view
from lens_gate.steps.line import attempted
from lens_gate.steps.publish_places import Places, no_places
from lens_gate.vocabulary.outcomes import ExitCode, most_important
from lens_gate.vocabulary.publishing import CommentMode, Publication

ORDER = tuple(Publication)
"""What cannot fail by anybody else's fault comes first."""

SUMMARY_BYTES = 900_000
"""All verdicts of one step together: GitHub drops a summary above 1 MiB, and other steps' words need room too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be published; `kinds` None is all that the platform and the event allow.

    `strict` makes a failure to publish a failure of the command.
    """

    kinds: tuple[Publication, ...] | None = ()
    comment: CommentMode = CommentMode.ALWAYS
    board: str = "lens-gate"
    strict: bool = False

    @property
    def anything(self) -> bool:
        """Whether anything is to be published."""
        return self.kinds is None or bool(self.kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A verdict to publish: the name it goes by, the code that it means here, and files by the name of their output."""

    suite: str
    verdict: Verdict
    code: ExitCode
    files: Mapping[str, str] = field(default_factory=dict)
    places: Places = no_places

    @property
    def view(self) -> ReportView:
        """The verdict in words."""
        return view(self.verdict)


def publish(
    finished: Sequence[Finished], wish: Wish, platform: Platform | None, say: Callable[[str], None]
) -> tuple[PublishFailed, ...]:
    """Publish verdicts, and return what failed where that is to count; else it is said, and the verdict stands."""
    if not wish.anything:
        return ()
    if platform is None:
        say("nothing is published: no platform's pipeline runs this")
        return ()
    wanted = _possible(wish, platform, say)
    failed = attempted(*(partial(_publish, what, finished, platform) for what in wanted))
    if wish.strict:
        return failed
    for failure in failed:
        say(f"warning: not published: {failure}")
    return ()


def _possible(wish: Wish, platform: Platform, say: Callable[[str], None]) -> tuple[Publication, ...]:
    """Return what to publish in its order; what `auto` leaves out is said, what was asked for by name is tried."""
    if wish.kinds is not None:
        return tuple(what for what in ORDER if what in wish.kinds)
    obstacles = {what: platform.obstacle(what) for what in ORDER}
    for what, why in obstacles.items():
        if why:
            say(f"no {what.value} is published on {platform.name}: {why}")
    return tuple(what for what, why in obstacles.items() if why is None)


def _publish(what: Publication, finished: Sequence[Finished], platform: Platform) -> None:
    match what:
        case Publication.SUMMARY:
            platform.write_summary(_summary(finished))
        case Publication.OUTPUTS:
            platform.write_outputs(_outputs(finished))
        case Publication.ANNOTATIONS:
            platform.annotate([note for one in finished for note in annotated(one.view, one.places)])
        case Publication.CHECK | Publication.COMMENT:
            raise UsageProblem(f"--publish {what.value} is not available yet", hint="Leave it out.")
        case _ as never:
            assert_never(never)


def _summary(finished: Sequence[Finished]) -> str:
    """Return all verdicts for the summary of a step, the worst first."""
    share = SUMMARY_BYTES // max(1, len(finished))
    return "\n".join(markdown(one.view, limit=share) for one in worst_first(finished))


def _outputs(finished: Sequence[Finished]) -> dict[str, str]:
    """Return the values of the verdict that the step's own code comes from."""
    worst = worst_first(finished)[0]
    return outputs(worst.verdict, worst.view, worst.code, worst.files)


def worst_first(finished: Sequence[Finished]) -> list[Finished]:
    """Return verdicts by the weight of their codes, each code by the names of the suites."""
    codes = {one.code for one in finished}
    order: list[ExitCode] = []
    while codes:
        order.append(most_important(codes))
        codes.remove(order[-1])
    return sorted(finished, key=lambda one: (order.index(one.code), one.suite))
