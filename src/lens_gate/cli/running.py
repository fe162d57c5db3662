"""`run` and `ci`: the commands that send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from lens_gate.artifacts.verdict import Verdict
from lens_gate.cli.forecast import forecast_text
from lens_gate.cli.judging import conclude
from lens_gate.cli.live import watching
from lens_gate.cli.notifying import notified, notify_options
from lens_gate.cli.options import (
    against_of,
    chosen_of,
    config_options,
    control_option,
    cover_option,
    fail_on_of,
    gate_options,
    judge_options,
    overrides_of,
    run_options,
    threshold_option,
    until_option,
    upload_option,
)
from lens_gate.cli.publishing import Publishing, publish_options, published_judgement, publishing_of, watched
from lens_gate.cli.unread import closing_unread
from lens_gate.cli.wiring import logged, quick_source, read_sources, say, screen, show_in_log, timestamp, world
from lens_gate.config.keys import remarks_when_used
from lens_gate.config.load import Source, load_config
from lens_gate.errors import ConfigProblem, PublishFailed, UsageProblem
from lens_gate.reports.console import console, run_machine_line
from lens_gate.reports.view import run_view
from lens_gate.steps.archived.store_address import reaching
from lens_gate.steps.baselines.renewing import renew
from lens_gate.steps.baselines.uploading import Parcel, report_stores, stores_for, upload, upload_report
from lens_gate.steps.judging.against_stored import stored_for, with_stored_base
from lens_gate.steps.judging.judge import Rules, rules
from lens_gate.steps.judging.judgebook import note_analysis, note_verdict
from lens_gate.steps.line import attempted, judged, without_earlier
from lens_gate.steps.recorded.resuming import read_earlier
from lens_gate.steps.rendering.outputs import write_outputs
from lens_gate.steps.resolving.arms import RunOrder, resolve
from lens_gate.steps.resolving.order import Against
from lens_gate.steps.running.foreseen import preview
from lens_gate.steps.running.intent import MeasureOptions
from lens_gate.steps.running.lookout import looks_of
from lens_gate.steps.running.measure import Measured, exit_code_of, measure
from lens_gate.steps.world import World
from lens_gate.stores.base import Store
from lens_gate.vocabulary.outcomes import ExitCode, most_important


@click.command()
@config_options
@run_options
@control_option
@until_option
@threshold_option
@cover_option
@upload_option
@click.option("--resume", type=click.Path(), help="Go on with an interrupted run, from its journal or artifact.")
@click.option("--output", "-o", type=click.Path(), help="Where the artifact goes; default results/benchmark-TIME.json.")
@click.option("--format", "form", type=click.Choice(["json"]), default="json", help="The artifact is JSON.")
def run(**options: Any) -> int:
    """Measure endpoints, one version or two at the same time, and write the run artifact.

    The other version is named by one of the --against options: both are then sent the same prompts in neighbouring
    slots of one schedule. Ctrl-C keeps what was measured. --threshold and --cover say when --until-decided ends it.
    With --control the other version is not compared in pairs: a share of the requests goes to it, which shows how fast
    the stored baseline's configuration is today.
    """
    here = world(fetches=not options["dry_run"])
    return sent(order_of(options, here), options, here, name="benchmark")


def sent(order: RunOrder, options: dict[str, Any], here: World, *, name: str) -> int:
    """Measure what is ordered, write the artifact (by default to results/NAME-TIME.json), and show it."""
    arms = resolve(order, here)
    if options["dry_run"]:
        click.echo(forecast_text(preview(arms, here), arms))
        return ExitCode.OK
    output = Path(options["output"] or f"results/{name}-{timestamp(here)}.json")
    judged_by = rules(order.sources, here, chosen_of(options))
    here = reaching(here, judged_by.config)
    looks = looks_of(arms, judged_by.config.regression, asked=options.get("until_decided", False))
    resumed = options.get("resume")
    how = MeasureOptions(
        save_chunks=options["save_chunks"], looks=looks, earlier=read_earlier(Path(resumed)) if resumed else None
    )
    stores = stores_for(arms.candidate_side.config, options.get("stores", ()), here)
    with logged(arms, options, here) as logging_here:
        with watching(logging_here, arms) as watcher:
            measured = measure(arms, output, logging_here, watcher, how)
        failed = attempted(lambda: write_outputs(measured, arms, logging_here))
        failed += upload(Parcel(measured.path), stores, logging_here)
    return _told(measured, failed)


@click.command()
@config_options
@run_options
@control_option
@until_option
@judge_options
@gate_options
@upload_option
@publish_options
@notify_options
@click.option(
    "--output-dir", "-o", type=click.Path(), default="results", show_default=True, help="The folder of all files."
)
def ci(**options: Any) -> int:
    """Run, analyze, gate and report in one command; exits with the verdict.

    Without an --against option or a --baseline, the other version is where this branch left the main branch, or the
    first parent of a merge commit. With --control, the control is the commit that the newest stored run measured,
    unless an --against option names it.
    """
    here = world(fetches=not options["dry_run"] or options["control"] is not None)
    folder = Path(options["output_dir"])
    with closing_unread(options, here, measures=True):
        if not options["dry_run"]:
            # Before anything can fail: whatever does, a step after this one shall not take an earlier verdict for ours.
            without_earlier(folder)
        order = order_of(options, here)
        judged_by = rules_of_ci(order.sources, options, here)
        here = reaching(here, judged_by.config)
        publishing = publishing_of(options, judged_by, here)
    whole_line = partial(_whole_line, order, judged_by, publishing, options, here)
    return watched(publishing, judged_by, here, whole_line, folder=folder)


def rules_of_ci(sources: Sequence[Source], options: dict[str, Any], here: World) -> Rules:
    """Read the rules that `ci` judges by."""
    return rules(sources, here, chosen_of(options, fail_on=fail_on_of(options["fail_on"])))


def _whole_line(order: RunOrder, judged_by: Rules, publishing: Publishing, options: dict[str, Any], here: World) -> int:
    """Measure, judge, write and publish; return the exit code."""
    require_one_comparison(order, judged_by, here, named=bool(options["baselines"]))
    if order.against is None and not judged_by.baselines:
        order = with_default_base(order, here)
    stored = None
    if order.control is not None or not options["dry_run"]:
        # Read before anything is sent: a missing one costs nothing, and our own run may be written over it.
        stored = stored_for(order, judged_by, here)
        order = with_stored_base(order, stored, here)
    arms = resolve(order, here)
    if options["dry_run"]:
        click.echo(forecast_text(preview(arms, here), arms))
        return ExitCode.OK
    folder = Path(options["output_dir"])
    looks = looks_of(arms, judged_by.config.regression, asked=options["until_decided"])
    how = MeasureOptions(save_chunks=options["save_chunks"], looks=looks)
    stores = stores_for(arms.candidate_side.config, options["stores"], here)
    shelves = report_stores(arms.candidate_side.config, here)
    with logged(arms, options, here) as logging_here:
        with watching(logging_here, arms) as watcher:
            measured = measure(arms, folder / "run.json", logging_here, watcher, how)
        job = publishing.job(judged_by.config.profiler.name, here)
        done = judged(measured, judged_by, folder, logging_here, stored=stored, job=job)
        failed = (*done.failed, *attempted(lambda: write_outputs(measured, arms, logging_here)))
        parcel = Parcel(measured.path, done.verdict)
        failed += _stored(parcel, done.verdict, stores, judged_by, logging_here)
        failed += upload_report(parcel, folder / "report.html", shelves, logging_here)
        note_analysis(logging_here.log, done.verdict.analysis)
        note_verdict(logging_here.log, done.verdict)
        logging_here.say(f"Reports and artifacts are in {folder}/")
        failed += (
            *published_judgement(done.verdict, folder / "verdict.json", publishing, judged_by, logging_here),
            *notified(done.verdict, judged_by, options, logging_here, stores=stores),
        )
    return conclude(done.verdict, folder / "verdict.json", failed, exit_zero=options["exit_zero"])


def _stored(
    parcel: Parcel, verdict: Verdict, stores: Sequence[Store], judged_by: Rules, here: World
) -> tuple[PublishFailed, ...]:
    """Store a run that was judged, and make it the baseline where its time has come; return what failed of that."""
    return (*upload(parcel, stores, here), *attempted(lambda: renew(parcel, verdict, judged_by, here)))


def order_of(options: dict[str, Any], here: World, *, against: Against | None = None) -> RunOrder:
    """Read what is asked for, and warn of what the configuration asks in vain; `against` leaves no choice of it."""
    sources = read_sources(options["configs"]) or (quick_source(options["provider"], options["model"]),)
    warn(sources, here)
    return RunOrder(
        sources=sources,
        overrides=overrides_of(options),
        against=against or against_of(options, world=here, sources=sources),
        strict_env=options["strict_env"],
        control=options.get("control"),
    )


def require_one_comparison(order: RunOrder, judged_by: Rules, here: World, *, named: bool) -> None:
    """Refuse stored runs beside another version in pairs; say that they are left aside where no option `named` them."""
    if order.against is None or order.control is not None or not judged_by.baselines:
        return
    if named:
        raise UsageProblem(
            "--baseline and an --against option ask for two different comparisons, and a run is judged by one",
            hint="Leave --baseline out to compare both versions in pairs, or add --control 0.2 to compare with the "
            "stored runs, with the other version as their control.",
        )
    here.say("both versions are measured in pairs, so the configuration's regression.baseline is left aside")


def with_default_base(order: RunOrder, here: World) -> RunOrder:
    """Compare with where this branch left the main branch; without git or a configuration there, measure alone."""
    if here.repository is None:
        here.say("not in a git repository: there is nothing to compare with (see --against and --baseline)")
        return order
    commit = here.repository.default_base(here.runner.place)
    try:
        for source in order.sources:
            here.repository.read(commit, source.name)
    except ConfigProblem as error:
        here.say(f"{error.place}: {error.message}, so this run is measured alone")
        return order
    return replace(order, against=Against(kind="ref", value=commit))


def warn(sources: tuple[Source, ...], here: World) -> None:
    """Say what the configuration asks for in vain; refuse where a run without it would measure something else."""
    for remark in remarks_when_used(load_config(sources), "run"):
        here.say(f"warning: {remark}")


def _told(measured: Measured, failed: Sequence[PublishFailed]) -> int:
    """Show a run that was not judged, and return the exit code."""
    shown = screen()
    text = console(
        run_view(measured.run, str(measured.path)), colour=shown.colour, width=shown.width, unicode=shown.unicode
    )
    return ended(
        f"{text}\nWritten to {measured.path}",
        exit_code_of(measured.run),
        failed,
        line=lambda code: run_machine_line(measured.run, code),
    )


def ended(text: str, code: ExitCode, failed: Sequence[PublishFailed], *, line: Callable[[ExitCode], str]) -> int:
    """Show a text and what could not be written, print the line for machines last, and return the exit code."""
    failed = (*failed, *attempted(lambda: show_in_log(text)))
    for failure in failed:
        say(f"lens-gate: {failure}")
    worst = most_important([code, *(ExitCode.PUBLISH_FAILED for _ in failed)])
    click.echo(line(worst), err=True)
    return worst
