"""What the command line makes of a configuration."""

from __future__ import annotations

from typing import Any

import pytest

from lens_gate.config.model import Config
from lens_gate.config.workload import WorkloadType
from lens_gate.errors import UsageProblem
from lens_gate.load.schedule.settings import schedule_settings
from lens_gate.steps.resolving.order import (
    Overrides,
    base_by_endpoint,
    base_by_model,
    overridden,
    providers_of,
    without_model,
)


def a_config(*providers: dict[str, Any], **sections: Any) -> Config:
    return Config.model_validate({"providers": list(providers) or [a_provider()], **sections})


def a_provider(name: str = "p", *models: Any, **keys: Any) -> dict[str, Any]:
    return {"name": name, "endpoint": f"http://{name}.example.org", "models": list(models or ["m"]), **keys}


def names(config: Config) -> list[str]:
    return [f"{p.name}/{m.id}" for p in config.providers for m in p.models]


def test_nothing_given_changes_nothing_but_drops_disabled_providers() -> None:
    config = a_config(a_provider("p"), a_provider("q", enabled=False))
    assert overridden(config, Overrides()) == config.model_copy(update={"providers": config.providers[:1]})


def test_options_win_over_the_profiler_section() -> None:
    config = a_config(profiler={"duration": 60, "requests": 5, "seed": 1})
    changed = overridden(config, Overrides(duration_s=2, warmup_s=1, requests=9, seed=7, max_cost_usd=0.5)).profiler
    assert (changed.duration, changed.warmup, changed.requests, changed.seed, changed.max_cost_usd) == (2, 1, 9, 7, 0.5)


def test_a_number_of_requests_alone_ends_the_run_whatever_duration_is_configured() -> None:
    config = a_config(profiler={"duration": 60})
    assert overridden(config, Overrides(requests=9)).profiler.duration is None


def test_a_rate_is_an_open_loop_and_a_concurrency_a_closed_one() -> None:
    rated = overridden(a_config(workload={"type": "poisson", "poisson": {"lambda": 2}}), Overrides(rps=3)).workload
    closed = overridden(a_config(), Overrides(concurrency=4)).workload
    assert rated.type is WorkloadType.FIXED
    assert rated.fixed is not None
    assert rated.fixed.requests_per_second == 3
    assert closed.type is WorkloadType.CLOSED
    assert closed.closed is not None
    assert closed.closed.concurrency == 4


@pytest.mark.parametrize("asked", [Overrides(rps=3), Overrides(concurrency=4)])
def test_a_pace_on_the_command_line_replaces_stages(asked: Overrides) -> None:
    staged = a_config(workload={"type": "poisson", "stages": [{"duration": 9, "rate": 5}]})
    assert overridden(staged, Overrides(requests=9)).workload.stages == staged.workload.stages
    assert overridden(staged, asked).workload.stages == ()
    assert schedule_settings(overridden(staged, asked)).curve is None


def test_a_rate_and_a_concurrency_contradict_each_other() -> None:
    with pytest.raises(UsageProblem, match="contradict"):
        overridden(a_config(), Overrides(rps=1, concurrency=1))


def test_one_provider_is_chosen_by_name() -> None:
    config = a_config(a_provider("p"), a_provider("q"))
    assert names(overridden(config, Overrides(provider="q"))) == ["q/m"]


@pytest.mark.parametrize("enabled", [True, False])
def test_an_unknown_or_disabled_provider_is_refused(enabled: bool) -> None:
    config = a_config(a_provider("p"), a_provider("q", enabled=False))
    with pytest.raises(UsageProblem, match="no enabled provider"):
        overridden(config, Overrides(provider="r" if enabled else "q"))


def test_an_endpoint_needs_one_provider() -> None:
    assert overridden(a_config(), Overrides(endpoint="http://x")).providers[0].endpoint == "http://x"
    with pytest.raises(UsageProblem, match="p, q"):
        overridden(a_config(a_provider("p"), a_provider("q")), Overrides(endpoint="http://x"))


@pytest.mark.parametrize(("asked", "found"), [("n", ["p/n"]), ("p/n", ["p/n"]), ("m", ["p/m", "q/m"])])
def test_a_model_is_chosen_by_its_id_or_with_its_provider(asked: str, found: list[str]) -> None:
    config = a_config(a_provider("p", "m", "n"), a_provider("q", "m"))
    assert names(overridden(config, Overrides(model=asked))) == found


def test_a_model_that_is_not_configured_borrows_parameters_but_no_price() -> None:
    known = {"id": "m", "max_tokens": 7, "input_usd_per_million": 1, "output_usd_per_million": 2}
    (model,) = overridden(a_config(a_provider("p", known)), Overrides(model="new")).providers[0].models
    assert (model.id, model.max_tokens, model.input_usd_per_million, model.output_usd_per_million) == (
        "new", 7, None, None,
    )  # fmt: skip


def test_a_model_that_is_not_configured_needs_one_provider() -> None:
    with pytest.raises(UsageProblem, match="--model new"):
        overridden(a_config(a_provider("p"), a_provider("q")), Overrides(model="new"))


def test_the_text_of_overrides_tells_any_two_of_them_apart() -> None:
    assert Overrides(rps=1).text() != Overrides(rps=2).text() != Overrides(requests=2).text()


def test_the_base_of_another_model_is_the_same_provider_with_that_model() -> None:
    candidate = overridden(a_config(a_provider("p", "m", "n")), Overrides(model="m", endpoint="http://here"))
    everything = a_config(a_provider("p", "m", {"id": "n", "max_tokens": 3}))
    base = base_by_model(candidate, everything, "n")
    assert names(base) == ["p/n"]
    assert base.providers[0].models[0].max_tokens == 3
    assert base.providers[0].endpoint == "http://here"


def test_the_base_may_be_a_model_of_another_provider_or_one_that_is_not_configured() -> None:
    everything = a_config(a_provider("p"), a_provider("q", "n"))
    candidate = a_config(a_provider("p"))
    assert names(base_by_model(candidate, everything, "q/n")) == ["q/n"]
    assert names(base_by_model(candidate, everything, "x")) == ["p/x"]


def test_a_base_model_of_two_providers_must_be_told_apart() -> None:
    everything = a_config(a_provider("p"), a_provider("q", "n"), a_provider("r", "n"))
    with pytest.raises(UsageProblem, match="more than one provider") as caught:
        base_by_model(a_config(a_provider("p")), everything, "n")
    assert caught.value.hint == "Write --against-model q/n or --against-model r/n."


def test_only_one_model_can_be_compared_with_another_one() -> None:
    with pytest.raises(UsageProblem, match="exactly one candidate model, and there are: m, n"):
        base_by_model(a_config(a_provider("p", "m", "n")), a_config(), "x")


def test_the_base_at_another_address_is_started_by_nobody() -> None:
    target = {"command": "serve", "ready_url": "http://127.0.0.1:1/health"}
    base = base_by_endpoint(a_config(target=target), "http://there")
    assert base.providers[0].endpoint == "http://there"
    assert base.target is None


def test_the_other_arms_model_leaves_the_candidate_unless_nothing_would_remain() -> None:
    assert names(without_model(a_config(a_provider("p", "m", "n"), a_provider("q", "n")), "n")) == ["p/m"]
    assert names(without_model(a_config(a_provider("p", "m", "n"), a_provider("q", "n")), "q/n")) == ["p/m", "p/n"]
    assert names(without_model(a_config(), "m")) == ["p/m"]


def test_providers_in_use_are_found_by_model() -> None:
    config = a_config(a_provider("p"), a_provider("q"), a_provider("r", enabled=False))
    assert providers_of(config, "m") == ("p", "q")
    assert providers_of(config, "q/m") == ("q",)
