"""What is published where there is no verdict: loud, never a pass, and neutral where it is nobody's fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from lens_gate.ci.platform import Platform
from lens_gate.errors import PublishFailed
from lens_gate.reports.comment import leg_unmeasured, unmeasured, unpublished
from lens_gate.steps.line import attempted
from lens_gate.steps.publishing.comment import Measured, publish_comment
from lens_gate.steps.publishing.publish import Stage, Wish, settled, wanted_of
from lens_gate.vocabulary.outcomes import ExitCode, Outcome
from lens_gate.vocabulary.publishing import Annotation, CheckResult, Conclusion, Level, Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """Why a suite was not measured: the `headline` behind "Not measured", a sentence, and what exactly is missing.

    `checks` are the names of the checks that end so: none where nobody knows which suites there are, as nobody would
    end a check of another name again. `code` is what it means for the command.
    """

    suite: str
    headline: str
    why: str
    missing: str
    checks: tuple[str, ...] = ()
    code: ExitCode = ExitCode.OK

    @property
    def title(self) -> str:
        """What stands above all else."""
        return f"Not measured: {self.headline}"

    @property
    def text(self) -> str:
        """The whole in Markdown."""
        return unmeasured(self.headline, self.why, self.missing)


def publish_unmeasured(one: Unmeasured, wish: Wish, stage: Stage) -> tuple[PublishFailed, ...]:
    """Say loudly that nothing was measured; return the failures that count."""
    platform = stage.platform
    if platform is None or not wish.anything:
        return ()
    wanted, ways_out = wanted_of(wish, platform, stage.say)
    summary = f"{one.text}\n\n{unpublished(ways_out)}" if ways_out else one.text
    doing = _doing(one, wish, platform, stage, summary)
    return settled(attempted(*(doing[what] for what in wanted)), wish, stage.say)


def _doing(
    one: Unmeasured, wish: Wish, platform: Platform, stage: Stage, summary: str
) -> Mapping[Publication, Callable[[], None]]:
    values = {"verdict": Outcome.NOT_MEASURED.value, "exit-code": str(int(one.code)), "regressions": "0"}
    fails = one.code is not ExitCode.OK
    level = Level.ERROR if fails else Level.WARNING
    note = Annotation(level=level, title="lens-gate: not measured", message=f"{one.why} {one.missing}")
    ends = Conclusion.FAILURE if fails else Conclusion.NEUTRAL
    result = CheckResult(conclusion=ends, title=one.title, summary=one.text)

    def checked() -> None:
        for suite in one.checks:
            platform.end_check(suite, result)

    def commented() -> None:
        text, commit = f"{one.why} {one.missing}", platform.step.commit
        leg = leg_unmeasured(one.title, text, suite=one.suite, commit=commit, code=one.code)
        publish_comment([Measured(leg=leg, id=None)], platform, stage.patience, board=wish.board, mode=wish.comment)

    return {
        Publication.SUMMARY: partial(platform.write_summary, summary),
        Publication.OUTPUTS: partial(platform.write_outputs, values),
        Publication.CHECK: checked,
        Publication.ANNOTATIONS: partial(platform.annotate, [note]),
        Publication.COMMENT: commented,
    }
