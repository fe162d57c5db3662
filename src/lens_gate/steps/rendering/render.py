"""From artifacts to texts: which renderer writes which format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from lens_gate.analysis.exhibits import exhibits
from lens_gate.analysis.exhibits_history import history_exhibit
from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.codec import Artifact, dumps
from lens_gate.artifacts.cost import CostReport
from lens_gate.artifacts.doctor import DoctorReport
from lens_gate.artifacts.exhibits import Exhibits
from lens_gate.artifacts.planning import PlanReport
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.selftest import Selftest
from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.artifacts.verdict import Verdict
from lens_gate.errors import UsageProblem
from lens_gate.reports.compare import comparison_view
from lens_gate.reports.console import console
from lens_gate.reports.cost import cost_sheet, cost_table
from lens_gate.reports.csv_rows import comparison_rows, csv_rows
from lens_gate.reports.doctor import doctor_sheet
from lens_gate.reports.html.report import comparison_html, run_html, verdict_html
from lens_gate.reports.html.site import trend_html
from lens_gate.reports.junit import junit
from lens_gate.reports.markdown import comparison_markdown, markdown, run_markdown, trend_markdown
from lens_gate.reports.planning import plan_sheet
from lens_gate.reports.selftest import selftest_sheet
from lens_gate.reports.sheet import Sheet, sheet_markdown, sheet_text
from lens_gate.reports.trend_view import trend_view
from lens_gate.reports.unmeasured import unmeasured_sheet
from lens_gate.reports.view import run_view, view
from lens_gate.steps.judging.judge import Judgement, Rules, verdict_of
from lens_gate.steps.recorded.reading import samples_beside
from lens_gate.steps.world import World


class Format(StrEnum):
    """What a report can be written as."""

    MARKDOWN = "markdown"
    JUNIT = "junit"
    CSV = "csv"
    JSON = "json"
    TEXT = "text"
    HTML = "html"


ENDINGS = {
    ".md": Format.MARKDOWN,
    ".xml": Format.JUNIT,
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".txt": Format.TEXT,
    ".html": Format.HTML,
    ".htm": Format.HTML,
}


@dataclass(frozen=True, slots=True)
class Screen:
    """What the terminal can show."""

    colour: bool = False
    width: int = 80
    unicode: bool = True


def chosen_format(name: str | None, output: str | None, default: Format) -> Format:
    """Return the format asked for, else the one that the output's ending means, else the default."""
    if name:
        return Format(name)
    return ENDINGS.get(Path(output.removesuffix(".gz")).suffix, default) if output else default


def render(artifact: Artifact, path: Path, form: Format, *, rules: Rules, world: World, screen: Screen) -> str:
    """Write one artifact in one format; an analysis is shown with the verdict that the rules give it."""
    match form:
        case Format.JSON:
            return dumps(artifact, pretty=True).decode("utf-8")
        case Format.CSV:
            return _csv(artifact, path)
        case _ if isinstance(artifact, Run | Selftest | UnmeasuredJob):
            return _unjudged(artifact, path, form, screen)
        case Format.MARKDOWN | Format.TEXT | Format.HTML if isinstance(artifact, Analysis) and only_ranks(artifact):
            return _comparison(artifact, form, screen)
        case _:
            return _judged(judged_of(artifact, path, rules, world), path, form, screen)


def judged_of(artifact: Artifact, path: Path, rules: Rules, world: World) -> Judgement:
    """Return the artifact if it is a verdict, else the one that the rules give it."""
    match artifact:
        case Verdict() | TrendVerdict():
            return artifact
        case _:
            return verdict_of(artifact, path, rules, world)


def _unjudged(artifact: Run | Selftest | UnmeasuredJob, path: Path, form: Format, screen: Screen) -> str:
    """Render a run that nobody has judged, or what nobody judges."""
    match artifact:
        case Selftest():
            return render_selftest(artifact, form, screen)
        case UnmeasuredJob():
            return junit(artifact) if form is Format.JUNIT else _sheet(unmeasured_sheet(artifact), form, screen)
        case Run():
            return _bare(artifact, path, form, screen)
        case _ as never:
            assert_never(never)


def _bare(run: Run, path: Path, form: Format, screen: Screen) -> str:
    match form:
        case Format.JUNIT:
            return junit(run)
        case Format.MARKDOWN:
            return run_markdown(run_view(run, str(path)))
        case Format.HTML:
            return run_html(run, str(path), _extract(run, path))
        case _:
            return console(run_view(run, str(path)), colour=screen.colour, width=screen.width, unicode=screen.unicode)


def _extract(run: Run, path: Path) -> Exhibits | None:
    """Return what figures are drawn from; None where the samples of a large run are not beside it."""
    try:
        return exhibits(samples_beside(run, path))
    except UsageProblem:
        return None


def only_ranks(analysis: Analysis) -> bool:
    """Whether an analysis puts models in order, and has nothing to say of another version."""
    return analysis.ranking is not None and analysis.source == "none"


def _comparison(analysis: Analysis, form: Format, screen: Screen) -> str:
    if form is Format.HTML:
        return comparison_html(analysis)
    page = comparison_view(analysis)
    if form is Format.MARKDOWN:
        return comparison_markdown(page)
    return console(page, colour=screen.colour, width=screen.width, unicode=screen.unicode)


def _judged(verdict: Judgement, path: Path, form: Format, screen: Screen) -> str:
    match form:
        case Format.JUNIT:
            return junit(verdict)
        case Format.MARKDOWN:
            if isinstance(verdict, TrendVerdict):
                return trend_markdown(trend_view(verdict))
            return markdown(view(verdict, str(path)))
        case Format.HTML:
            return _trend_page(verdict) if isinstance(verdict, TrendVerdict) else verdict_html(verdict, str(path))
        case _:
            return told(verdict, path, screen)


def _trend_page(verdict: TrendVerdict) -> str:
    return trend_html(verdict, [history_exhibit(series) for series in verdict.trend.series])


def told(verdict: Judgement, path: Path, screen: Screen) -> str:
    """Tell a verdict on a terminal; `path` is where it, or what it was made from, lies."""
    page = trend_view(verdict) if isinstance(verdict, TrendVerdict) else view(verdict, str(path))
    return console(page, colour=screen.colour, width=screen.width, unicode=screen.unicode)


def _csv(artifact: Artifact, path: Path) -> str:
    if isinstance(artifact, Analysis) and artifact.ranking is not None:
        return comparison_rows(artifact.ranking)
    if not isinstance(artifact, Run):
        raise UsageProblem(
            f"only a run has rows for CSV, and {path} holds an artifact of kind {artifact.kind}",
            hint="Give the run.json.",
        )
    return csv_rows(samples_beside(artifact, path), artifact)


def render_report(report: PlanReport | DoctorReport | CostReport, form: Format, screen: Screen) -> str:
    """Write what is no artifact, but a report made of one."""
    if form is Format.JSON:
        return report.model_dump_json(indent=2) + "\n"
    match report:
        case CostReport() if form is Format.CSV:
            return cost_table(report)
        case CostReport():
            return _sheet(cost_sheet(report), form, screen)
        case PlanReport():
            return _sheet(plan_sheet(report), form, screen)
        case DoctorReport():
            return _sheet(doctor_sheet(report), form, screen)
        case _ as never:
            assert_never(never)


def render_selftest(result: Selftest, form: Format, screen: Screen) -> str:
    """Write a self-test; its table shows at what rate what was wrong."""
    if form is Format.JSON:
        return dumps(result, pretty=True).decode("utf-8")
    return _sheet(selftest_sheet(result), form, screen)


def _sheet(sheet: Sheet, form: Format, screen: Screen) -> str:
    match form:
        case Format.MARKDOWN:
            return sheet_markdown(sheet)
        case Format.TEXT:
            return sheet_text(sheet, width=screen.width, unicode=screen.unicode) + "\n"
        case _:
            raise UsageProblem(f"this report cannot be written as {form}", hint="Use text, markdown or json.")


def render_all(
    found: Sequence[tuple[Artifact, Path]], form: Format, *, rules: Rules, world: World, screen: Screen
) -> str:
    """Write several artifacts into one text; JUnit holds a suite for each of them."""
    if form is Format.JUNIT:
        shown = (one if isinstance(one, Run | UnmeasuredJob) else judged_of(one, at, rules, world) for one, at in found)
        return junit(*shown)
    return joined([render(one, path, form, rules=rules, world=world, screen=screen) for one, path in found], form)


def joined(texts: Sequence[str], form: Format) -> str:
    """Put the reports of several artifacts into one file; only formats that can hold several may be joined."""
    if len(texts) == 1:
        return texts[0]
    match form:
        case Format.MARKDOWN | Format.TEXT:
            return "\n\n".join(texts)
        case Format.CSV:
            return _one_table(texts)
        case _:
            raise UsageProblem(f"several inputs do not fit into one {form} report", hint="Give one input at a time.")


def _one_table(texts: Sequence[str]) -> str:
    """Put the rows of several tables under one head."""
    heads = {text.partition("\n")[0] for text in texts}
    if len(heads) > 1:
        raise UsageProblem(
            "runs with one and with two arms have different columns", hint="Write one CSV for each kind of run."
        )
    return "".join([heads.pop(), "\n", *(text.partition("\n")[2] for text in texts)])
