"""`baseline`: saving, showing, keeping and moving the runs that later ones are compared with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, assert_never

import click

from lens_gate.baselines.fitness import Standards
from lens_gate.cli.judging import input_options, inputs_argument, only_input
from lens_gate.cli.options import Duration, config_options, grouped
from lens_gate.cli.wiring import read_sources, show, world
from lens_gate.config.types import parse_duration
from lens_gate.errors import ConditionFailed, NoBaseline, PublishFailed, UsageProblem
from lens_gate.reports.baseline_lists import as_json, details, table
from lens_gate.steps.archived.archive import Opened, asked_for_baseline
from lens_gate.steps.archived.store_address import STORE_FOLDER, configured_store, reaching
from lens_gate.steps.baselines.keeping import (
    Held,
    Saved,
    SaveOrder,
    Taking,
    Unreadable,
    check,
    current_of,
    fetch,
    save,
    stored_under,
    told_of,
)
from lens_gate.steps.baselines.reindexing import reindex
from lens_gate.steps.baselines.syncing import sync
from lens_gate.steps.baselines.upkeep import compact, listed, prune, versions_of
from lens_gate.steps.judging.judge import Rules, rules
from lens_gate.steps.world import World
from lens_gate.stores.base import Store
from lens_gate.vocabulary.stored_runs import MUST_MATCH

name_option = click.option("--name", help="The baseline; default: `regression.baseline.name`, which is main.")
branch_option = click.option("--branch", help="Only runs of this branch.")
standards_options = grouped(
    click.option("--min-requests", type=click.IntRange(min=1), help="So many measured requests at least."),
    click.option(
        "--max-error-rate", type=click.FloatRange(min=0, max=100), help="So many percent of them may have failed."
    ),
)
store_option = click.option(
    "--store",
    metavar="ADDRESS",
    help=f"The store; default: `regression.baseline.source` where that is one, else the folder {STORE_FOLDER}/.",
)
format_option = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="For whom."
)
saving_options = grouped(
    input_options,
    inputs_argument,
    config_options,
    store_option,
    name_option,
    branch_option,
    standards_options,
    click.option("--verdict", type=click.Path(), help="Its verdict; default: verdict.json beside it, else judged now."),
)


@click.group()
def baseline() -> None:
    """Save, show, list, accept, validate, prune, compact, reindex and sync baselines (docs/baselines.md)."""


@baseline.command("save")
@saving_options
def save_(**options: Any) -> None:
    """Make a run the baseline, if it is fit to be one: valid, merged, not regressed, and of the same requests."""
    _saved(options, None)


@baseline.command("accept")
@saving_options
@click.option("--reason", required=True, help="Why it is right that this run is slower, or sent other requests.")
@click.option("--expires", help="Until when, as a day (2026-07-01) or a time from now (30d); default: for good.")
def accept(**options: Any) -> None:
    """Make a run the baseline although it regressed or sent other requests, under your name and for a reason."""
    if not options["reason"].strip():
        raise UsageProblem("--reason is empty", hint="Say why this run is to be the new normal.")
    _saved(options, options["reason"].strip())


def _saved(options: dict[str, Any], reason: str | None) -> None:
    here, judged_by, store = _opened(options)
    order = _order(options, judged_by)
    if reason is not None:
        order = replace(order, taking=_taking(reason, options["expires"], here))
    _tell(save(order, store, judged_by, here), order, store)


def _order(options: dict[str, Any], judged_by: Rules) -> SaveOrder:
    return SaveOrder(
        path=only_input(options["inputs"], options["more"]),
        name=_name(options, judged_by),
        branch=options["branch"],
        standards=_standards(options, judged_by),
        verdict=Path(options["verdict"]) if options["verdict"] else None,
    )


def _taking(reason: str, expires: str | None, here: World) -> Taking:
    until = None if expires is None else _moment(expires, here.now())
    if until is not None and until <= here.now():
        raise UsageProblem("--expires lies in the past", hint="Name a day to come, or a time from now such as 30d.")
    return Taking(by=here.author(), reason=reason, expires=until)


def _moment(text: str, now: datetime) -> datetime:
    """Read a day, a time, or a span from now."""
    try:
        seconds = parse_duration(text)
        return now + timedelta(seconds=float(str(seconds)))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageProblem(
            f"--expires {text[:40]!r} is no time", hint="Write a day (2026-07-01), or a time from now (30d)."
        ) from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tell(saved: Saved, order: SaveOrder, store: Store) -> None:
    run = f"{saved.baseline.entry.id} ({told_of(saved.baseline.entry)})"
    if not saved.renewed:
        click.echo(f"{run} is the baseline {order.name} in {store.place} already")
        return
    click.echo(f"{run} is now the baseline {order.name} in {store.place}{_instead(saved.replaced)}")


def _instead(replaced: Held) -> str:
    match replaced:
        case None:
            return ""
        case Opened(kept=kept):
            return f", in place of {kept.entry.id}"
        case Unreadable():
            return ", in place of one that could not be read"
        case _ as never:
            assert_never(never)


@baseline.command("show")
@config_options
@store_option
@name_option
@click.option("--output", "-o", type=click.Path(), help="Also write the run there, with its samples.")
@click.option("--key", help="Show a run of the history instead, or a former version, by the key that a list names.")
@format_option
def show_(**options: Any) -> None:
    """Show what a baseline is, and what it was before."""
    _, judged_by, store = _opened(options)
    if options["key"]:
        _show_stored(options, store)
        return
    name = _name(options, judged_by)
    with asked_for_baseline():
        current = current_of(store, name)
        if current is None:
            raise _none(store, name)
        if options["output"]:
            fetch(store, current, Path(options["output"]))
    former = versions_of(store, name)
    rows = [(one.key, one.entry) for one in (current.kept, *former)]
    if options["form"] == "json":
        show(as_json(rows, first="key"))
        return
    text = details(name, current.kept.entry)
    show(f"{text}\nbefore\n{table(rows[1:], first='key')}" if former else text)


def _show_stored(options: dict[str, Any], store: Store) -> None:
    """Show one run of the history, which `baseline save` makes the baseline again once it is a file."""
    with asked_for_baseline():
        there = stored_under(store, options["key"])
        if options["output"]:
            fetch(store, there, Path(options["output"]))
    rows = [(there.kept.key, there.kept.entry)]
    show(as_json(rows, first="key") if options["form"] == "json" else details(there.kept.key, there.kept.entry))


@baseline.command("list")
@config_options
@store_option
@branch_option
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="List the newest N runs of the history instead.")
@format_option
def list_(**options: Any) -> None:
    """List the baselines of a store, or the newest runs of its history, without opening one."""
    _, _, store = _opened(options)
    first = "key" if options["last"] else "baseline"
    rows = listed(store, last=options["last"], branch=options["branch"])
    if options["form"] == "json":
        show(as_json(rows, first=first))
    elif rows:
        show(table(rows, first=first))
    else:
        click.echo(f"{store.place} holds none", err=True)


@baseline.command("validate")
@saving_options
def validate_baseline(**options: Any) -> None:
    """Say whether a run is fit to be a baseline, and change nothing; also `lens-gate validate baseline`."""
    here, judged_by, store = _opened(options)
    order = _order(options, judged_by)
    entry = check(order, store, judged_by, here)
    click.echo(f"{order.path}: the run {entry.id} is fit to be a baseline")


@baseline.command("prune")
@config_options
@store_option
@click.option("--older-than", type=Duration(), help="Default: `privacy.retention.results`.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def prune_(**options: Any) -> None:
    """Remove runs of the history that are older than they are to be kept; what a baseline stands on stays."""
    here, judged_by, store = _opened(options)
    keep_s = _retention(judged_by) if options["older_than"] is None else options["older_than"]
    if keep_s is None:
        raise UsageProblem(
            "nothing says how long runs are kept", hint="Give --older-than 90d, or set `privacy.retention.results`."
        )
    pruning = prune(store, keep_s=keep_s, now=here.now(), dry_run=options["dry_run"])
    for spared in pruning.spared:
        click.echo(f"kept {spared.key}: {spared.sentence}")
    verb = "would be removed" if options["dry_run"] else "removed"
    for key in pruning.removed:
        click.echo(f"{verb}: {key}")
    click.echo(f"{len(pruning.removed)} files {verb} from {store.place}, {len(pruning.spared)} old runs kept")


@baseline.command("reindex")
@config_options
@store_option
@click.option("--dry-run", is_flag=True, help="Only say what would be brought back.")
def reindex_(**options: Any) -> None:
    """Bring stored runs back into lists, trends and choices that lost their entry in the index: they are opened."""
    _, _, store = _opened(options)
    done = reindex(store, dry_run=options["dry_run"])
    verb = "would be listed again" if options["dry_run"] else "listed again"
    for key in done.restored:
        click.echo(f"{verb}: {key}")
    for left in done.left:
        click.echo(f"left as it is: {left.key}: {left.sentence}")
    click.echo(f"{len(done.restored)} files {verb} in {store.place}, {len(done.left)} cannot be read")


@baseline.command("compact")
@config_options
@store_option
def compact_(**options: Any) -> None:
    """Make the branch of a git store one commit, so that clones no longer carry what was replaced or removed."""
    _, _, store = _opened(options)
    compact(store)
    click.echo(f"{store.place}: one commit now holds all that is stored")


@baseline.command("sync")
@config_options
@click.option("--from", "source", required=True, metavar="ADDRESS", help="The store that has what is to be copied.")
@click.option("--to", "target", required=True, metavar="ADDRESS", help="The store that gets it.")
@click.option("--dry-run", is_flag=True, help="Only say what would be copied.")
def sync_(**options: Any) -> None:
    """Copy what another store lacks, or knows less of; a baseline that both changed is left as it is."""
    here = world()
    here = reaching(here, rules(read_sources(options["configs"]), here).config)
    source, target = here.store(options["source"]), here.store(options["target"])
    synced = sync(source, target, dry_run=options["dry_run"])
    verb = "would be copied" if options["dry_run"] else "copied"
    for key in synced.copied:
        click.echo(f"{verb}: {key}")
    for left in synced.left:
        click.echo(f"not copied: {left.key}: {left.sentence}")
    click.echo(f"{len(synced.copied)} files {verb} from {source.place} to {target.place}")
    if synced.left:
        raise PublishFailed(
            f"{len(synced.left)} of the files could not be copied",
            place=target.place,
            hint="Each is named above with the reason. Keep the store that they lie in.",
        )
    if synced.apart:
        raise ConditionFailed(
            f"both stores changed the baseline{'s' if len(synced.apart) > 1 else ''} {', '.join(synced.apart)}, "
            "so each keeps its own",
            place=target.place,
            hint="Compare them with `lens-gate baseline show`, and save the right one in the other store.",
        )


def _opened(options: dict[str, Any]) -> tuple[World, Rules, Store]:
    here = world()
    judged_by = rules(read_sources(options["configs"]), here)
    here = reaching(here, judged_by.config)
    return here, judged_by, here.store(options["store"] or configured_store(judged_by.config, here.directory))


def _name(options: dict[str, Any], judged_by: Rules) -> str:
    chosen = judged_by.config.regression.baseline
    return options["name"] or (chosen.name if chosen else "main")


def _standards(options: dict[str, Any], judged_by: Rules) -> Standards:
    chosen = judged_by.config.regression.baseline
    return Standards(
        min_requests=options["min_requests"] or (chosen.min_sample_size if chosen else None),
        max_error_rate=options["max_error_rate"],
        must_match=chosen.must_match if chosen else MUST_MATCH,
    )


def _retention(judged_by: Rules) -> float | None:
    privacy = judged_by.config.privacy
    return privacy.retention.results if privacy and privacy.retention else None


def _none(store: Store, name: str) -> NoBaseline:
    return NoBaseline(
        f"there is no baseline {name}",
        place=store.place,
        hint="`lens-gate baseline list` shows those that there are; `lens-gate baseline save` makes one.",
    )
