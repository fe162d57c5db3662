"""Other load generators, as clients of the comparison; `install_peers` makes their environments.

Each is used as its documentation says, at a constant rate of open-loop arrivals, and its figures of single requests are
read from its own files. They name no request of the server's, so quantiles are compared. Where a tool may spread over
several processes but is given one core, and its documentation has a number for that, it is one; nothing else is tuned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.load.clients import BODIES, MESSAGES, AiohttpClient, Client, Kind, Order
from benchmarks.load.figures import Load, Told
from benchmarks.load.install_peers import python_of, tokenizer_of
from benchmarks.load.logs import Truth
from benchmarks.load.server import PATHS, Script, Serving

QUESTION = MESSAGES[0]["content"]
CHAT_ONLY = frozenset({"openai-chat"})
EVERY_API = frozenset(PATHS)


def trusting(serving: Serving) -> dict[str, str]:
    """Return the environment in which the server's certificate is trusted."""
    return {"SSL_CERT_FILE": str(serving.tls.certificate)} if serving.tls else {}


def in_order_of_sending(load: Load, times: Iterable[tuple[float, float | None]]) -> Told:
    """Take pairs of when a request was sent and its milliseconds to the first token (None or 0: none came)."""
    answered = [ms for _, ms in sorted(times, key=lambda pair: pair[0])[load.skipped :] if ms]
    return Told(np.array(answered, dtype=np.float64))


@dataclass(frozen=True)
class Locust:
    """locust's HttpUser with stamps of our own, since it measures no streams; it cannot end after a number of sends."""

    python: Path
    name: str = "locust HttpUser"
    kind: Kind = Kind.PEER
    apis: frozenset[str] = EVERY_API

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
    apis: frozenset[str] = CHAT_ONLY

    def order(self, load: Load, script: Script, serving: Serving, folder: Path) -> Order:
        """Return its command line."""
        del script
        inputs = folder / "inputs.jsonl"
        inputs.write_text(json.dumps({"text": QUESTION}) + "\n")
        command = [str(self.python.with_name("aiperf")), "profile", "--model", "truth", "--url", serving.origin]
        command += ["--endpoint-type", "chat", "--streaming", "--ui", "none"]
        command += ["--tokenizer", str(tokenizer_of("aiperf"))]
        command += ["--request-rate", f"{load.rate:g}", "--request-rate-mode", "constant"]
        command += ["--request-count", str(load.requests), "--input-file", str(inputs)]
        command += ["--custom-dataset-type", "single_turn", "--artifact-dir", str(folder / "aiperf")]
        return Order(command, trusting(serving))

    def told(self, load: Load, truth: Truth, folder: Path) -> Told:
        """Read the records of its requests."""
        del truth
        lines = (folder / "aiperf" / "profile_export.jsonl").read_text(encoding="utf-8").splitlines()
        return in_order_of_sending(load, map(self._times, map(json.loads, lines)))

    def _times(self, record: Mapping[str, Any]) -> tuple[float, float | None]:
        ttft = record["metrics"].get("time_to_first_token")
        return record["metadata"]["request_start_ns"], ttft and ttft["value"]


@dataclass(frozen=True)
class Vllm:
    """vLLM's `bench serve` with its arrivals made even, and without the request that it sends to see who is there."""

    python: Path
    name: str = "vllm bench serve"
    kind: Kind = Kind.PEER
    apis: frozenset[str] = CHAT_ONLY

    def order(self, load: Load, script: Script, serving: Serving, folder: Path) -> Order:
        """Return its command line."""
        inputs = folder / "inputs.jsonl"
        inputs.write_text("".join(json.dumps({"prompt": QUESTION}) + "\n" for _ in range(load.requests)))
        command = [str(self.python.with_name("vllm")), "bench", "serve", "--backend", "openai-chat"]
        command += ["--base-url", serving.origin, "--endpoint", serving.path(load.api), "--model", "truth"]
        command += ["--tokenizer", str(tokenizer_of("vllm")), "--dataset-name", "custom", "--skip-chat-template"]
        command += ["--dataset-path", str(inputs), "--custom-output-len", str(script.tokens)]
        command += ["--num-prompts", str(load.requests), "--request-rate", f"{load.rate:g}", "--burstiness", "inf"]
        command += ["--ready-check-timeout-sec", "0", "--disable-tqdm"]
        command += ["--save-result", "--save-detailed", "--result-dir", str(folder), "--result-filename", "vllm.json"]
        return Order(command, trusting(serving))

    def told(self, load: Load, truth: Truth, folder: Path) -> Told:
        """Read the detailed result."""
        del truth
        result = json.loads((folder / "vllm.json").read_bytes())
        pairs = zip(result["start_times"], result["ttfts"], strict=True)
        return in_order_of_sending(load, ((start_s, 1000 * ttft_s) for start_s, ttft_s in pairs))


@dataclass(frozen=True)
class Guidellm:
    """guidellm's `run` at a constant rate, with the ten processes that it takes by itself."""

    python: Path
    name: str = "guidellm"
    kind: Kind = Kind.PEER
    apis: frozenset[str] = CHAT_ONLY

    def order(self, load: Load, script: Script, serving: Serving, folder: Path) -> Order:
        """Return its command line."""
        inputs = folder / "inputs.jsonl"
        inputs.write_text("".join(json.dumps({"prompt": QUESTION}) + "\n" for _ in range(load.requests)))
        backend = f"kind=openai_http,target={serving.origin},model=truth,validate_backend=false"
        command = [str(self.python.with_name("guidellm")), "run", "--disable-console"]
        command += ["--backend", f"{backend},max_tokens={2 * script.tokens}"]
        command += ["--profile", f"kind=constant,rate={load.rate:g}"]
        command += ["--constraint", f"kind=max_requests,count={load.requests}"]
        command += ["--data", f"kind=json_file,path={inputs}"]
        command += ["--output", f"kind=json,path={folder / 'guidellm.json'}"]
        return Order(command, trusting(serving))

    def told(self, load: Load, truth: Truth, folder: Path) -> Told:
        """Read the requests of its report that succeeded."""
        del truth
        (benchmark,) = json.loads((folder / "guidellm.json").read_bytes())["benchmarks"]
        requests = benchmark["requests"]["successful"]
        return in_order_of_sending(
            load, ((one["request_start_time"], one["time_to_first_token_ms"]) for one in requests)
        )


@dataclass(frozen=True)
class InferencePerf:
    """inference-perf's replay of a trace with even arrivals, since its constant load draws exponential gaps."""

    python: Path
    name: str = "inference-perf"
    kind: Kind = Kind.PEER
    apis: frozenset[str] = CHAT_ONLY

    def order(self, load: Load, script: Script, serving: Serving, folder: Path) -> Order:
        """Write its configuration and the trace, and return its command line."""
        trace = folder / "trace.csv"
        trace.write_text("".join(self._arrivals(load, script)))
        config = folder / "inference-perf.json"
        config.write_text(json.dumps(self._configuration(load, serving, trace, folder)))
        command = [str(self.python.with_name("inference-perf")), "--config_file", str(config)]
        return Order(command, trusting(serving))

    def _arrivals(self, load: Load, script: Script) -> Iterable[str]:
        yield "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        midnight = datetime(2000, 1, 1, tzinfo=UTC)
        for number in range(load.requests):
            instant = midnight + timedelta(seconds=number / load.rate)
            yield f"{instant:%Y-%m-%d %H:%M:%S.%f},8,{script.tokens}\n"

    def _configuration(self, load: Load, serving: Serving, trace: Path, folder: Path) -> dict[str, Any]:
        """Return its configuration; the rate of a replay says only how many requests fit into the whole seconds."""
        whole_s = ceil(load.seconds + load.warmup_s)
        fields = {"request": False, "response": False, "response_chunks": False}
        return {
            "api": {"type": "chat", "streaming": True},
            "data": {"type": "mock"},
            "load": {
                "type": "trace_replay",
                "trace": {"file": str(trace)},
                "stages": [{"rate": (load.requests + 0.5) / whole_s, "duration": whole_s}],
                "num_workers": 1,
                "worker_max_concurrency": load.requests,
            },
            "server": {"type": "vllm", "model_name": "truth", "base_url": serving.origin, "ignore_eos": False},
            "tokenizer": {"pretrained_model_name_or_path": str(tokenizer_of("inference-perf"))},
            "report": {"request_lifecycle": {"per_request": True, "per_request_fields": fields}},
            "storage": {"local_storage": {"path": str(folder / "reports")}},
        }

    def told(self, load: Load, truth: Truth, folder: Path) -> Told:
        """Read its report of single requests."""
        del truth
        entries = json.loads((folder / "reports" / "per_request_lifecycle_metrics.json").read_bytes())
        return in_order_of_sending(load, map(self._times, entries))

    def _times(self, entry: Mapping[str, Any]) -> tuple[float, float | None]:
        began_s, answer = entry["start_time"], (entry["info"] or {}).get("response_metrics")
        tokens_s = answer and answer["output_token_times"]
        return began_s, 1000 * (tokens_s[0] - began_s) if tokens_s else None


WAYS: Mapping[str, Callable[[Path], AiohttpClient | Locust | Aiperf | Vllm | Guidellm | InferencePerf]] = {
    "aiohttp": AiohttpClient,
    "vllm": Vllm,
    "inference-perf": InferencePerf,
    "aiperf": Aiperf,
    "guidellm": Guidellm,
    "locust": Locust,
}
"""By the name of the environment that `install_peers` makes."""


def installed_peers(api: str) -> list[Client]:
    """Return those that speak a wire format and whose environment is there."""
    ways = {name: way(python_of(name)) for name, way in WAYS.items()}
    return [client for client in ways.values() if api in client.apis and client.python.exists()]


def absent_peers() -> list[str]:
    """Return what those are called whose environment is not there."""
    ways = [way(python_of(name)) for name, way in WAYS.items()]
    return [client.name for client in ways if not client.python.exists()]
