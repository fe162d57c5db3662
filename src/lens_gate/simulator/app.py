"""What `lens-gate simulate` does: serve until a signal says stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable

from lens_gate.simulator.server import LoopFactory, serve
from lens_gate.simulator.settings import SimulatorSettings


def run_forever(
    settings: SimulatorSettings, on_ready: Callable[[str], None], *, loop_factory: LoopFactory | None = None
) -> None:
    """Serve until SIGINT or SIGTERM, then write the rest of the log and return.

    `on_ready` gets the base URL once requests are accepted. Raises what `serve` raises.
    """
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve_until_signal(settings, on_ready))


async def _serve_until_signal(settings: SimulatorSettings, on_ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels the runner instead
            loop.add_signal_handler(number, stop.set)
    async with await serve(settings) as running:
        on_ready(running.base_url)
        await stop.wait()
