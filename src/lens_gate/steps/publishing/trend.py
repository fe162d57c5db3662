"""The verdict on a history, shown on the page of the run: no change is its cause, so no comment or check is for it."""

from __future__ import annotations

from functools import partial

from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.errors import PublishFailed
from lens_gate.reports.markdown import trend_markdown
from lens_gate.reports.published import trend_annotated, trend_outputs
from lens_gate.reports.trend_view import trend_view
from lens_gate.steps.line import attempted
from lens_gate.steps.publishing.publish import Stage, Wish, settled, wanted_of
from lens_gate.vocabulary.outcomes import ExitCode
from lens_gate.vocabulary.publishing import Publication


def publish_trend(verdict: TrendVerdict, code: ExitCode, wish: Wish, stage: Stage) -> tuple[PublishFailed, ...]:
    """Publish the verdict on a history; `code` is what it means here. Return the failures that count."""
    platform = stage.platform
    if platform is None or wish.nothing:
        return ()
    shown = trend_view(verdict)
    doing = {
        Publication.SUMMARY: partial(platform.write_summary, trend_markdown(shown)),
        Publication.OUTPUTS: partial(platform.write_outputs, trend_outputs(verdict, code)),
        Publication.ANNOTATIONS: partial(platform.annotate, trend_annotated(shown, code)),
    }
    wanted, _ = wanted_of(wish, platform, stage.say)
    for what in wanted:
        if what not in doing:
            stage.say(f"no {what.value} is published for a trend: it belongs to no change")
    return settled(attempted(*(doing[what] for what in wanted if what in doing)), wish, stage.say)
