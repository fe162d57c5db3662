"""Options that several commands share, spelled once, and their reading into what the steps take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, TypeVar, get_args

import click
from typing_extensions import override

from lens_gate.config.load import Source
from lens_gate.config.types import parse_duration
from lens_gate.errors import UsageProblem
from lens_gate.reports.log_lines import Level, LogFormat
from lens_gate.steps.judging.judge import Chosen
from lens_gate.steps.resolving.arms import find_against
from lens_gate.steps.resolving.order import Against, Overrides
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import Cover
from lens_gate.vocabulary.slo import parse_slo
from lens_gate.vocabulary.transports import KernelStamping, TransportKind

Command = TypeVar("Command", bound=Callable[..., Any])
REPORT_FORMATS = ("text", "json", "markdown")
"""What a report is written as that is no artifact."""

NOTHING = "none"
"""The value of --cover that asks for no rare events, whatever the run or the configuration asks for."""

FAIL_ON = ("inconclusive", "no_baseline", "nothing_to_compare", "warning")


class Duration(click.ParamType[float]):
    """A duration such as 60s, 5m or 250ms, in seconds."""

    name = "duration"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the duration, or fail with the forms that are understood."""
        try:
            return float(parse_duration(value))  # type: ignore[arg-type] # a number or a parsed one
        except (TypeError, ValueError) as error:
            self.fail(str(error), param, ctx)


class Slo(click.ParamType[str]):
    """Objectives of a request, such as `ttft < 500ms and tpot < 30ms`."""

    name = "objectives"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the objectives, or fail with the place where they cannot be read."""
        try:
            parse_slo(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


def grouped(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Apply several option decorators, so that help shows them in the order given."""
    return lambda command: reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


config_options = grouped(
    click.option("--config", "-c", "configs", multiple=True, type=click.Path(), help="Configuration file; repeatable."),
    click.option("--strict-env", is_flag=True, help="Make every missing ${VARIABLE} an error, used or not."),
)

provider_option = click.option(
    "--provider", help="Only this provider (or, without a file, openai, anthropic or google)."
)

transport_options = grouped(
    click.option(
        "--transport",
        type=click.Choice([kind.value for kind in TransportKind]),
        help="How requests leave; auto is fast, except where a proxy or HTTP/2 must be used, which only httpx can.",
    ),
    click.option(
        "--kernel-timestamps",
        type=click.Choice([one.value for one in KernelStamping]),
        help="Whether bytes carry the kernel's stamps; auto: under Linux, up to 500 requests a second of an open loop.",
    ),
)

extent_options = grouped(
    click.option("--duration", type=Duration(), help="How long to send, for instance 60s or 5m."),
    click.option("--warmup", type=Duration(), help="Time at the start that is measured and left out."),
    click.option(
        "--requests", type=click.IntRange(min=1), help="How many requests to send, over all that is compared."
    ),
    click.option("--seed", type=int, help="Seed of the schedule and of the variables."),
    click.option("--max-cost", type=click.FloatRange(min=0), help="Dollars that this run may cost at most."),
    click.option("--time-cap", type=Duration(), help="How long this run may take at most; then exit 6."),
    click.option(
        "--abort-error-rate",
        metavar="PERCENT",
        type=click.FloatRange(min=0, max=100, min_open=True),
        help="Give up a model of whose last requests so many percent fail or are throttled.",
    ),
    click.option("--slo", type=Slo(), help='Count the requests that meet "ttft < 500ms and tpot < 30ms", say.'),
)

pace_options = grouped(
    click.option(
        "--rps", type=click.FloatRange(min=0, min_open=True), help="Requests per second, over all that is compared."
    ),
    click.option("--concurrency", type=click.IntRange(min=1), help="Closed loop with so many requests in flight."),
    extent_options,
    transport_options,
)

log_options = grouped(
    click.option("--log-level", type=click.Choice(get_args(Level)), help="Log what happens; default info, if at all."),
    click.option("--log-format", type=click.Choice(get_args(LogFormat)), help="Log in this form; default pretty."),
)

sending_options = grouped(
    click.option("--save-chunks", is_flag=True, help="Also keep the raw time of every chunk, in *.chunks.jsonl.gz."),
    click.option("--save-bodies", is_flag=True, help="Also keep requests and answers, cleaned, in *.bodies.jsonl.gz."),
    click.option(
        "--defer-decoding", is_flag=True, help="Decode answers after everything was sent: for the highest rates."
    ),
    click.option(
        "--processes",
        type=click.IntRange(min=1, max=64),
        help="Send the one schedule from so many processes, where one core is not enough.",
    ),
    click.option("--dry-run", is_flag=True, help="Send nothing; print requests, tokens and dollars."),
    log_options,
)

place_options = grouped(
    provider_option,
    click.option("--model", help="Only this model; one that is not configured borrows the provider's parameters."),
    click.option("--endpoint", help="Address to send to instead of the configured one."),
)

request_options = grouped(place_options, pace_options)

against_options = grouped(
    click.option("--against", help="The other arm, as KIND:VALUE or a bare value that fits one kind only."),
    click.option("--against-ref", help="Compare with the configuration and prompts of this commit."),
    click.option("--against-config", help="Compare with this configuration file."),
    click.option("--against-model", help="Compare with this model."),
    click.option("--against-endpoint", help="Compare with the same requests sent to this address."),
)

run_options = grouped(request_options, against_options, sending_options)

threshold_option = click.option(
    "--threshold",
    type=click.FloatRange(min=0),
    help="Smallest change that matters, in percent, for the latency metrics.",
)
cover_option = click.option(
    "--cover", help="Rare events that a pass must cover: tails, errors (comma-separated; more pairs), or none."
)
until_option = click.option(
    "--until-decided", is_flag=True, help="Look at the pairs now and then, and stop when the answer is clear."
)

control_option = click.option(
    "--control",
    metavar="SHARE",
    type=click.FloatRange(min=0, max=0.5, min_open=True),
    help="Send this share of the requests with the baseline's own configuration, as a control for stored runs.",
)

judge_options = grouped(
    click.option(
        "--baseline",
        "baselines",
        multiple=True,
        metavar="PATH|ADDRESS",
        help="A stored run, a folder of them, or a store to compare with where the run has no pairs; repeatable.",
    ),
    threshold_option,
    cover_option,
    click.option("--decision", type=click.Choice(["calibrated", "classic"]), help="Which rules judge."),
)

gate_options = grouped(
    click.option(
        "--fail-on",
        multiple=True,
        help="Also fail on: " + ", ".join(FAIL_ON) + " (comma-separated or repeated).",
    ),
    click.option("--fail-on-error", is_flag=True, help="Fail on a regression or a breached gate: the default."),
    click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever the verdict; it still stands in the files."),
)


upload_option = click.option(
    "--store",
    "stores",
    multiple=True,
    metavar="ADDRESS",
    help="Also put the run into the history of this store; repeatable (docs/baselines.md).",
)


def overrides_of(options: dict[str, Any]) -> Overrides:
    """Collect the options that change the configuration."""
    return replace(
        pace_of(options),
        provider=options["provider"],
        model=options["model"],
        endpoint=options["endpoint"],
        save_bodies=options.get("save_bodies", False),
        cover=cover_of(options.get("cover")),
    )


def pace_of(options: dict[str, Any]) -> Overrides:
    """Collect the options that say how much is sent, and how fast."""
    return Overrides(
        duration_s=options["duration"],
        warmup_s=options["warmup"],
        requests=options["requests"],
        rps=options.get("rps"),
        concurrency=options.get("concurrency"),
        seed=options["seed"],
        max_cost_usd=options["max_cost"],
        abort_error_rate=options["abort_error_rate"],
        time_cap_s=options.get("time_cap"),
        transport=TransportKind(options["transport"]) if options.get("transport") else None,
        slo=options["slo"],
        kernel_timestamps=KernelStamping(stamping) if (stamping := options.get("kernel_timestamps")) else None,
        defer_decoding=options.get("defer_decoding") or None,
        processes=options.get("processes"),
    )


def against_of(options: dict[str, Any], *, world: World, sources: Sequence[Source]) -> Against | None:
    """Return the other arm that the command line names, if any; naming two is an error."""
    named = [kind for kind in ("ref", "config", "model", "endpoint") if options[f"against_{kind}"]]
    if len(named) + bool(options["against"]) > 1:
        raise UsageProblem("more than one other arm is named", hint="Give one of the --against options.")
    match named:
        case ["ref" | "config" | "model" | "endpoint" as kind]:
            return Against(kind=kind, value=options[f"against_{kind}"])
        case _ if options["against"]:
            return find_against(options["against"], world=world, sources=sources)
        case _:
            return None


def fail_on_of(values: Sequence[str]) -> tuple[str, ...]:
    """Split and check the --fail-on values."""
    names = [name.strip() for value in values for name in value.split(",") if name.strip()]
    for name in names:
        if name not in FAIL_ON:
            raise UsageProblem(f"--fail-on {name} is unknown", hint="It takes: " + ", ".join(FAIL_ON) + ".")
    return tuple(dict.fromkeys(names))


def chosen_of(options: dict[str, Any], *, fail_on: tuple[str, ...] = ()) -> Chosen:
    """Collect the options that change the rules, as far as a command has them."""
    return Chosen(
        threshold=options.get("threshold"),
        decision=options.get("decision"),
        cover=cover_of(options.get("cover")),
        baselines=tuple(options.get("baselines", ())),
        fail_on=fail_on,
    )


def cover_of(value: str | None) -> tuple[Cover, ...] | None:
    """Split and check --cover; None where it is not given, empty where it asks for nothing."""
    if value is None:
        return None
    names = [name.strip() for name in value.split(",") if name.strip()]
    if names == [NOTHING]:
        return ()
    for name in names:
        if name not in tuple(Cover):
            raise UsageProblem(f"--cover {name} is unknown", hint="It takes: " + ", ".join((*Cover, NOTHING)) + ".")
    return tuple(dict.fromkeys(Cover(name) for name in names))
