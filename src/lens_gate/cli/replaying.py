"""`replay`: recorded traffic, played again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from lens_gate.cli.options import (
    Duration,
    against_of,
    against_options,
    config_options,
    control_option,
    cover_option,
    extent_options,
    overrides_of,
    place_options,
    sending_options,
    threshold_option,
    until_option,
)
from lens_gate.cli.running import sent, warn
from lens_gate.cli.wiring import models_source, quick_source, read_sources, world
from lens_gate.config.load import Source, load_config
from lens_gate.config.workload import Replay, WorkloadType
from lens_gate.errors import UsageProblem
from lens_gate.load.schedule.settings import kind_of
from lens_gate.steps.resolving.arms import RunOrder
from lens_gate.steps.resolving.replaying import models_of
from lens_gate.vocabulary.logs import LogFormat

ROUTES = ("all", "log")
LENGTHS = ("ignore_eos", "min_tokens")


@click.command()
@click.option("--log", type=click.Path(), help="The recorded log or trace; default: that of the configuration.")
@click.option("--format", "form", type=click.Choice([form.value for form in LogFormat]), help="Format of the log.")
@click.option(
    "--time-scale", type=click.FloatRange(min=0, min_open=True), help="How many times as fast; 1 is the log's own pace."
)
@click.option("--from", "begin", type=Duration(), help="Where in the log to begin, from its first request on.")
@click.option("--to", "end", type=Duration(), help="Where in the log to end.")
@click.option("--limit", type=click.IntRange(min=1), help="How many requests of the log to play at most.")
@click.option(
    "--route", type=click.Choice(ROUTES), help="To every model (all), or to the one that the log names (log)."
)
@click.option(
    "--exact-output",
    type=click.Choice(LENGTHS),
    help="The server's parameter that makes answers as long as the log says.",
)
@config_options
@place_options
@extent_options
@against_options
@sending_options
@control_option
@until_option
@threshold_option
@cover_option
@click.option("--output", "-o", type=click.Path(), help="Where the artifact goes; default results/replay-TIME.json.")
def replay(**options: Any) -> int:
    """Play recorded traffic again: each request at its own time, divided by --time-scale.

    The log is read through once before anything is sent. Where it holds token counts and no prompts, prompts of that
    length are made up and answers of that length asked for (docs/replaying.md). Without a configuration and without
    --provider and --model, requests go to the providers and models that the log names. --duration and --requests bound
    what is sent, --from, --to and --limit the part of the log.
    """
    here = world(fetches=not options["dry_run"])
    sources = read_sources(options["configs"])
    how = _asked(options, sources)
    if not sources and options["provider"] is None and options["model"] is None:
        sources, how = (models_source(models_of(how, here)),), how.model_copy(update={"route": "log"})
    elif not sources:
        sources = (quick_source(options["provider"], options["model"]),)
    warn(sources, here)
    order = RunOrder(
        sources=sources,
        overrides=replace(overrides_of(options), replay=how),
        against=against_of(options, world=here, sources=sources),
        strict_env=options["strict_env"],
        control=options["control"],
    )
    return sent(order, options, here, name="replay")


def _asked(options: dict[str, Any], sources: tuple[Source, ...]) -> Replay:
    """Return the replay of the configuration as the command line wants it, or a new one."""
    given = {
        "source": options["log"],
        "format": LogFormat(options["form"]) if options["form"] else None,
        "time_scale": options["time_scale"],
        "begin": options["begin"],
        "end": options["end"],
        "limit": options["limit"],
        "route": options["route"],
        "exact_output": options["exact_output"],
    }
    workload = load_config(sources).config.workload if sources else None
    configured = workload.replay if workload and kind_of(workload) is WorkloadType.REPLAY else None
    start = configured or (Replay(source=options["log"]) if options["log"] else None)
    if start is None:
        raise UsageProblem(
            "there is no log to play", hint="Name one: --log requests.jsonl, or `workload.replay.source`."
        )
    return start.model_copy(update={name: value for name, value in given.items() if value is not None})
