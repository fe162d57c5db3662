"""`lens-gate export`: the metrics of a run for monitoring systems."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import click
from prometheus_client import CollectorRegistry, push_to_gateway
from prometheus_client.exposition import basic_auth_handler

from lens_gate.cli.judging import emit, input_options, inputs_argument, only_input
from lens_gate.cli.wiring import environment
from lens_gate.errors import UsageProblem
from lens_gate.reports.prometheus import OWN_LABELS
from lens_gate.steps.rendering.exporting import Gateway, exported, pushed

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@click.group()
def export() -> None:
    """Export the metrics of a run."""


@export.command()
@input_options
@inputs_argument
@click.option("--output", "-o", type=click.Path(), help="Where to write; standard output without it.")
@click.option("--push", "address", help="Push to the Pushgateway at this address instead.")
@click.option("--job", help="The job that is pushed as; default lens_gate.")
@click.option("--grouping", multiple=True, help="LABEL=VALUE that tells this push from others; repeatable.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds that the gateway may take; default 10.",
)
def prometheus(**options: Any) -> None:
    """Write a run in Prometheus's text format, or push it to a Pushgateway.

    The metrics of an earlier push with the same job and grouping are replaced. A gateway that asks for a password takes
    those of the variables PUSHGATEWAY_USERNAME and PUSHGATEWAY_PASSWORD.
    """
    path = only_input(options["inputs"], options["more"])
    if options["address"] is None:
        _require_unused(options, "job", "grouping", "timeout")
        emit(exported(path), options["output"])
        return
    _require_unused(options, "output")
    if "@" in options["address"]:
        raise UsageProblem(
            "the address holds a user or a password, which lists of processes show",
            hint="Put them into the variables PUSHGATEWAY_USERNAME and PUSHGATEWAY_PASSWORD.",
        )
    gateway = Gateway(
        address=options["address"],
        job=options["job"] or "lens_gate",
        grouping=_grouping(options["grouping"]),
        timeout_s=options["timeout"] or 10.0,
    )
    pushed(path, gateway, _push)
    click.echo(f"pushed to {gateway.address}", err=True)


def _push(gateway: Gateway, registry: CollectorRegistry) -> None:
    known = environment()
    user, password = known.get("PUSHGATEWAY_USERNAME"), known.get("PUSHGATEWAY_PASSWORD")
    replace_group = partial(push_to_gateway, gateway.address, job=gateway.job, registry=registry)
    replace_group = partial(replace_group, grouping_key=dict(gateway.grouping), timeout=gateway.timeout_s)
    if user:
        replace_group = partial(replace_group, handler=partial(_with_password, user, password or ""))
    replace_group()


def _with_password(user: str, password: str, **request: Any) -> Callable[[], None]:
    return basic_auth_handler(**request, username=user, password=password)


def _require_unused(options: Mapping[str, Any], *names: str) -> None:
    given = [f"--{name}" for name in names if options[name]]
    if given:
        beside = "without --push" if options["address"] is None else "beside --push"
        raise UsageProblem(f"{' and '.join(given)} means nothing {beside}", hint="Leave it out.")


def _grouping(pairs: Sequence[str]) -> dict[str, str]:
    grouping = {}
    for pair in pairs:
        label, equals, value = pair.partition("=")
        if not equals or not _LABEL.fullmatch(label):
            raise UsageProblem(f"--grouping {pair!r} is not LABEL=VALUE", hint="For instance --grouping branch=main.")
        if label in OWN_LABELS:
            raise UsageProblem(
                f"--grouping {label} would overwrite a label of the metrics themselves", hint="Choose another name."
            )
        grouping[label] = value
    return grouping
