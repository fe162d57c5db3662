"""`analyze`, `gate` and `report`: each reads any earlier artifact and computes what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, assert_never

import click

from lens_gate.analysis.analyze import is_duet
from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.codec import Artifact
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.selftest import Selftest
from lens_gate.artifacts.trend import Trend, TrendVerdict
from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.artifacts.verdict import Verdict
from lens_gate.cli.missing import all_passed, missing_options, require_explained, told_none
from lens_gate.cli.notifying import notified, notify_asked_options, notify_options
from lens_gate.cli.options import chosen_of, config_options, fail_on_of, gate_options, judge_options, log_options
from lens_gate.cli.printing import PDF, form_of
from lens_gate.cli.publishing import (
    begun,
    closing_check,
    in_trusted_half,
    names_of,
    publish_options,
    published,
    published_judgement,
    publishing_of,
    wish_of,
)
from lens_gate.cli.results import results_of, say_unmeasured
from lens_gate.cli.sites import report_site, require_site, site_options
from lens_gate.cli.unread import closing_unread
from lens_gate.cli.wiring import logged_judging, read_sources, say, screen, show, show_in_log, world
from lens_gate.cli.written import filed, raising_after, reported, write_text
from lens_gate.errors import PublishFailed, UsageProblem
from lens_gate.reports.console import machine_line, trend_machine_line
from lens_gate.reports.onward import whose_rules
from lens_gate.steps.archived.store_address import reaching
from lens_gate.steps.judging.judge import Judgement, Rules, analysis_of, rules, verdict_of
from lens_gate.steps.judging.judgebook import note_analysis, note_failures, note_read, note_verdict
from lens_gate.steps.line import attempted
from lens_gate.steps.publishing.attempts import replaced
from lens_gate.steps.publishing.publish import Wish
from lens_gate.steps.publishing.what import left_in, one_file, read_untrusted, require_few
from lens_gate.steps.recorded.reading import read_artifact
from lens_gate.steps.rendering.render import Format, chosen_format, render, told
from lens_gate.steps.world import World
from lens_gate.stores.files import write_named
from lens_gate.vocabulary.outcomes import ExitCode, most_important

input_options = click.option("--input", "-i", "inputs", multiple=True, type=click.Path(), help="Artifact to read.")
inputs_argument = click.argument("more", nargs=-1, type=click.Path())
formats = [form.value for form in Format]

_GATE_OUTPUTS = {"output": Format.JSON, "junit": Format.JUNIT, "markdown": Format.MARKDOWN}


def all_inputs(inputs: Sequence[str], more: Sequence[str]) -> list[Path]:
    """Join --input and the trailing names, as shells expand them."""
    return require_some([Path(name) for name in (*inputs, *more)])


def require_some(paths: list[Path]) -> list[Path]:
    """Raise UsageProblem where there is nothing to read."""
    if not paths:
        raise UsageProblem("there is nothing to read", hint="Name an artifact, for instance results/run.json.")
    return paths


def only_input(inputs: Sequence[str], more: Sequence[str]) -> Path:
    """Return the one input of a command that judges one run."""
    paths = all_inputs(inputs, more)
    if len(paths) > 1:
        raise UsageProblem(
            f"{len(paths)} artifacts were given, and one run is judged at a time",
            hint="Name one; `lens-gate report` takes several.",
        )
    return paths[0]


@click.command()
@input_options
@inputs_argument
@config_options
@judge_options
@log_options
@click.option("--output", "-o", type=click.Path(), help="Where to write; standard output without it.")
@click.option("--format", "form", type=click.Choice(formats), help="Default: JSON, or what the output's ending means.")
def analyze(**options: Any) -> None:
    """Judge a run against its other arm, or against a stored baseline where it has one arm only."""
    form = chosen_format(options["form"], options["output"], Format.JSON)
    path = only_input(options["inputs"], options["more"])
    here = world()
    judged_by = _rules(options, here)
    here = reaching(here, judged_by.config)
    with logged_judging(judged_by, options, here, printed=form) as logging_here:
        artifact = _read(path, options, logging_here)
        _say_whose_rules(artifact, judged_by, options, logging_here)
        analysis = analysis_of(artifact, path, judged_by, logging_here)
        note_analysis(logging_here.log, analysis)
        text = render(analysis, path, form, rules=judged_by, world=logging_here, screen=screen())
        left = filed(text, options["output"], logging_here)
    show_rest(left, for_people=form is Format.TEXT)


@click.command()
@input_options
@inputs_argument
@config_options
@judge_options
@gate_options
@publish_options
@notify_options
@log_options
@click.option("--output", "-o", type=click.Path(), help="Where to write verdict.json.")
@click.option("--junit", type=click.Path(), help="Also write JUnit XML here.")
@click.option("--markdown", type=click.Path(), help="Also write the Markdown report here.")
def gate(**options: Any) -> int:
    """Apply thresholds, quality gates and budgets, and exit with the verdict."""
    here = world()
    with closing_unread(options, here):
        judged_by = _rules(options, here, fail_on=fail_on_of(options["fail_on"]))
        here = reaching(here, judged_by.config)
        publishing = publishing_of(options, judged_by, here)
    vouched = not in_trusted_half(here)
    with logged_judging(judged_by, options, here, printed=Format.TEXT) as logging_here:
        with closing_check(publishing.names, publishing.wish, logging_here, vouched=vouched):
            path = only_input(options["inputs"], options["more"])
            artifact = _read(path, options, logging_here)
            _say_whose_rules(artifact, judged_by, options, logging_here)
            verdict = verdict_of(artifact, path, judged_by, logging_here)
            if isinstance(verdict, Verdict):
                known = artifact.job if isinstance(artifact, Verdict) else None
                job = publishing.job(verdict.analysis.benchmark.name, here, known)
                verdict = verdict.model_copy(update={"job": job})
                note_analysis(logging_here.log, verdict.analysis)
            # What explains the verdict is its own file, where it is written to one.
            explained = Path(options["output"]) if options["output"] else path
            texts = {
                options[option]: render(verdict, explained, form, rules=judged_by, world=logging_here, screen=screen())
                for option, form in _GATE_OUTPUTS.items()
                if options[option]
            }
            failed = attempted(*(partial(write_text, text, target, logging_here) for target, text in texts.items()))
            note_verdict(logging_here.log, verdict)
        failed += published_judgement(verdict, explained, publishing, judged_by, logging_here, vouched=vouched)
        failed += notified(verdict, judged_by, options, logging_here)
        note_failures(logging_here.log, failed)
    return conclude(verdict, explained, failed, exit_zero=options["exit_zero"])


@click.command()
@input_options
@inputs_argument
@config_options
@judge_options
@log_options
@publish_options
@click.option("--begin", is_flag=True, help="With --publish check: begin the check, before anything is measured.")
@missing_options
@click.option("--exit-zero", is_flag=True, help="Publish as jobs with --exit-zero do: no verdict fails its check.")
@notify_asked_options
@click.option("--output", "-o", type=click.Path(), help="Where to write; standard output without it.")
@click.option(
    "--format",
    "form",
    type=click.Choice([*formats, PDF]),
    help="Default: text, or what the output's ending means. PDF needs a browser on the path.",
)
@click.option("--template", type=click.Path(), help="Template of your own, for all inputs together.")
@site_options
def report(**options: Any) -> int:
    """Render artifacts: a verdict, an analysis, or bare runs.

    A folder stands for the verdict.json in it, or in each of its folders: so jobs leave them, or an unmeasured.json
    where they had no secrets. With --site a history becomes a folder of pages, for GitHub or GitLab Pages. With
    --publish verdicts are shown on the platform too, with --notify whom the configuration names is told of them.
    """
    here = world()
    asked = [Path(name) for name in (*options["inputs"], *options["more"])]
    with closing_unread(options, here, alone=one_file(asked)):
        form = form_of(options)
        require_site(options)
        judged_by = _rules(options, here)
    if options["site"] is not None:
        report_site(options, judged_by, here)
        return ExitCode.OK
    here = reaching(here, judged_by.config)
    if options["begin"]:
        return _told_failures(begun(options, judged_by, here), here)
    paths = [file for path in asked for file in left_in(path)]
    names = names_of(options, judged_by, here, alone=one_file(asked))
    if options["allow_none"] and paths and not any(path.exists() for path in paths):
        return told_none(paths, names, options, judged_by, here)
    wish = wish_of(options, judged_by.config.publish, here.environment)
    with logged_judging(judged_by, options, here, printed=form) as logging_here:
        with closing_check(names, wish, logging_here, vouched=not in_trusted_half(here)):
            found, tells = _gathered(paths, wish, options, logging_here)
            finished = results_of(found, names.given, judged_by, options, logging_here) if tells else ()
            left, unwritten = reported(found, judged_by, options, logging_here)
        failed = published(finished, wish, logging_here)
        if options["notify"]:
            failed += _notified(found, judged_by, options, logging_here)
    if isinstance(unwritten, PublishFailed):
        failed, unwritten = (*failed, unwritten), None
    show_rest(left, for_people=form is Format.TEXT)
    code = _told_failures(failed, here)
    with raising_after(unwritten):
        require_explained(finished, options, judged_by, here)
        say_unmeasured(finished, code, here)
    return code


def _gathered(
    paths: list[Path], wish: Wish, options: dict[str, Any], here: World
) -> tuple[list[tuple[Artifact, Path]], bool]:
    """Return what was read, without what a later attempt has replaced where others are told of it, and if they are."""
    found = _read_all(require_some(paths), options, here)
    tells = _tells(found, options, wish)
    return (_standing(found, options, here) if tells or options["notify"] else found), tells


def _read_all(paths: Sequence[Path], options: dict[str, Any], here: World) -> list[tuple[Artifact, Path]]:
    if in_trusted_half(here):
        require_few(paths)
    return [(_read(path, options, here), path) for path in paths]


def _standing(found: list[tuple[Artifact, Path]], options: dict[str, Any], here: World) -> list[tuple[Artifact, Path]]:
    """Leave out what a later attempt has replaced, where not each has its name; say so."""
    if len(options["suites"]) == len(found):
        return found
    gone = replaced(found, settled=all_passed(options, here))
    for path in sorted(gone):
        here.say(f"{path}: left out, since a later attempt of its job left another verdict")
    return [(artifact, path) for artifact, path in found if path not in gone]


def _tells(found: Sequence[tuple[Artifact, Path]], options: dict[str, Any], wish: Wish) -> bool:
    """Whether others are told of verdicts, or of those that are missing: outputs that are read are set if all are."""
    outputs = wish.outputs_read and all(isinstance(artifact, Verdict | UnmeasuredJob) for artifact, _ in found)
    return wish.anything or outputs or bool(options["result"])


def _told_failures(failed: Sequence[PublishFailed], here: World) -> int:
    for failure in failed:
        here.say(f"lens-gate: {failure}")
    return ExitCode.PUBLISH_FAILED if failed else ExitCode.OK


def _notified(
    found: Sequence[tuple[Artifact, Path]], judged_by: Rules, options: dict[str, Any], here: World
) -> tuple[PublishFailed, ...]:
    """Tell of each verdict that was read, or that the rules give to what was read."""
    if judged_by.loaded is None or not judged_by.config.regression.notifications:
        raise UsageProblem(
            "--notify was given, and the configuration names nobody to tell",
            hint="Add `regression.notifications` (docs/notifications.md), or leave --notify out.",
        )
    verdicts = [
        one if isinstance(one, Verdict | TrendVerdict) else verdict_of(one, path, judged_by, here)
        for one, path in found
        if not isinstance(one, UnmeasuredJob)
    ]
    return tuple(failure for one in verdicts for failure in notified(one, judged_by, options, here))


def conclude(verdict: Judgement, path: Path, failed: Sequence[PublishFailed] = (), *, exit_zero: bool = False) -> int:
    """Show the verdict and what could not be written, print the line for machines last, and return the exit code.

    `path` is where the verdict, or what it was made from, lies. A failed write is told, and hides no verdict: the more
    important of both codes is returned.
    """
    text = told(verdict, path, screen())
    failed = (*failed, *attempted(lambda: show_in_log(text)))
    for failure in failed:
        say(f"lens-gate: {failure}")
    judged = ExitCode.OK if exit_zero else verdict.exit_code
    code = most_important([judged, *(ExitCode.PUBLISH_FAILED for _ in failed)])
    last = trend_machine_line(verdict, code) if isinstance(verdict, TrendVerdict) else machine_line(verdict, code)
    click.echo(last, err=True)
    return code


def require_fitting(options: dict[str, Any], artifact: Artifact) -> None:
    """Refuse options that a trend has no use for, rather than ignore them."""
    judging = {"baseline": options["baselines"] or None}
    judging |= {name: options[name] for name in ("threshold", "cover", "decision")}
    given = [f"--{name}" for name, value in judging.items() if value is not None]
    if given and isinstance(artifact, Trend | TrendVerdict):
        raise UsageProblem(
            f"{' and '.join(given)} does not apply to a trend",
            hint="`lens-gate trend` takes the rules for a history; leave this out here.",
        )


def _read(path: Path, options: dict[str, Any], here: World) -> Artifact:
    """Read an artifact, refuse options that do not apply to it, and say which one is left aside."""
    artifact = read_untrusted(path) if in_trusted_half(here) else read_artifact(path)
    require_fitting(options, artifact)
    _say_unused(options, artifact, path, here)
    note_read(here.log, artifact, path)
    return artifact


def _say_whose_rules(artifact: Artifact, judged_by: Rules, options: dict[str, Any], here: World) -> None:
    """Say which files' rules judge a measurement, and whether they are those that it was made with."""
    if isinstance(artifact, Run | Analysis):
        here.say(whose_rules(judged_by.files, artifact.arms, chosen=bool(options["configs"])))


def _say_unused(options: dict[str, Any], artifact: Artifact, path: Path, here: World) -> None:
    """Say that stored runs are left aside where both versions were measured in pairs."""
    if options["baselines"] and _has_pairs(artifact):
        here.say(f"{path}: both versions were measured in pairs, so --baseline is left aside")


def _has_pairs(artifact: Artifact) -> bool:
    match artifact:
        case Run():
            return is_duet(artifact)
        case Analysis():
            return artifact.source == "duet"
        case Verdict():
            return artifact.analysis.source == "duet"
        case Trend() | TrendVerdict() | Selftest() | UnmeasuredJob():
            return False
        case _ as never:
            assert_never(never)


def _rules(options: dict[str, Any], here: World, *, fail_on: tuple[str, ...] = ()) -> Rules:
    return rules(read_sources(options["configs"]), here, chosen_of(options, fail_on=fail_on))


def show_rest(left: str | None, *, for_people: bool = False) -> None:
    """Show on standard output what no file took."""
    if left is not None:
        (show_in_log if for_people else show)(left)


def emit(text: str, output: str | None) -> None:
    """Write to a file, or to standard output without one."""
    if output is None:
        show(text)
    else:
        write_named(Path(output), text.encode("utf-8"))
