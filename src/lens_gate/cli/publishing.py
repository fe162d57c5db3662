"""The options that publish a verdict, and the platform that the environment tells of."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import click

from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.artifacts.verdict import PipelineJob, Verdict
from lens_gate.ci.github.files import RunnerFiles
from lens_gate.ci.github.job import leg_of
from lens_gate.ci.github.platform import GitHub, runs_on_github
from lens_gate.ci.gitlab.platform import GitLab, runs_on_gitlab
from lens_gate.ci.notes import Patience
from lens_gate.ci.platform import Platform
from lens_gate.ci.waiting import Waiting
from lens_gate.cli.options import grouped
from lens_gate.config.publish import Publish
from lens_gate.errors import (
    MissingVariable,
    NoSuchSecret,
    PublishFailed,
    SecretNotFetched,
    UsageProblem,
)
from lens_gate.reports.unmeasured import NO_SECRETS
from lens_gate.steps.judging.judge import Judgement, Rules
from lens_gate.steps.line import attempted
from lens_gate.steps.publishing.check import begin_checks
from lens_gate.steps.publishing.excused import leave_unmeasured
from lens_gate.steps.publishing.names import bounded, job_of, suite_names
from lens_gate.steps.publishing.places import Places, places_in
from lens_gate.steps.publishing.publish import Finished, Result, Stage, Wish, publish, settled
from lens_gate.steps.publishing.trend import publish_trend
from lens_gate.steps.publishing.unmeasured import STANDING, Unmeasured, publish_unmeasured, without_verdict
from lens_gate.steps.publishing.what import files_in, untrusted
from lens_gate.steps.recorded.reading import read_artifact
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import ExitCode, Outcome
from lens_gate.vocabulary.publishing import CommentMode, Publication

AUTO = "auto"
OUTPUTS_READ = "LENS_GATE_OUTPUTS"
"""What `action.yml` sets, which hands the outputs on that this step sets, whatever else is to be published."""

PAUSE_S = 4.0
"""How long to wait for other jobs that write the same comment."""

_NO_SECRET = (MissingVariable, NoSuchSecret, SecretNotFetched)
"""What a run fails with that needs a secret and gets none."""

publish_options = grouped(
    click.option(
        "--publish",
        metavar="KINDS",
        help=f"Publish the verdict in this pipeline as {', '.join(Publication)} (comma-separated), or auto: all that "
        "its platform and event allow.",
    ),
    click.option(
        "--suite",
        "suites",
        multiple=True,
        metavar="NAME",
        help="The name of this result among others on the commit; default: profiler.name. Once for each verdict.",
    ),
    click.option(
        "--comment",
        "comment_mode",
        type=click.Choice([mode.value for mode in CommentMode]),
        help="When the comment on the pull request is written; default always.",
    ),
    click.option("--publish-strict", is_flag=True, help="Exit with 7 where the verdict cannot be published."),
)


def kinds_of(text: str | None) -> tuple[Publication, ...] | None:
    """Split and check --publish; None for auto."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if AUTO in names:
        return None
    for name in names:
        if name not in tuple(Publication):
            raise UsageProblem(
                f"--publish {name} is unknown", hint="It takes: " + ", ".join((*Publication, AUTO)) + "."
            )
    return tuple(dict.fromkeys(Publication(name) for name in names))


def wish_of(options: Mapping[str, Any], configured: Publish, environment: Mapping[str, str]) -> Wish:
    """Return what is to be published: the command line wins over the configuration.

    Raises UsageProblem for an unknown kind, and for one that takes a part of lens-gate that is not installed.
    """
    given = options["publish"]
    kinds = _configured(configured) if given is None else kinds_of(given)
    platform = platform_of(environment, click.echo)
    if platform and kinds:
        platform.require(kinds)
    return Wish(
        kinds=kinds,
        comment=CommentMode(options["comment_mode"] or configured.comment),
        board=configured.board,
        asked=_asked(options),
        strict=options["publish_strict"] or configured.strict,
        outputs_read=bool(environment.get(OUTPUTS_READ)),
    )


def _asked(options: Mapping[str, Any]) -> str:
    """Return what a command was given to read, else to measure by: a step that tries again is given the same."""
    given = (*options.get("inputs", ()), *options.get("more", ())) or options["configs"] or (".",)
    return "\n".join((*sorted({str(Path(name).resolve()) for name in given}), *options["suites"]))


def _configured(configured: Publish) -> tuple[Publication, ...] | None:
    return None if isinstance(configured.kinds, str) else configured.kinds


def platform_of(environment: Mapping[str, str], show: Callable[[str], None]) -> Platform | None:
    """Return the platform whose pipeline runs us, None outside of any that is known."""
    if runs_on_github(environment):
        files = RunnerFiles(environment=environment, show=show, draw=lambda: uuid.uuid4().hex)
        return GitHub(environment, files, _waiting())
    if runs_on_gitlab(environment):
        return GitLab(environment, Path.cwd(), _waiting())
    return None


@dataclass(frozen=True, slots=True)
class Names:
    """What results go by before there are any: the names that were `given` to them, and those of their `checks`.

    There are no checks where nobody knows what the results call themselves: nothing would end one of another name.
    """

    given: tuple[str, ...]
    checks: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Whether there is one result, and its name is known."""
        return len(self.given) == 1

    def row(self, board: str) -> str:
        """Return what a comment calls the results while there are none."""
        return self.given[0] if self.known else board

    def measured(self, judged_by: Rules) -> Names:
        """Return what goes by `profiler.name` where no name was given: what is measured here, and not only read."""
        given = self.given or (bounded(judged_by.config.profiler.name),)
        return Names(given, given)


def names_of(options: Mapping[str, Any], judged_by: Rules, here: World, *, alone: bool = True) -> Names:
    """Return what results go by: the names of options, and for one that stands `alone` else that of the configuration.

    The legs of a matrix share a configuration, so that each adds the values of its own.
    """
    given = tuple(bounded(name) for name in options["suites"])
    if given or not alone:
        return Names(given, given)
    config, leg = judged_by.config, leg_of(here.environment)
    own = config.publish.suite or config.profiler.name
    own = bounded(f"{own} ({leg})" if leg else own)
    if leg or config.publish.suite:
        return Names((own,), (own,))
    # Nobody knows what another's run calls itself.
    return Names((), () if in_trusted_half(here) else (own,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """How the one verdict of a command is to be published: read before anything is measured and paid.

    `named` is whether the name is that of this job alone, and not of all that share its configuration.
    """

    wish: Wish
    names: Names
    named: bool
    exit_zero: bool

    def job(self, benchmark: str, here: World, known: PipelineJob | None = None) -> PipelineJob | None:
        """Return what a verdict keeps of the job that reached it: of ours, unless one is `known` and no name is given.

        Outside of a pipeline it is none, or the known one.
        """
        if known is not None and not self.names.given:
            return known
        suite, *_ = (*self.names.given, bounded(benchmark))
        return job_of(suite, platform_of(here.environment, click.echo), named=self.named) or known


def publishing_of(options: Mapping[str, Any], judged_by: Rules, here: World) -> Publishing:
    """Return how a command that reaches one verdict publishes it; raises UsageProblem for more than one name."""
    names = names_of(options, judged_by, here)
    if len(names.given) > 1:
        raise UsageProblem("one verdict has one name, and --suite gives more", hint="Give --suite once.")
    wish = wish_of(options, judged_by.config.publish, here.environment)
    if options.get("dry_run"):
        wish = replace(wish, kinds=())
    named = bool(options["suites"] or leg_of(here.environment))
    return Publishing(wish=wish, names=names, named=named, exit_zero=options["exit_zero"])


def published_judgement(
    verdict: Judgement, path: Path, publishing: Publishing, judged_by: Rules, here: World, *, vouched: bool = True
) -> tuple[PublishFailed, ...]:
    """Publish a verdict that lies, or was made from what lies, at a path; return the failures that count."""
    code = ExitCode.OK if publishing.exit_zero else verdict.exit_code
    if isinstance(verdict, TrendVerdict):
        return publish_trend(verdict, code, publishing.wish, stage_of(here))
    (suite,) = suite_names([(verdict, path)], publishing.names.given)
    finished = Finished(
        suite=suite,
        verdict=verdict,
        path=str(path),
        code=code,
        files=files_in(path.parent, here),
        places=places_of(judged_by, here),
    )
    return published([finished if vouched else untrusted(finished)], publishing.wish, here)


def watched(publishing: Publishing, judged_by: Rules, here: World, measure: Callable[[], int], *, folder: Path) -> int:
    """Measure between the beginning and the end of a check, and return the exit code; `folder` takes all files.

    Where a run has no secrets by rule, as that of a fork, and a verdict was to be published, that is said loudly
    instead: it is no fault of whoever opened the pull request.
    """
    wish = publishing.wish
    platform = platform_of(here.environment, click.echo) if wish.anything else None
    excuse = platform.without_secrets if platform else ""
    names = publishing.names.measured(judged_by)
    excused = _NO_SECRET if excuse else ()
    try:
        with closing_check(names, wish, here, vouched=True, excused=excused):
            if (checking := _checking(wish, here)) is not None:
                _warn(begin_checks(names.checks, checking), here)
            return measure()
    except excused as error:
        one = Unmeasured(
            suite=names.row(wish.board),
            headline=NO_SECRETS,
            why=excuse,
            missing=error.message,
            checks=names.checks,
        )
        return _told_and_left(one, folder, publishing, here)


def _told_and_left(one: Unmeasured, folder: Path, publishing: Publishing, here: World) -> ExitCode:
    """Say that nothing was measured, and leave that for the job that reports on all; return the exit code."""
    job = publishing.job(one.suite, here)
    failed = attempted(lambda: leave_unmeasured(one, folder, here, job))
    files = {} if failed else {"artifacts": files_in(folder, here)["artifacts"]}
    return told_unmeasured(replace(one, files=files), publishing.wish, here, failed)


def told_unmeasured(one: Unmeasured, wish: Wish, here: World, failed: tuple[PublishFailed, ...] = ()) -> ExitCode:
    """Say that nothing was measured, and nothing failed but perhaps to write that; return the exit code."""
    here.say(f"warning: {one.title}. {one.why}\n  {one.missing}")
    failed += publish_unmeasured(one, wish, stage_of(here))
    for failure in failed:
        here.say(f"lens-gate: {failure}")
    code = ExitCode.PUBLISH_FAILED if failed else ExitCode.OK
    here.say(f"lens-gate: outcome={Outcome.NOT_MEASURED} exit={int(code)}")
    return code


def ended_later(options: Mapping[str, Any], judged_by: Rules, here: World, *, since: float) -> int:
    """End the check of a `ci` with these options that was stopped before it could; return the exit code.

    A verdict counts if it was written `since` then, in seconds since 1970: a folder may hold an earlier one.
    """
    publishing = publishing_of(options, judged_by, here)
    path = Path(options["output_dir"]) / "verdict.json"
    if _checking(publishing.wish, here) is None:
        return ExitCode.OK
    names = publishing.names.measured(judged_by)
    verdict = read_artifact(path) if path.is_file() and path.stat().st_mtime >= since else None
    if isinstance(verdict, Verdict):
        only = replace(publishing, names=names, wish=replace(publishing.wish, kinds=(Publication.CHECK,)))
        failed = published_judgement(verdict, path, only, judged_by, here)
    else:
        failed = _give_up(KeyboardInterrupt(), names, publishing.wish, here, vouched=True)
    return ExitCode.PUBLISH_FAILED if failed else ExitCode.OK


def begun(options: Mapping[str, Any], judged_by: Rules, here: World) -> tuple[PublishFailed, ...]:
    """Begin the checks of suites that are measured later; return the failures that count."""
    wish = wish_of(options, judged_by.config.publish, here.environment)
    if wish.kinds is not None and Publication.CHECK not in wish.kinds:
        raise UsageProblem("--begin begins a check", hint="Give it with --publish check, or with --publish auto.")
    platform = _checking(wish, here)
    if platform is None:
        here.say("no check is begun: no platform's pipeline runs this, or it takes none")
        return ()
    checks = names_of(options, judged_by, here).checks
    if not checks:
        here.say("no check is begun: another's run may call itself anything, and --suite gives it no name")
    return settled(begin_checks(checks, platform), wish, here.say)


@contextmanager
def closing_check(
    names: Names, wish: Wish, here: World, *, vouched: bool, excused: tuple[type[BaseException], ...] = ()
) -> Iterator[None]:
    """Where the block reaches no verdict, end the check, and say so where an earlier commit's verdict may stand.

    `vouched` is whether what stands in the way is told in words of our own. What is `excused` is left to whoever
    catches it.
    """
    try:
        yield
    except excused:
        raise
    except BaseException as error:
        give_up(error, names, wish, here, vouched=vouched)
        raise


def give_up(error: BaseException, names: Names, wish: Wish, here: World, *, vouched: bool) -> None:
    """Publish that there is no verdict, and warn where that cannot be: the error is what counts."""
    _warn(_give_up(error, names, wish, here, vouched=vouched), here)


def _warn(failed: Sequence[PublishFailed], here: World) -> None:
    for failure in failed:
        here.say(f"warning: not published: {failure}")


def _give_up(
    error: BaseException, names: Names, wish: Wish, here: World, *, vouched: bool
) -> tuple[PublishFailed, ...]:
    """Publish that there is no verdict. Who is interrupted has seconds left, and a later run: that only ends checks."""
    among = (Publication.CHECK,) if isinstance(error, KeyboardInterrupt) else STANDING
    one = without_verdict(error, names.row(wish.board), names.checks, named=names.known, vouched=vouched)
    return publish_unmeasured(one, wish, stage_of(here), among)


def _checking(wish: Wish, here: World) -> Platform | None:
    """Return the platform if a check is to be shown on it, and can be."""
    platform = platform_of(here.environment, click.echo) if wish.anything else None
    if platform is None or (wish.kinds is not None and Publication.CHECK not in wish.kinds):
        return None
    possible = wish.kinds is not None or platform.obstacle(Publication.CHECK) is None
    return platform if possible else None


def published(finished: Sequence[Result], wish: Wish, here: World) -> tuple[PublishFailed, ...]:
    """Publish results in this pipeline; return the failures that count."""
    return publish(finished, wish, stage_of(here))


def stage_of(here: World) -> Stage:
    """Return where verdicts are published from here."""
    platform = platform_of(here.environment, click.echo)
    return Stage(platform=platform, patience=Patience(waiting=_waiting(), pause_s=PAUSE_S), say=here.say)


def in_trusted_half(here: World) -> bool:
    """Whether what is published here was measured by another's run, and is not to be believed."""
    platform = platform_of(here.environment, click.echo)
    return platform is not None and platform.trusted_half


def _waiting() -> Waiting:
    return Waiting(sleep=time.sleep, now=time.time, rng=Random())


def places_of(judged_by: Rules, here: World) -> Places:
    """Return what finds the line that a breach belongs to."""
    root = here.repository.root if here.repository else Path(here.environment.get("GITHUB_WORKSPACE") or here.directory)
    return places_in(judged_by.loaded, directory=here.directory, root=root)
