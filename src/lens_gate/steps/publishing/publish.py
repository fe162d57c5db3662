"""A verdict published on the platform whose pipeline runs us: its files first, then what asks the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Protocol, TypeVar, assert_never

from lens_gate.artifacts.leg import MOST_ROWS
from lens_gate.artifacts.verdict import Verdict
from lens_gate.ci.notes import Patience
from lens_gate.ci.platform import Platform
from lens_gate.errors import PublishFailed
from lens_gate.reports.comment import leg_of, lighter, unpublished
from lens_gate.reports.markdown import markdown
from lens_gate.reports.page import ReportView
from lens_gate.reports.published import annotated, outputs
from lens_gate.reports.view import VERDICT_FILE, view
from lens_gate.steps.line import attempt_all, attempted
from lens_gate.steps.publishing.check import check_result
from lens_gate.steps.publishing.comment import Measured, publish_comment
from lens_gate.steps.publishing.places import Places, no_places
from lens_gate.vocabulary.outcomes import ExitCode, Outcome, most_important
from lens_gate.vocabulary.publishing import Annotation, CheckResult, CommentMode, Publication

ORDER = tuple(Publication)
"""What cannot fail by anybody else's fault comes first."""

SUMMARY_BYTES = 900_000
"""All verdicts of one step together: GitHub drops a summary above 1 MiB, and other steps' words need room too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be published; `kinds` None is all that the platform and the event allow.

    `asked` is what the command was given to find a verdict in: only one that was given the same takes back that it had
    none. `strict` makes a failure to publish a failure of the command. `outputs_read` is whether outputs are set beside
    all that, since somebody reads them: nobody asked to be told by that.
    """

    kinds: tuple[Publication, ...] | None = ()
    comment: CommentMode = CommentMode.ALWAYS
    board: str = "lens-gate"
    asked: str = ""
    strict: bool = False
    outputs_read: bool = False

    @property
    def anything(self) -> bool:
        """Whether anything is to be published."""
        return self.kinds is None or bool(self.kinds)

    @property
    def nothing(self) -> bool:
        """Whether a verdict leaves no trace on the platform: none that was asked for, and no outputs."""
        return not (self.anything or self.outputs_read)

    def names(self, what: Publication) -> bool:
        """Whether this is to be published by its name, and not by what the platform allows."""
        among = self.kinds or ()
        return what in among or (what is Publication.OUTPUTS and self.outputs_read)


class Result(Protocol):
    """What is told of one suite: a verdict, or that there is none; `code` is what it means for its command."""

    @property
    def suite(self) -> str:
        """The name that it goes by."""
        ...

    @property
    def code(self) -> ExitCode:
        """What it means here."""
        ...

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        ...

    def ends(self, asked: str) -> tuple[tuple[str, CheckResult], ...]:
        """Return how each of its checks ends, of what was `asked` for."""
        ...

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """What it says of single lines, or of none."""
        ...

    @property
    def outputs(self) -> dict[str, str]:
        """The values for later steps."""
        ...

    def summary(self, limit: int) -> str:
        """Return it in Markdown, in at most `limit` bytes."""
        ...

    def measured(self, commit: str) -> Measured:
        """Return what a comment keeps of it on a commit."""
        ...


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A verdict to publish: the name it goes by, the code that it means here, and files by the name of their output.

    `path` is where the verdict, or what it was made from, lies.
    Of an `untrusted` one only numbers and names are left, and no word of it is a command to copy.
    """

    suite: str
    verdict: Verdict
    code: ExitCode
    path: str = VERDICT_FILE
    files: Mapping[str, str] = field(default_factory=dict)
    places: Places = no_places
    untrusted: bool = False

    @cached_property
    def view(self) -> ReportView:
        """The verdict in words."""
        page = view(self.verdict, self.path)
        return replace(page, next_step=None) if self.untrusted else page

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        return self.verdict.outcome

    @property
    def check(self) -> CheckResult:
        """What a check says of the verdict."""
        return check_result(self.view, self.code, self.annotations, vouched=not self.untrusted)

    def ends(self, asked: str) -> tuple[tuple[str, CheckResult], ...]:
        """Return how its one check ends, of what was `asked` for."""
        return ((self.suite, replace(self.check, asked=asked)),)

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """What the verdict says of single lines."""
        return annotated(self.view, self.places)

    @property
    def outputs(self) -> dict[str, str]:
        """The values for later steps."""
        return outputs(self.verdict, self.view, self.code, self.files)

    def summary(self, limit: int) -> str:
        """Return the report in Markdown, in at most `limit` bytes."""
        return markdown(self.view, limit=limit)

    def measured(self, commit: str) -> Measured:
        """Return what a comment keeps of the verdict on a commit."""
        leg = leg_of(self.view, suite=self.suite, commit=commit, code=self.code)
        return Measured(leg=lighter(leg, MOST_ROWS) if self.untrusted else leg, id=self.verdict.analysis.benchmark.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where it is published: the platform (None: no pipeline runs us), how to wait for others, and our own voice."""

    platform: Platform | None
    patience: Patience
    say: Callable[[str], None]


def publish(finished: Sequence[Result], wish: Wish, stage: Stage) -> tuple[PublishFailed, ...]:
    """Publish results, and return what failed where that is to count; else it is said, and the verdicts stand."""
    if wish.nothing or not finished:
        return ()
    if stage.platform is None:
        stage.say("nothing is published: no platform's pipeline runs this")
        return ()
    return _Publishing(finished, wish, stage.platform, stage).done()


@dataclass(slots=True)
class _Publishing:
    """One publication of all that is wanted; a check takes the annotations that have a place with it."""

    finished: Sequence[Result]
    wish: Wish
    platform: Platform
    stage: Stage
    places_told: bool = False

    def done(self) -> tuple[PublishFailed, ...]:
        wanted, ways_out = wanted_of(self.wish, self.platform, self.stage.say)
        failed = attempted(*(partial(self._publish, what) for what in wanted))
        if Publication.SUMMARY in wanted and (notes := [*ways_out, *(failure.message for failure in failed)]):
            failed += attempted(lambda: self.platform.write_summary(unpublished(notes)))
        return settled(failed, self.wish, self.stage.say)

    def _publish(self, what: Publication) -> None:
        platform, finished = self.platform, self.finished
        match what:
            case Publication.SUMMARY:
                platform.write_summary(_summary(finished))
            case Publication.OUTPUTS:
                worst = worst_first(finished)[0]
                name = platform.artifact_name(worst.suite)
                platform.write_outputs(worst.outputs | ({"artifact-name": name} if name else {}))
            case Publication.CHECK:
                ends = [end for one in worst_first(finished) for end in one.ends(self.wish.asked)]
                attempt_all(*(partial(platform.end_check, name, result) for name, result in ends))
                self.places_told = True
            case Publication.ANNOTATIONS:
                notes = [note for one in finished for note in one.annotations]
                platform.annotate([note for note in notes if not (note.path and self.places_told)])
            case Publication.COMMENT:
                results = [one.measured(platform.step.commit) for one in finished]
                wish, patience = self.wish, self.stage.patience
                publish_comment(results, platform, patience, board=wish.board, mode=wish.comment, asked=wish.asked)
            case _ as never:
                assert_never(never)


def wanted_of(
    wish: Wish, platform: Platform, say: Callable[[str], None]
) -> tuple[tuple[Publication, ...], tuple[str, ...]]:
    """Return what to publish in its order, and what people can do about what `auto` leaves out.

    What was asked for by name is tried.
    """
    if wish.kinds is not None:
        return tuple(what for what in ORDER if wish.names(what)), ()
    obstacles = {what: platform.obstacle(what) for what in ORDER}
    met = {what: one for what, one in obstacles.items() if one is not None}
    for what, one in met.items():
        say(f"no {what.value} is published on {platform.name}: {one.why}")
    ways_out = dict.fromkeys(one.way_out for one in met.values() if one.way_out)
    return tuple(what for what in ORDER if what not in met), tuple(ways_out)


def settled(failed: tuple[PublishFailed, ...], wish: Wish, say: Callable[[str], None]) -> tuple[PublishFailed, ...]:
    """Return the failures that count; those that do not are said."""
    if wish.strict:
        return failed
    for failure in failed:
        say(f"warning: not published: {failure}")
    return ()


def _summary(finished: Sequence[Result]) -> str:
    """Return all results for the summary of a step, the worst first."""
    share = SUMMARY_BYTES // max(1, len(finished))
    return "\n".join(one.summary(share) for one in worst_first(finished))


_Told = TypeVar("_Told", bound=Result)


def worst_first(finished: Sequence[_Told]) -> list[_Told]:
    """Return results by the weight of their codes, each code by the names of the suites, what is not measured first.

    The first one is that of which the outputs tell: of a suite that nobody has measured no other one's pass is said.
    """
    codes = {one.code for one in finished}
    order: list[ExitCode] = []
    while codes:
        order.append(most_important(codes))
        codes.remove(order[-1])
    return sorted(finished, key=lambda one: (order.index(one.code), one.outcome is not Outcome.NOT_MEASURED, one.suite))
