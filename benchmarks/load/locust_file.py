"""locust as a load generator of streams: stamps of its user on raw pieces of the body; needs only locust.

Each user sends once a second, in a phase of its own, so that sends are even although locust starts users in bursts.
The environment gives TARGET, USERS, BODY (a file) and TOLD, where the milliseconds to the first byte of each body go,
in the order of sending.
"""

from __future__ import annotations

import json
import os
import time
from itertools import count
from pathlib import Path
from typing import Any

from locust import HttpUser, constant_throughput, events, task

BODY = Path(os.environ["BODY"]).read_bytes()
HEADERS = {"content-type": "application/json"}
NUMBERS = count()
TOLD: list[tuple[int, float]] = []


class Asking(HttpUser):
    """One user."""

    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        time.sleep(next(NUMBERS) / int(os.environ["USERS"]))

    @task
    def ask(self) -> None:
        began = time.perf_counter_ns()
        first = 0
        options = {"headers": HEADERS, "stream": True, "verify": False, "catch_response": True}
        with self.client.post(os.environ["TARGET"], data=BODY, **options) as response:
            for _ in response.iter_content(None):
                first = first or time.perf_counter_ns()
        if first:
            TOLD.append((began, (first - began) / 1e6))


@events.quitting.add_listener
def write(**_: Any) -> None:
    """Write what was measured."""
    Path(os.environ["TOLD"]).write_text(json.dumps([ms for _, ms in sorted(TOLD)]), encoding="utf-8")
