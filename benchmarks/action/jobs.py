"""The two jobs that are timed: a pull request whose workflow uses the action, and one that uses the peer's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.real.acting import ROOT, STANDINS, make_pull_request

PEER = Path(__file__).with_name("peer")
PINNED = re.compile(r"uses: (actions/(\w[\w-]*)(?:/\w+)?)@([0-9a-f]{40})")
HEAD = "on: pull_request\njobs:\n  gate:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n"

CHECKOUT, PYTHON, CACHE = "checkout", "a Python", "from the cache"
MAKING, KEEPING, STARTING = "environment", "into the cache", "start to first request"
PARTS = (CHECKOUT, PYTHON, CACHE, MAKING, KEEPING, STARTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job: what its workflow uses, its definition, and which part of the set-up each step of it belongs to."""

    name: str
    definition: Path
    step: str
    parts: Mapping[str, str]

    def stand_ins(self) -> dict[str, Path]:
        """Return the folder for each action of the marketplace that it names."""
        named = PINNED.findall(self.definition.read_text(encoding="utf-8"))
        return {f"actions/{name}@{commit}": STANDINS / name for _, name, commit in named}

    def pull_request(self, folder: Path, address: str) -> dict[str, Any]:
        """Make a repository with a pull request that changes the prompt; return the event's payload."""
        base = {
            "lens-gate.yaml": configuration(address, "Be kind."),
            ".github/workflows/ci.yml": HEAD + self.step.replace("ADDRESS", address),
        }
        base |= {f"peer/{path.name}": path.read_text(encoding="utf-8") for path in PEER.glob("*.*")}
        change = {"lens-gate.yaml": configuration(address, "Be calm.")}
        return make_pull_request(folder, base, change)


LENS_GATE = Job(
    name="lens-gate",
    definition=ROOT / "action.yml",
    step='      - uses: ./\n        with: {publish: "summary,outputs"}\n',
    parts={
        "actions/checkout@v4": CHECKOUT,
        "Find a Python": PYTHON,
        "Bring a Python, where there is none": PYTHON,
        "Say which environment it takes": PYTHON,
        "Take the environment from the cache": CACHE,
        "Make the environment, unless it was in the cache": MAKING,
        "Keep the environment, before a verdict can fail the job": KEEPING,
        "Run lens-gate": STARTING,
    },
)
LOCUST = Job(
    name="locust",
    definition=PEER / "action.yml",
    step="      - uses: ./peer\n        with: {host: ADDRESS}\n",
    parts={
        "actions/checkout@v4": CHECKOUT,
        "Bring a Python": PYTHON,
        "Take the environment from the cache": CACHE,
        "Install locust": MAKING,
        "Keep the environment": KEEPING,
        "Run locust": STARTING,
    },
)


def configuration(address: str, system: str) -> str:
    """Return what lens-gate measures: a few requests, whose verdict is of no account here."""
    models = [{"id": "sim-large", "max_tokens": 10}]
    providers = [{"name": "sim", "api": "openai-chat", "endpoint": f"{address}/v1", "models": models}]
    prompts = [{"id": "order", "system": system, "template": "Where is my order?"}]
    workload = {"fixed": {"requests_per_second": 10}, "prompts": prompts}
    return json.dumps({"profiler": {"requests": 20}, "providers": providers, "workload": workload}, indent=1)
