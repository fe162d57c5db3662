"""aiohttp on uvloop as a load generator, written as well as its users could; needs only these two and the library.

python aiohttp_client.py LOG URL BODY RATE REQUESTS; the log is in the C client's format.
"""

from __future__ import annotations

import array
import asyncio
import gc
import ssl
import sys
import time
from pathlib import Path

import aiohttp
import uvloop

LEAD_NS = 200_000_000
COARSE_NS = 1_500_000


async def exchange(session: aiohttp.ClientSession, url: str, body: bytes, row: list[int]) -> None:
    """Send one request and stamp what comes."""
    headers = {"content-type": "application/json", "x-request-id": str(row[0])}
    row[2] = time.perf_counter_ns()
    try:
        async with session.post(url, data=body, headers=headers) as response:
            async for _ in response.content.iter_any():
                row[4] = time.perf_counter_ns()
                row[3] = row[3] or row[4]
                row[5] += 1
            row[6] = int(response.status == 200)
    except aiohttp.ClientError:
        pass


async def play(url: str, body: bytes, rate: float, requests: int) -> list[list[int]]:
    """Send by absolute deadlines."""
    rows: list[list[int]] = []
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    connector = aiohttp.TCPConnector(limit=0, ssl=tls)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        anchor, running = time.perf_counter_ns() + LEAD_NS, set()
        for number in range(requests):
            due = anchor + int(number / rate * 1e9)
            await asyncio.sleep(max(0, due - time.perf_counter_ns() - COARSE_NS) / 1e9)
            while time.perf_counter_ns() < due:  # noqa: ASYNC110 - nobody could set an event
                await asyncio.sleep(0)
            row = [number + 1, due, 0, 0, 0, 0, 0, 0]
            rows.append(row)
            task = asyncio.create_task(exchange(session, url, body, row))
            running.add(task)
            task.add_done_callback(running.discard)
        if running:
            await asyncio.wait(running)
    return rows


def main() -> None:
    log, url, body, rate, requests = sys.argv[1:]
    gc.disable()
    rows = uvloop.run(play(url, Path(body).read_bytes(), float(rate), int(requests)))
    header = array.array("q", [len(rows), 0, 0])
    values = array.array("q", [value for row in rows for value in row])
    Path(log).write_bytes(b"LGTRUTH1" + header.tobytes() + values.tobytes())


if __name__ == "__main__":
    main()
