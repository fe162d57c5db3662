"""`report --site`: the history as a folder of pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lens_gate.cli.wiring import address_of_commits
from lens_gate.errors import UsageProblem
from lens_gate.reports.html.links import leads_to_commits
from lens_gate.steps.judging.judge import Rules
from lens_gate.steps.rendering.site import SiteOrder, write_site
from lens_gate.steps.world import World

Command = TypeVar("Command", bound=Callable[..., Any])


def site_options(command: Command) -> Command:
    """Add the options of the site to a command."""
    for option in (
        click.option(
            "--link-commit",
            metavar="ADDRESS",
            help="With --site: the address of a commit, with {commit} for its id.  [default: that of this pipeline]",
        ),
        click.option("--last", type=click.IntRange(min=1), default=1000, show_default=True, help="With --history."),
        click.option(
            "--history", "stores", multiple=True, metavar="ADDRESS", help="With --site: a store of runs; repeatable."
        ),
        click.option(
            "--site", type=click.Path(), help="Write the history as a static site: of a trend.json, runs, or a store."
        ),
    ):
        command = option(command)
    return command


def require_site(options: dict[str, Any]) -> None:
    """Refuse options that belong to a site where none is asked for, or that say where one report goes."""
    if options["site"] is None and options["stores"]:
        raise UsageProblem("--history belongs to --site", hint="`lens-gate trend --history` judges a history.")
    if options["site"] is None and options["link_commit"]:
        raise UsageProblem("--link-commit belongs to --site", hint="Leave it out.")
    given = [f"--{name}" for name in ("output", "publish", "template", "notify") if options.get(name)]
    if options["site"] is not None and given:
        raise UsageProblem(f"{given[0]} does not go with --site, which writes a folder", hint="Leave it out.")


def report_site(options: dict[str, Any], judged_by: Rules, here: World) -> None:
    """Write the site that is asked for."""
    paths = tuple(Path(name) for name in (*options["inputs"], *options["more"]))
    stores = tuple(here.store(address) for address in options["stores"])
    if not paths and not stores:
        raise UsageProblem("there is nothing to read", hint="Name a trend.json, run files, or --history ADDRESS.")
    link = _commit_link(options["link_commit"])
    order = SiteOrder(paths=paths, stores=stores, last=options["last"], rules=judged_by, commit_link=link)
    count = write_site(order, Path(options["site"]), here)
    here.say(f"{count} files are in {options['site']}/: open index.html")


def _commit_link(asked: str | None) -> str | None:
    """Return the address of a commit that is asked for, else that of the project whose pipeline runs us."""
    if asked is None:
        known = address_of_commits()
        return known if known is not None and leads_to_commits(known) else None
    if not leads_to_commits(asked):
        raise UsageProblem(
            f"{asked[:80]!r} is no address of a commit",
            place="--link-commit",
            hint="Write https://…/commit/{commit}: {commit} stands for the id.",
        )
    return asked
