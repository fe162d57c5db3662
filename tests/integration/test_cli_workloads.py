"""Workloads as a user configures them: checked, forecast, and refused with a place where they contradict themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import Invoke

PAGE = Path(__file__).parents[2] / "docs/workloads.md"
FENCED = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"^\| `(\w+)` \| .* \| `(\w+: \{.*\})` \|$", re.MULTILINE)

Configure = Callable[..., Path]


def documented() -> list[dict[str, Any]]:
    """Every workload that the page shows, in a block or in the table of types."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in FENCED.findall(text)]
    rows = [{"workload": {"type": kind, **yaml.safe_load(section)}} for kind, section in INLINE.findall(text)]
    return [*blocks, *rows]


@pytest.mark.parametrize("sections", documented(), ids=str)
def test_each_documented_workload_is_valid_and_forecast(
    invoke: Invoke, configure: Configure, sections: dict[str, Any]
) -> None:
    configure(**sections)
    assert invoke("validate").out.strip().endswith("valid: lens-gate.yaml")
    answer = invoke("run", "--dry-run", "--requests", "90")
    assert (answer.code, answer.err) == (0, "")
    assert "In all 90 requests" in answer.out
    assert invoke("plan", "--format", "json").code == 0


@pytest.mark.parametrize(
    ("workload", "place", "hint"),
    [
        ({"fixed": {"requests_per_second": 5}, "stages": [{"duration": 9, "rate": 2}]}, "workload.stages", "one place"),
        ({"type": "gamma", "poisson": {"lambda": 3}}, "workload.type", "workload.gamma"),
        ({"stages": [{"duration": 9}]}, "lens-gate.yaml:", "workload.stages[0].rate"),
        ({"users": {"count": 2, "think_time": {"distribution": "normal", "mean": 3}}}, "lens-gate.yaml:", "stddev"),
        ({"prompts": [{"template": "x", "turns": ["y"]}]}, "lens-gate.yaml:", "turns"),
        ({"type": "users", "stages": [{"duration": 9, "rate": 2}]}, "workload.stages", "poisson"),
        ({"burst": {"size": 0, "every": 2}}, "lens-gate.yaml:", "workload.burst.size"),
        ({"gamma": {"rate": 2, "burstyness": 2}}, "lens-gate.yaml:", "burstiness"),
    ],
)
def test_a_workload_that_contradicts_itself_is_refused_with_its_place(
    invoke: Invoke, configure: Configure, workload: dict[str, Any], place: str, hint: str
) -> None:
    configure(workload=workload)
    for command in (("validate",), ("run", "--dry-run")):
        answer = invoke(*command)
        assert answer.code == 2
        assert place in answer.err
        assert hint in answer.err


def test_conversations_are_not_ended_when_decided(invoke: Invoke, configure: Configure) -> None:
    configure(workload={"prompts": [{"turns": ["a", "b"]}]})
    answer = invoke("run", "--against-model", "sim-mini", "--requests", "90", "--until-decided", "--output", "run.json")
    assert answer.code == 2
    assert "conversations" in answer.err


def cached(run: str) -> tuple[int, int]:
    """Cached and all input tokens of a run's candidate."""
    told = json.loads(Path(run).read_text(encoding="utf-8"))
    tokens = [model["tokens"] for provider in told["providers"] for model in provider["models"]]
    return sum(one["cached"] for one in tokens), sum(one["input"] for one in tokens)


def test_a_nonce_at_the_start_leaves_nothing_to_a_cache_and_a_prefix_exactly_itself(
    invoke: Invoke, configure: Configure, unhurried: None
) -> None:
    brief = ("--requests", "16", "--rps", "80", "--against-model", "sim-mini", "--output", "run.json")
    prompts = [{"template": "word " * 2000}]
    for cache, within in (({}, (0.6, 1.0)), ({"nonce": "end"}, (0.6, 1.0)), ({"nonce": "start"}, (0.0, 0.0))):
        configure(workload={"prompts": prompts, "cache": cache})
        assert invoke("run", *brief).code in (0, 3)
        part, whole = cached("run.json")
        assert within[0] * whole <= part <= within[1] * whole
    answer = invoke("gate", "run.json")
    assert "Cache effects are not covered" in " ".join(answer.out.split())
    configure(workload={"prompts": prompts, "cache": {"nonce": "start", "prefix": {"words": 3000}}})
    invoke("run", *brief)
    part, whole = cached("run.json")
    assert 0.3 * whole < part < 0.9 * whole


def test_objectives_on_the_command_line_are_counted_shown_and_gated(
    invoke: Invoke, configure: Configure, unhurried: None
) -> None:
    configure(regression={"quality_gates": [{"name": "objectives", "condition": "goodput_share > 5"}]})
    brief = ("--requests", "20", "--rps", "100", "--output", "run.json")
    kept = invoke("run", *brief, "--slo", "latency < 100s and ttft <= 50s")
    assert kept.code == 0, kept.err
    assert "goodput" in kept.out
    assert "of all requests met latency < 100s" in " ".join(kept.out.split()).replace("\u00a0", " ")
    told = json.loads(Path("run.json").read_text(encoding="utf-8"))
    assert told["plan"]["slo"] == "latency < 100s and ttft <= 50s"
    summary = told["summary"]
    assert summary["goodput_percent"] == 100 * summary["successful_requests"] / summary["total_requests"] > 0
    assert invoke("gate", "run.json").code == 0
    assert invoke("run", *brief, "--slo", "ttft < 1us").code == 0
    breached = invoke("gate", "run.json")
    assert breached.code == 1
    assert "goodput_share" in breached.out


def test_objectives_that_cannot_be_read_are_refused_with_their_place(invoke: Invoke, configure: Configure) -> None:
    configure()
    answer = invoke("run", "--dry-run", "--slo", "ttft < 500")
    assert answer.code == 2
    assert "the unit of the limit" in answer.err
    configure(metrics={"slo": "ttft < 500ms and tpt < 3ms"})
    answer = invoke("validate")
    assert answer.code == 2
    assert "`metrics.slo`: expected `tpot`, got `tpt` at character 18" in answer.err


def words(text: str) -> str:
    """A text without the line breaks that a terminal puts in it."""
    return " ".join(text.split())


def test_a_warm_up_that_takes_most_of_a_run_is_told_before_anything_is_sent(
    invoke: Invoke, configure: Configure
) -> None:
    configure(profiler={"warmup": "8s", "duration": "10s"}, workload={"prompts": [{"template": "x"}]})
    assert "lens-gate.yaml:1: warm-up and cool-down take 8 s of 10 s" in invoke("validate").out
    assert (
        "Note: warm-up and cool-down take 8 s of 10 s, which leaves about 2 of 10 requests"
        in invoke("run", "--dry-run").out
    )


def test_a_closed_loop_that_ends_in_its_warm_up_says_why_nothing_was_measured(
    invoke: Invoke, configure: Configure
) -> None:
    configure(profiler={"warmup": "30s"}, workload={"closed": {"concurrency": 2}, "prompts": [{"template": "x"}]})
    answer = invoke("run", "--requests", "4", "--output", "run.json")
    assert answer.code == 3
    assert "warning: how many of 4 requests fall into the warm-up of 30 s" in words(answer.err)
    assert "warm-up and cool-down took all 4 requests, so that nothing was measured: shorten" in words(answer.out)


def test_the_dry_run_of_a_closed_loop_says_that_its_size_is_the_endpoints(invoke: Invoke, configure: Configure) -> None:
    configure(workload={"closed": {"concurrency": 2}, "prompts": [{"template": "x"}]})
    answer = invoke("run", "--duration", "60s", "--dry-run")
    assert "As many requests as the endpoint answers in 60 s" in answer.out
    assert "?" not in answer.out.splitlines()[-3]
