"""What `report` says where verdicts are missing that jobs before it should have left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from lens_gate.ci.platform import Platform
from lens_gate.cli.options import grouped
from lens_gate.cli.publishing import Names, platform_of, stage_of, told_unmeasured, wish_of
from lens_gate.errors import CouldNotMeasure
from lens_gate.steps.judging.judge import Rules
from lens_gate.steps.publishing.publish import Result, Wish
from lens_gate.steps.publishing.unmeasured import Unmeasured, publish_unmeasured
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import ExitCode

SUCCESS = "success"
_RESULTS = (SUCCESS, "failure", "cancelled", "skipped")

missing_options = grouped(
    click.option(
        "--allow-none",
        is_flag=True,
        help="Where none of the files is there because the run had no secrets (a fork, Dependabot), say so loudly, and "
        "exit with 0.",
    ),
    click.option(
        "--result",
        type=click.Choice(_RESULTS),
        help="How the jobs ended that left verdicts: where it is no success and none of them fails, the report does.",
    ),
)


def told_none(
    paths: Sequence[Path], names: Names, options: Mapping[str, Any], judged_by: Rules, here: World
) -> ExitCode:
    """Say that none of these files is there, so that nobody has measured anything; return the exit code.

    Raises CouldNotMeasure where the jobs before had their secrets, or failed: then they left their files elsewhere.
    """
    wish, platform = _wish(options, judged_by, here), platform_of(here.environment, click.echo)
    how = _how_it_ended(options, platform)
    excuse = platform.measured_without_secrets if platform and not _failed(options) else ""
    said = [one for one in (excuse, how) if one] or ["Only a run without secrets is excused from that."]
    one = Unmeasured(
        suite=names.row(wish.board),
        headline="no job left a verdict",
        why=" ".join(["There is nothing to report.", *said]),
        missing=f"Not there: {', '.join(map(str, paths))}",
        checks=names.checks,
        named=names.known,
        code=ExitCode.OK if excuse else ExitCode.COULD_NOT_MEASURE,
    )
    return told_unmeasured(one, wish, here) if excuse else _fail(one, wish, here)


def require_explained(finished: Sequence[Result], options: Mapping[str, Any], judged_by: Rules, here: World) -> None:
    """Raise CouldNotMeasure, and publish that, where jobs failed and none of the verdicts that they left says why.

    `finished` is empty where nobody is told of them. How the whole of an earlier run ended is only said: what measures
    nothing may be what failed in it.
    """
    how = _how_it_ended(options, platform_of(here.environment, click.echo))
    if not finished or not how or any(one.code is not ExitCode.OK for one in finished):
        return
    if not _failed(options):
        here.say(f"warning: {how} None of the verdicts that it left says by what.")
        return
    wish = _wish(options, judged_by, here)
    one = Unmeasured(
        suite=wish.board,
        headline="a job failed, and no verdict says by what",
        why=f"{how} None of the verdicts that they left fails.",
        missing="A job that left none did not pass; one that did failed by something else, which its log tells.",
        code=ExitCode.COULD_NOT_MEASURE,
        beside=tuple(note for one in finished for note in one.annotations),
    )
    _fail(one, wish, here)


def all_passed(options: Mapping[str, Any], here: World) -> bool:
    """Whether it is known that no job before failed in its last attempt, by its verdict or without one."""
    platform = platform_of(here.environment, click.echo)
    told = options["result"] or (platform.earlier_result if platform else "")
    return told == SUCCESS and not options["exit_zero"]


def _wish(options: Mapping[str, Any], judged_by: Rules, here: World) -> Wish:
    return wish_of(options, judged_by.config.publish, here.environment)


def _failed(options: Mapping[str, Any]) -> bool:
    """Whether the caller says that the very jobs failed that should have measured."""
    return options["result"] not in {None, SUCCESS}


def _how_it_ended(options: Mapping[str, Any], platform: Platform | None) -> str:
    """Return how the jobs before ended: as the caller says, else, of their whole run, the platform. Empty: well."""
    if options["result"]:
        return f"The jobs that should have measured ended with {options['result']}." if _failed(options) else ""
    earlier = platform.earlier_result if platform else ""
    return f"The run that should have measured ended with {earlier}." if earlier not in {"", SUCCESS} else ""


def _fail(one: Unmeasured, wish: Wish, here: World) -> NoReturn:
    """Publish that something was not measured, and raise CouldNotMeasure."""
    for failure in publish_unmeasured(one, wish, stage_of(here)):
        here.say(f"lens-gate: {failure}")
    raise CouldNotMeasure(
        f"{one.headline}. {one.why} {one.missing}",
        hint="Look at what the jobs before this one failed by, and whether they upload verdict.json under the names "
        "that this one downloads.",
    )
