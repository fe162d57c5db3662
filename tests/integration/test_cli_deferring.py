"""`--defer-decoding`: the same run, decoded later, and refused where something must know meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import KEY, Invoke

Configure = Callable[..., Path]


@pytest.fixture
def configured(configure: Configure, simulator: str) -> Callable[..., None]:
    def call(**sections: Any) -> None:
        model = {"id": "sim-small", "max_tokens": 32, "input_usd_per_million": 0.5, "output_usd_per_million": 1.5}
        provider = {"name": "sim", "endpoint": f"{simulator}/v1", "api_key": KEY, "models": [model]}
        workload = {"fixed": {"requests_per_second": 40}, "prompts": [{"id": "p", "template": "Say hello."}]}
        configure(providers=[provider], workload=workload, **sections)

    return call


def _run() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("run.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("by_option", [True, False])
def test_a_run_that_decodes_later_measures_the_same_and_says_so(
    invoke: Invoke, configured: Callable[..., None], *, by_option: bool
) -> None:
    configured(profiler={"requests": 20, "defer_decoding": not by_option})
    invoke("run", "--output", "run.json", *(["--defer-decoding"] if by_option else []))
    run = _run()
    assert run["summary"]["total_requests"] == 20
    told = [check for check in run["validity"]["checks"] if check["name"] == "deferred_answers"]
    assert [check["value"] for check in told] == [20.0]
    # The first answers were decoded half a second after they had ended.
    columns = run["samples"]["columns"]
    times = zip(columns["end_ns"], columns["sent_ns"], strict=True)
    assert min(end - sent for end, sent in times) < 20 / 40 * 1e9


@pytest.mark.parametrize(
    "command",
    [["run", "--output", "run.json"], ["run", "--dry-run"], ["ci", "--against-endpoint", "http://127.0.0.1:9/v1"]],
)
def test_a_run_with_a_cost_cap_must_decode_at_once(
    invoke: Invoke, configured: Callable[..., None], command: list[str]
) -> None:
    configured(profiler={"requests": 20})
    answer = invoke(*command, "--defer-decoding", "--max-cost", "1")
    assert answer.code == 2
    assert "the cost cap must know at once" in answer.err
    assert "--defer-decoding" in answer.err
    assert not Path("run.json").exists()
