"""`lens-gate selftest`: how true this machine measures, and up to which rate."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.selftest import Rung, Selftest, Streaming
from lens_gate.cli.judging import emit
from lens_gate.cli.options import REPORT_FORMATS, config_options, provider_option
from lens_gate.cli.wiring import read_sources, screen, world
from lens_gate.config.types import origin_of
from lens_gate.errors import UsageProblem
from lens_gate.steps.line import attempted
from lens_gate.steps.recorded.instrument import keep
from lens_gate.steps.rendering.render import Format, chosen_format, render_selftest
from lens_gate.steps.resolving.arms import RunOrder, resolve
from lens_gate.steps.resolving.order import Overrides
from lens_gate.steps.selftest import QUICK, Effort, Tagging, selftest_of
from lens_gate.steps.way import Address, addresses_of, streams, ways
from lens_gate.steps.world import World
from lens_gate.stores.files import write_named
from lens_gate.vocabulary.outcomes import ExitCode, most_important
from lens_gate.vocabulary.transports import TransportKind


@click.command()
@click.option("--quick", is_flag=True, help="Coarser, in about 10 seconds.")
@config_options
@provider_option
@click.option("--model", help="Only this model.")
@click.option("--endpoint", help="Also measure the way to this address.")
@click.option(
    "--max-cost",
    type=click.FloatRange(min=0, min_open=True),
    help="Also send one request to each configured model, for so many dollars at most.",
)
@click.option(
    "--transport",
    type=click.Choice([TransportKind.FAST.value, TransportKind.HTTPX.value]),
    default=TransportKind.FAST.value,
    show_default=True,
    help="What is tested; a result holds for runs with the same one.",
)
@click.option("--output", "-o", type=click.Path(), help="Also write the artifact here.")
@click.option("--format", "form", type=click.Choice(REPORT_FORMATS), default="text", help="What is printed.")
def selftest(**options: Any) -> int:
    """Measure how true this machine measures, and up to which rate.

    Whole runs against a simulator on this machine that logs what it really writes, and when: about 20 seconds (twice
    that where the machine is too busy to be right), no network, no money. The result is kept for this machine: later
    runs carry it, and warn when they are asked for more.
    With --config or --endpoint the way to the endpoint is measured as well: name, connection, TLS, and one request
    without a key, which costs nothing. With --max-cost one paid request shows whether a proxy buffers streams.
    """
    here = world(fetches=options["max_cost"] is not None)
    form = chosen_format(options["form"], None, Format.TEXT)
    order = _order(options)
    addresses = _addresses(options, order, here)
    effort = replace(QUICK if options["quick"] else Effort(), transport=TransportKind(options["transport"]))
    tested = selftest_of(effort, here, lambda rung: here.say(_line(rung)))
    found = {"network": ways(addresses, here), "streaming": _streams(options, order, here)}
    result = tested.model_copy(update=found)
    writes = [partial(_keep, result, here), partial(emit, render_selftest(result, form, screen()), None)]
    if options["output"]:
        writes.append(partial(write_named, Path(options["output"]), dumps(result)))
    failed = attempted(*writes)
    for failure in failed:
        click.echo(f"lens-gate: {failure}", err=True)
    code = most_important([_code(result), *(ExitCode.PUBLISH_FAILED for _ in failed)])
    click.echo(f"lens-gate: selftest ceiling={result.ceiling_rps or 0:g} exit={int(code)}", err=True)
    return code


def _order(options: dict[str, Any]) -> RunOrder | None:
    """Return what the configuration sends, None where no configuration is named."""
    if not options["configs"]:
        if options["max_cost"] is not None:
            raise UsageProblem("--max-cost needs a configuration that says what to send", hint="Add --config.")
        return None
    return RunOrder(
        sources=read_sources(options["configs"]),
        overrides=Overrides(
            provider=options["provider"],
            model=options["model"],
            endpoint=options["endpoint"],
            max_cost_usd=options["max_cost"],
        ),
        strict_env=options["strict_env"],
    )


def _addresses(options: dict[str, Any], order: RunOrder | None, here: World) -> tuple[Address, ...]:
    if order is not None:
        return addresses_of(resolve(order, here))
    address = options["endpoint"]
    if address is not None and origin_of(address) is None:
        raise UsageProblem(f"{address} is no http:// or https:// address", place="--endpoint")
    return (Address(address),) if address else ()


def _streams(options: dict[str, Any], order: RunOrder | None, here: World) -> tuple[Streaming, ...]:
    return () if order is None or options["max_cost"] is None else streams(order, here, Tagging())


def _keep(result: Selftest, here: World) -> None:
    path = keep(result, here)
    if path is not None:
        here.say(f"Kept for later runs on this machine in {path}")


def _line(rung: Rung) -> str:
    """Say how one try went, while the others are still to come."""
    said = "right" if rung.right else f"wrong, since {rung.because[0]}"
    return f"{rung.rate_rps:,.0f} requests per second: {said}"


def _code(result: Selftest) -> ExitCode:
    """Return 3 where the machine cannot measure at all, or the endpoint that was named cannot be reached."""
    unreachable = any(one.failure for one in result.network) or any(one.error for one in result.streaming)
    return ExitCode.COULD_NOT_MEASURE if result.ceiling_rps is None or unreachable else ExitCode.OK
