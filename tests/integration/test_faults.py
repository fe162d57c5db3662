"""Every fault that the simulator can inject, through `lens-gate run`: which error class it lands in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lens_gate.simulator.effects import Fault
from lens_gate.vocabulary.requests import ErrorClass, Status
from tests.integration.conftest import KEY, Invoke
from tests.measuring import samples_in, texts

TABLE = {
    Fault.SERVER_ERROR: (ErrorClass.API_ERROR, Status.FAILED),
    Fault.THROTTLED: (ErrorClass.RATE_LIMIT, Status.THROTTLED),
    Fault.OVERLOADED: (ErrorClass.OVERLOADED, Status.THROTTLED),
    Fault.WRONG_KEY: (ErrorClass.AUTHENTICATION, Status.FAILED),
    Fault.QUOTA: (ErrorClass.QUOTA, Status.FAILED),
    Fault.ERROR_IN_STREAM: (ErrorClass.ERROR_IN_STREAM, Status.FAILED),
    Fault.CUT: (ErrorClass.CUT_STREAM, Status.FAILED),
    Fault.END_EARLY: (ErrorClass.CUT_STREAM, Status.FAILED),
    Fault.STALL: (ErrorClass.IDLE_TIMEOUT, Status.FAILED),
    Fault.BUFFERED: (ErrorClass.BUFFERED, Status.FAILED),
    Fault.MALFORMED: (ErrorClass.MALFORMED, Status.FAILED),
    Fault.SLOW_HEADERS: (ErrorClass.HEADERS_TIMEOUT, Status.FAILED),
    Fault.RESET: (ErrorClass.RESET, Status.FAILED),
    Fault.EMPTY: (ErrorClass.EMPTY, Status.FAILED),
    Fault.REFUSAL: (ErrorClass.REFUSED, Status.FAILED),
    Fault.HTML: (ErrorClass.WRONG_CONTENT, Status.FAILED),
}
SAME_THING = {Fault.CUT, Fault.END_EARLY}
"""A stream without its end marker, whether or not the connection was closed in an orderly way."""

EFFECTS = {
    "errors=100": (ErrorClass.API_ERROR, Status.FAILED),
    "throttle=100": (ErrorClass.RATE_LIMIT, Status.THROTTLED),
}
EVERYTHING = {f"fault={fault}": found for fault, found in TABLE.items()} | EFFECTS

HEALTHY, TRUNCATED = "sim-small", "sim-large"
PATHS = {"openai-chat": "/v1", "openai-responses": "/v1", "anthropic": "/v1", "google": "/v1beta"}
LIMITS = {"connect": "5s", "request": "5s", "idle": "600ms"}
REQUESTS_EACH = 3


@pytest.fixture
def measured(invoke: Invoke, configure: Callable[..., Path], simulator: str, api: str) -> Path:
    """The run artifact of a few requests under every fault, with a healthy and a truncated answer beside them."""
    names = [HEALTHY, *(f"{HEALTHY}+{effect}" for effect in EVERYTHING)]
    models = [{"id": name, "max_tokens": 200} for name in names] + [{"id": TRUNCATED, "max_tokens": 3}]
    provider = {"name": "sim", "api": api, "endpoint": simulator + PATHS[api], "api_key": KEY, "models": models}
    configure(
        providers=[provider],
        resilience={"timeouts": LIMITS},
        workload={"fixed": {"requests_per_second": 40}, "prompts": [{"id": "p", "template": "Say hello."}]},
    )
    answer = invoke("run", "--requests", str(REQUESTS_EACH * len(models)), "--output", "run.json")
    assert "Written to run.json" in answer.out, answer.err
    return Path("run.json")


def test_the_table_holds_every_fault_and_only_one_pair_shares_a_class() -> None:
    assert set(TABLE) == set(Fault)
    shared = [fault for fault in Fault if fault not in SAME_THING]
    assert len({TABLE[fault][0] for fault in shared}) == len(shared)


@pytest.mark.parametrize("api", PATHS)
def test_each_fault_lands_in_its_own_error_class_and_none_is_a_success(api: str, measured: Path) -> None:
    samples = samples_in(measured)
    sent = samples.where(~samples.texts["status"].equals(Status.SHED))
    found = {
        effect: (
            texts(sent, "error_class", model=f"{HEALTHY}+{effect}"),
            texts(sent, "status", model=f"{HEALTHY}+{effect}"),
        )
        for effect in EVERYTHING
    }
    assert found == {effect: ({error}, {status}) for effect, (error, status) in EVERYTHING.items()}
    assert texts(sent, "status", model=HEALTHY) == {"ok"}
    assert texts(sent, "finish_reason", model=HEALTHY) == {"stop"}
    assert texts(sent, "status", model=TRUNCATED) == {"ok"}
    assert texts(sent, "finish_reason", model=TRUNCATED) == {"length"}
    # Only the refused key makes the run give a model up.
    assert texts(samples, "model", status=Status.SHED) <= {f"{HEALTHY}+fault={Fault.WRONG_KEY}"}
