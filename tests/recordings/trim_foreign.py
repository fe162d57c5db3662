"""Make the small files of `foreign/` from what the tools wrote: a few requests, no folders, no texts of errors.

python tests/recordings/trim_foreign.py guidellm benchmarks.json > tests/recordings/foreign/guidellm.json
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

FOLDERS = re.compile(r"/(?:tmp|home|root|Users|work)/[^\s\"']*")
REQUESTS = 6
GUIDELLM_KEYS = (
    "info", "request_args", "input_metrics", "output_metrics", "time_to_first_token_ms", "inter_token_latency_ms",
)  # fmt: skip
VLLM_LISTS = ("input_lens", "output_lens", "ttfts", "itls", "latencies", "start_times", "queue_times", "errors")


def guidellm(data: dict[str, Any]) -> str:
    """Keep every third request of each ending, and of the rest what says how was measured."""
    benchmark = data["benchmarks"][0]
    requests = {
        ending: [{key: one[key] for key in GUIDELLM_KEYS} for one in (found or [])[::3][:REQUESTS]]
        for ending, found in benchmark["requests"].items()
    }
    for one in requests["errored"]:
        one["info"]["traceback"] = None
    window = {key: benchmark["scheduler_metrics"][key] for key in ("measure_start_time", "measure_end_time")}
    kept = {"type_": benchmark["type_"], "scheduler_metrics": window}
    config = {key: benchmark["config"][key] for key in ("strategy", "backend", "warmup", "prefer_response_metrics")}
    metadata = {**data["metadata"], "platform": "Linux"}
    return json.dumps({"metadata": metadata, "benchmarks": [{**kept, "config": config, "requests": requests}]})


def aiperf(lines: list[dict[str, Any]]) -> str:
    """Keep the warm-up, the first successes and every kind of failure."""
    failed = {one["error"].get("code") or one["error"]["type"]: one for one in lines if one.get("error")}
    good = [one for one in lines if not one.get("error")]
    kept = [*good[:REQUESTS], *failed.values()]
    return "\n".join(json.dumps(one) for one in sorted(kept, key=lambda one: one["metadata"]["request_start_ns"]))


def aiperf_summary(data: dict[str, Any]) -> str:
    """Keep what says how was measured."""
    config = {key: data["input_config"][key] for key in ("models", "endpoint", "phases")}
    return json.dumps({**{key: data[key] for key in ("schema_version", "aiperf_version")}, "input_config": config})


def vllm(data: dict[str, Any]) -> str:
    """Keep the first requests, and of tracebacks the last line, which is all that says what happened."""
    some = range(2 * REQUESTS)
    lists = {name: [data[name][number] for number in some] for name in VLLM_LISTS}
    lists["errors"] = [(error.strip().splitlines() or [""])[-1] for error in lists["errors"]]
    return json.dumps({**data, **lists, "tokenizer_id": "tokenizer", "generated_texts": []})


def main() -> None:
    """Trim one file to standard output."""
    tool, text = sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8")
    match tool:
        case "guidellm":
            trimmed = guidellm(json.loads(text))
        case "aiperf":
            trimmed = aiperf([json.loads(line) for line in text.splitlines()])
        case "aiperf-summary":
            trimmed = aiperf_summary(json.loads(text))
        case _:
            trimmed = vllm(json.loads(text))
    sys.stdout.write(FOLDERS.sub("…", trimmed) + "\n")


if __name__ == "__main__":
    main()
