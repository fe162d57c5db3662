"""Waiting for tasks, whatever became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


async def all_done(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Wait until `tasks`, at least one, have ended."""
    await asyncio.wait(tasks)


async def cancelled(*tasks: asyncio.Task[object]) -> None:
    """Cancel `tasks` and wait until they have ended, however they did."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
