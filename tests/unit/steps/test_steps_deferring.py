"""Which runs may decode later."""

from __future__ import annotations

import pytest

from lens_gate.config.model import Config
from lens_gate.errors import ConfigProblem
from lens_gate.load.engine.deferred import LIMIT_BYTES
from lens_gate.steps.running.deferring import bytes_deferred


def config(**sections: object) -> Config:
    profiler = {"defer_decoding": True, **dict(sections.pop("profiler", {}))}  # type: ignore[call-overload]
    return Config.model_validate({"profiler": profiler, **sections})


def test_decoding_is_not_deferred_unless_it_is_asked_for() -> None:
    assert bytes_deferred(Config.model_validate({"profiler": {"max_cost_usd": 1}}), looks=True, paced=True) is None


def test_a_run_whose_answers_decide_nothing_may_decode_later() -> None:
    assert bytes_deferred(config(), looks=False, paced=False) == LIMIT_BYTES


@pytest.mark.parametrize(
    ("sections", "looks", "paced", "named"),
    [
        ({"profiler": {"max_cost_usd": 1.0}}, False, False, "the cost cap"),
        ({"cost_controls": {"budgets": {"daily_usd": 5.0}}}, False, False, "the budget"),
        ({}, True, False, "until-decided"),
        ({"resilience": {"retries": {"max_attempts": 2}}}, False, False, "the retries"),
        ({"resilience": {"circuit_breaker": {"enabled": True}}}, False, False, "the circuit breaker"),
        ({"resilience": {"abort": {"error_rate": 50}}}, False, False, "the abort"),
        ({}, False, True, "the rate limits"),
    ],
)
def test_what_must_know_how_answers_ended_is_named(
    sections: dict[str, object], looks: bool, paced: bool, named: str
) -> None:
    with pytest.raises(ConfigProblem, match=named) as refused:
        bytes_deferred(config(**sections), looks=looks, paced=paced)
    assert refused.value.place == "profiler.defer_decoding"
    assert named in str(refused.value.hint)
