"""What is published where there is no verdict and nobody's fault: loud, neutral, and never a pass."""

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
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.publishing import Annotation, CheckResult, Conclusion, Level, Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """Why a suite was not measured: the `headline` behind "Not measured", a sentence, and what exactly is missing."""

    suite: str
    headline: str
    why: str
    missing: str

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
    values = {"verdict": Outcome.NOT_MEASURED.value, "exit-code": "0", "regressions": "0"}
    note = Annotation(level=Level.WARNING, title="lens-gate: not measured", message=f"{one.why} {one.missing}")
    result = CheckResult(conclusion=Conclusion.NEUTRAL, title=one.title, summary=one.text)

    def commented() -> None:
        leg = leg_unmeasured(one.title, f"{one.why} {one.missing}", suite=one.suite, commit=platform.step.commit)
        publish_comment([Measured(leg=leg, id=None)], platform, stage.patience, board=wish.board, mode=wish.comment)

    return {
        Publication.SUMMARY: partial(platform.write_summary, summary),
        Publication.OUTPUTS: partial(platform.write_outputs, values),
        Publication.CHECK: partial(platform.end_check, one.suite, result),
        Publication.ANNOTATIONS: partial(platform.annotate, [note]),
        Publication.COMMENT: commented,
    }
