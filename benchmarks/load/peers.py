"""Other load generators, as clients of the comparison; `install_peers` makes their environments.

Each is used as its documentation says, at a constant rate of open-loop arrivals, and its figures of single requests are
read from its own files. They name no request of the server's, so quantiles are compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from benchmarks.load.clients import BODIES, AiohttpClient, Client, Kind, Order
from benchmarks.load.figures import Load, Told
from benchmarks.load.install_peers import python_of, tokenizer_of
from benchmarks.load.logs import Truth
from benchmarks.load.server import Script, Serving


@dataclass(frozen=True)
class Locust:
    """locust's HttpUser with stamps of our own, since it measures no streams; it cannot end after a number of sends."""

    python: Path
    name: str = "locust HttpUser"
    kind: Kind = Kind.PEER

    def order(self, load: Load, script: Script, serving: Serving, folder: Path) -> Order:
        """Return its command line."""
        body = folder / "body.json"
        body.write_text(json.dumps(BODIES[load.api]))
        users, seconds = str(round(load.rate)), f"{ceil(load.seconds + load.warmup_s + script.answer_s)}s"
        command = [str(self.python), "-m", "locust", "-f", str(Path(__file__).with_name("locust_file.py"))]
        command += ["--headless", "--only-summary", "--users", users, "--spawn-rate", users, "--run-time", seconds]
        told = str(folder / "told.json")
        environment = {"BODY": str(body), "TOLD": told, "TARGET": serving.path(load.api), "USERS": users}
        return Order([*command, "--host", serving.origin], environment)

    def told(self, load: Load, truth: Truth, folder: Path) -> Told:
        """Read the times that its user took."""
        del truth
        return Told(np.array(json.loads((folder / "told.json").read_bytes()), dtype=np.float64)[load.skipped :])


@dataclass(frozen=True)
class Aiperf:
    """aiperf's `profile` at a constant request rate; its tokenizer is one of words, since nothing is fetched."""

    python: Path
    name: str = "aiperf"
    kind: Kind = Kind.PEER

    def order(self, load: Load, script: Script, serving: Serving, folder: Path) -> Order:
        """Return its command line."""
        del script
        inputs = folder / "inputs.jsonl"
        inputs.write_text(json.dumps({"text": "Say hello to the tide."}) + "\n")
        command = [str(self.python.with_name("aiperf")), "profile", "--model", "truth", "--url", serving.origin]
        command += [
            "--endpoint-type",
            "chat",
            "--streaming",
            "--tokenizer",
            str(tokenizer_of("aiperf")),
            "--ui",
            "none",
        ]
        command += ["--request-rate", f"{load.rate:g}", "--request-rate-mode", "constant"]
        command += ["--request-count", str(load.requests), "--input-file", str(inputs)]
        command += ["--custom-dataset-type", "single_turn", "--artifact-dir", str(folder / "aiperf")]
        return Order(command)

    def told(self, load: Load, truth: Truth, folder: Path) -> Told:
        """Read the records of its requests."""
        del truth
        lines = (folder / "aiperf" / "profile_export.jsonl").read_text(encoding="utf-8").splitlines()
        records = sorted(map(json.loads, lines), key=lambda record: record["metadata"]["request_start_ns"])
        times = [
            record["metrics"]["time_to_first_token"]["value"]
            for record in records
            if "time_to_first_token" in record["metrics"]
        ]
        return Told(np.array(times, dtype=np.float64)[load.skipped :])


def installed_peers() -> list[Client]:
    """Return those whose environment is there."""
    ways: dict[str, Callable[[Path], Client]] = {"aiohttp": AiohttpClient, "locust": Locust, "aiperf": Aiperf}
    return [way(python) for name, way in ways.items() if (python := python_of(name)).exists()]
