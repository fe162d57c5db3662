"""What is published where there is no verdict: loud, never a pass, and neutral where it is nobody's fault."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from lens_gate.ci.platform import Platform
from lens_gate.errors import LensGateError, PublishFailed
from lens_gate.reports.comment import leg_unmeasured, unmeasured, unpublished
from lens_gate.reports.escape import cut_to, markdown_text
from lens_gate.steps.line import attempt_all, attempted
from lens_gate.steps.publishing.comment import Measured, publish_comment
from lens_gate.steps.publishing.publish import ORDER, Stage, Wish, settled, wanted_of
from lens_gate.vocabulary.outcomes import ExitCode, Outcome
from lens_gate.vocabulary.publishing import Annotation, CheckResult, Conclusion, Level, Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """Why a suite was not measured: the `headline` behind "Not measured", a sentence, and what exactly is missing.

    `checks` are the names of the checks that end so: none where nobody knows which suites there are, as nobody would
    end a check of another name again. `named` is whether the suite's verdict would have gone by this very name. `code`
    is what it means for the command, and `files` are those that the job leaves, by the name of their output. `beside`
    are the remarks of verdicts that the same command has published.
    """

    suite: str
    headline: str
    why: str
    missing: str
    checks: tuple[str, ...] = ()
    named: bool = False
    code: ExitCode = ExitCode.OK
    files: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[Annotation, ...] = ()

    @property
    def title(self) -> str:
        """What stands above all else."""
        return f"Not measured: {self.headline}"

    @property
    def text(self) -> str:
        """The whole in Markdown."""
        return unmeasured(self.headline, self.why, self.missing)

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        return Outcome.NOT_MEASURED

    def ends(self, asked: str) -> tuple[tuple[str, CheckResult], ...]:
        """Return how each of its checks ends; what has no name goes by what was `asked` for."""
        ends, asked = Conclusion.FAILURE if self._fails else Conclusion.NEUTRAL, "" if self.named else asked
        result = CheckResult(conclusion=ends, title=self.title, summary=self.text, measured=False, asked=asked)
        return tuple((check, result) for check in self.checks)

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """The one remark that says so, on no line."""
        level = Level.ERROR if self._fails else Level.WARNING
        return (Annotation(level=level, title="lens-gate: not measured", message=f"{self.why} {self.missing}"),)

    @property
    def outputs(self) -> dict[str, str]:
        """The values for later steps."""
        values = {"verdict": self.outcome.value, "exit-code": str(int(self.code)), "regressions": "0"}
        return values | dict(self.files)

    def summary(self, limit: int) -> str:
        """Return it in Markdown under the name of its suite, in at most `limit` bytes."""
        return cut_to(f"{self.text}\n\nSuite: {markdown_text(self.suite)}\n", limit)

    def measured(self, commit: str) -> Measured:
        """Return what a comment keeps of it on a commit."""
        text = f"{self.why} {self.missing}"
        leg = leg_unmeasured(self.title, text, suite=self.suite, commit=commit, code=self.code)
        return Measured(leg=leg, id=None, named=self.named)

    @property
    def _fails(self) -> bool:
        return self.code is not ExitCode.OK


STANDING = (Publication.CHECK, Publication.COMMENT)
"""What stays on the change, and would go on saying what an earlier commit was worth."""


def without_verdict(
    error: BaseException, suite: str, checks: Sequence[str], *, named: bool, vouched: bool = True
) -> Unmeasured:
    """Return what is said of a suite where its command ended before there was a verdict.

    Of what nobody vouches for no word is repeated: an error may quote it.
    """
    known = error.message if isinstance(error, LensGateError) else "The command was stopped, or failed by a defect."
    code = error.exit_code if isinstance(error, LensGateError) else ExitCode.DEFECT
    return Unmeasured(
        suite=suite,
        headline="there is no verdict",
        why="The command ended before there was one.",
        missing=known if vouched else "What another run has left cannot be read as a verdict.",
        checks=tuple(checks),
        named=named,
        code=ExitCode(code),
    )


def publish_unmeasured(
    one: Unmeasured, wish: Wish, stage: Stage, among: Collection[Publication] = ORDER
) -> tuple[PublishFailed, ...]:
    """Say loudly that nothing was measured, `among` these; return the failures that count."""
    platform = stage.platform
    if platform is None or wish.nothing:
        return ()
    wanted, ways_out = wanted_of(wish, platform, stage.say)
    summary = f"{one.text}\n\n{unpublished(ways_out)}" if ways_out else one.text
    doing = _doing(one, wish, platform, stage, summary)
    return settled(attempted(*(doing[what] for what in wanted if what in among)), wish, stage.say)


def _doing(
    one: Unmeasured, wish: Wish, platform: Platform, stage: Stage, summary: str
) -> Mapping[Publication, Callable[[], None]]:
    name = platform.artifact_name(one.suite) if one.files else ""
    values = one.outputs | ({"artifact-name": name} if name else {})

    def checked() -> None:
        attempt_all(*(partial(platform.end_check, suite, result) for suite, result in one.ends(wish.asked)))

    def commented() -> None:
        result, patience = one.measured(platform.step.commit), stage.patience
        publish_comment([result], platform, patience, board=wish.board, mode=wish.comment, asked=wish.asked)

    return {
        Publication.SUMMARY: partial(platform.write_summary, summary),
        Publication.OUTPUTS: partial(platform.write_outputs, values),
        Publication.CHECK: checked,
        Publication.ANNOTATIONS: partial(platform.annotate, one.annotations, beside=one.beside),
        Publication.COMMENT: commented,
    }
