"""`lens-gate simulate`: serve the fake endpoint until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lens_gate.simulator.app import run_forever
from lens_gate.simulator.settings import SimulatorSettings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free port.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all timing and lengths.")
@click.option("--log", "log_path", type=click.Path(), help="Write what was really sent, and when, as JSON lines.")
@click.option("--api-key", "api_keys", multiple=True, help="Accept only these keys; any key without it.")
@click.option("--rate-limit", type=click.FloatRange(min=0, min_open=True), help="Answer 429 above so many requests/s.")
def simulate(**options: Any) -> None:
    """Serve a fake LLM endpoint with known timing: OpenAI Chat and Responses, Anthropic, Gemini.

    Prints its address first. Models: sim-small, sim-large, sim-thinker, sim-instant, each with effects after a plus:
    sim-small+slower=20, sim-small+fault=cut (docs/simulator.md).
    """
    settings = SimulatorSettings(
        host=options["host"],
        port=options["port"],
        seed=options["seed"],
        log_path=Path(options["log_path"]) if options["log_path"] else None,
        api_keys=frozenset(options["api_keys"]),
        rate_limit_rps=options["rate_limit"],
    )
    run_forever(settings, click.echo)
