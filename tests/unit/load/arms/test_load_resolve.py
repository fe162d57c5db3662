"""From configuration to arms: series, endpoints, prompts, files, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from pydantic import SecretStr

from lens_gate.config.model import Config
from lens_gate.errors import ConfigProblem
from lens_gate.load.arms.identity import same_requests
from lens_gate.load.arms.plan import ArmPlan, SeriesPlan
from lens_gate.load.arms.prompts import DEFAULT_PROMPT
from lens_gate.load.arms.resolve import resolve_arm
from lens_gate.vocabulary.requests import Api, Arm

OPENAI = {"name": "openai", "api_key": "sk-very-secret", "models": [{"id": "gpt-4o", "max_tokens": 50}]}
CLAUDE = {"name": "anthropic", "models": [{"id": "claude", "system": "Be short.", "params": {"top_k": 3}}]}


def resolve(
    *providers: Mapping[str, object],
    prompts: Sequence[Mapping[str, object]] = (),
    files: Mapping[str, bytes] | None = None,
    arm: Arm = Arm.CANDIDATE,
    names: Sequence[SeriesPlan] | None = None,
    target: Mapping[str, object] | None = None,
    target_endpoint: str | None = None,
) -> ArmPlan:
    def read(path: str) -> bytes:
        try:
            return (files or {})[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file", path) from None

    config = Config.model_validate({"providers": providers, "workload": {"prompts": prompts}, "target": target})
    return resolve_arm(
        config,
        arm=arm,
        label="here",
        commit="abc",
        config_hash="hash",
        read_file=read,
        base_series=names,
        target_name=None if target_endpoint is None else "abc: serve",
        target_endpoint=target_endpoint,
    )


def test_every_model_of_every_enabled_provider_is_a_series() -> None:
    both = {**CLAUDE, "models": [{"id": "a"}, {"id": "b"}]}
    plan = resolve(OPENAI, {**OPENAI, "name": "off", "enabled": False}, both)
    assert [one.series for one in plan.series] == ["openai/gpt-4o", "anthropic/a", "anthropic/b"]
    assert [one.api for one in plan.series] == [Api.OPENAI_CHAT, Api.ANTHROPIC, Api.ANTHROPIC]
    assert (plan.arm, plan.label, plan.commit, plan.config_hash) == (Arm.CANDIDATE, "here", "abc", "hash")
    assert plan.target is None


def test_a_series_carries_what_its_model_and_provider_say() -> None:
    (series,) = resolve({**CLAUDE, "endpoint": "https://llm.example.org/v1", "headers": {"x-a": "b"}}).series
    assert (series.model, series.system, series.params) == ("claude", "Be short.", {"top_k": 3})
    assert series.endpoint.base_url == "https://llm.example.org"
    assert series.endpoint.headers == {"x-a": "b"}
    (openai,) = resolve(OPENAI).series
    assert openai.endpoint.api_key == SecretStr("sk-very-secret")
    assert openai.max_tokens == 50


def test_the_key_is_neither_in_the_plan_nor_in_its_hash() -> None:
    other = resolve({**OPENAI, "api_key": "sk-other"})
    assert resolve(OPENAI).requests_hash == other.requests_hash
    assert "sk-very-secret" not in repr(resolve(OPENAI))


@pytest.mark.parametrize(
    ("providers", "message"),
    [([], "no provider and no model"), ([{**OPENAI, "enabled": False}], "no provider is enabled")],
)
def test_a_configuration_without_a_model_is_refused(providers: list[Mapping[str, object]], message: str) -> None:
    with pytest.raises(ConfigProblem, match=message) as caught:
        resolve(*providers)
    assert caught.value.place == "providers"


def test_two_series_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigProblem, match="'openai/gpt-4o' occurs 2 times"):
        resolve(OPENAI, OPENAI)


@pytest.mark.parametrize(("given", "missing"), [("input", "output"), ("output", "input")])
def test_half_a_price_is_refused(given: str, missing: str) -> None:
    with pytest.raises(ConfigProblem) as caught:
        resolve({**OPENAI, "models": [{"id": "a"}, {"id": "b", f"{given}_usd_per_million": 1}]})
    assert caught.value.place == f"providers[0].models[1].{given}_usd_per_million"
    assert f"{missing}_usd_per_million" in str(caught.value.hint)


def test_a_whole_price_is_carried() -> None:
    model = {"id": "a", "input_usd_per_million": 0, "output_usd_per_million": 2}
    (series,) = resolve({**OPENAI, "models": [model]}).series
    assert (series.input_usd_per_million, series.output_usd_per_million) == (0, 2)


def test_the_base_takes_the_names_of_the_candidate() -> None:
    candidate = resolve(OPENAI)
    base = resolve({**OPENAI, "models": [{"id": "gpt-3.5"}]}, arm=Arm.BASE, names=candidate.series)
    assert [(one.series, one.model) for one in base.series] == [("openai/gpt-4o", "gpt-3.5")]
    assert not same_requests(candidate, base)


def test_equal_configurations_resolve_to_equal_arms() -> None:
    candidate = resolve(OPENAI, CLAUDE)
    base = resolve(OPENAI, CLAUDE, arm=Arm.BASE, names=candidate.series)
    assert candidate.requests_hash == base.requests_hash
    assert same_requests(candidate, base)


TARGET = {"command": "serve {port}", "ready_url": "http://127.0.0.1:{port}/ready"}


def test_requests_go_to_the_target_and_its_port_does_not_count() -> None:
    plans = [
        resolve({**OPENAI, "name": "app"}, target=TARGET, target_endpoint=f"http://127.0.0.1:{port}/v1")
        for port in (4000, 5000)
    ]
    assert [plan.series[0].endpoint.base_url for plan in plans] == [
        "http://127.0.0.1:4000/v1",
        "http://127.0.0.1:5000/v1",
    ]
    assert plans[0].requests_hash == plans[1].requests_hash
    assert plans[0].target == "abc: serve"


def test_only_the_provider_that_a_target_names_is_sent_to_it() -> None:
    plan = resolve(OPENAI, CLAUDE, target={**TARGET, "provider": "anthropic"}, target_endpoint="http://127.0.0.1:4000")
    assert [one.through_target for one in plan.series] == [False, True]
    assert plan.series[0].endpoint.base_url == "https://api.openai.com/v1"


def test_a_target_that_is_not_started_leaves_the_endpoints_as_they_are() -> None:
    assert [one.through_target for one in resolve(OPENAI, target=TARGET).series] == [False]


def test_a_target_for_an_unknown_provider_is_refused() -> None:
    with pytest.raises(ConfigProblem, match="'nobody'"):
        resolve(OPENAI, target={**TARGET, "provider": "nobody"}, target_endpoint="http://127.0.0.1:4000")


def test_without_prompts_there_is_a_default_one() -> None:
    assert resolve(OPENAI).prompts == (DEFAULT_PROMPT,)


def test_prompts_are_templates_or_messages_with_ids_by_position() -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": [{"type": "text", "text": "b"}]}]
    plan = resolve(
        OPENAI,
        prompts=[
            {"template": "Hi {{x}}", "weight": 0.4, "variables": {"x": ["1", "2"]}},
            {"id": "chat", "messages": turns, "system": "S", "tools": [{"name": "t"}], "params": {"p": 1}},
        ],
    )
    first, second = plan.prompts
    assert (first.id, first.weight, first.messages) == ("prompt-1", 0.4, (("user", "Hi {{x}}"),))
    assert first.variables == {"x": ("1", "2")}
    assert (second.id, second.system, second.tools, second.params) == ("chat", "S", ({"name": "t"},), {"p": 1})
    assert second.messages == (("user", "a"), ("assistant", [{"type": "text", "text": "b"}]))


def test_equal_prompt_ids_are_refused() -> None:
    with pytest.raises(ConfigProblem, match="'prompt-2' occurs 2 times"):
        resolve(OPENAI, prompts=[{"id": "prompt-2", "template": "a"}, {"template": "b"}])


def test_a_prompt_with_an_empty_list_of_messages_is_refused() -> None:
    with pytest.raises(ConfigProblem, match="no messages"):
        resolve(OPENAI, prompts=[{"messages": []}])


def test_an_unknown_variable_names_its_prompt() -> None:
    with pytest.raises(ConfigProblem) as caught:
        resolve(OPENAI, prompts=[{"template": "a"}, {"template": "{{b}}"}])
    assert caught.value.place == "workload.prompts[1]"


def values(content: bytes, name: str = "values.txt") -> tuple[str, ...]:
    variables = {"x": {"type": "file", "source": name}}
    plan = resolve(OPENAI, prompts=[{"template": "{{x}}", "variables": variables}], files={name: content})
    return plan.prompts[0].variables["x"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"one\r\ntwo words\n\n  \nlast", ("one", "two words", "last")),
        ("\ufeffone\nzwölf".encode(), ("one", "zwölf")),
        (b'["a", {"q": "\xc3\xa9"}, 3]', ("a", '{"q": "é"}', "3")),
        (b'{"q": 1}\n{"q": 2}\n', ('{"q": 1}', '{"q": 2}')),
    ],
)
def test_a_file_gives_its_lines_or_the_items_of_its_list(content: bytes, expected: tuple[str, ...]) -> None:
    assert values(content) == expected


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"\xff\xfe", "values.txt", "not UTF-8"),
        (b"[1, 2", "values.txt", "not a JSON list"),
        (b'{"a": 1}', "values.json", "no JSON list"),
        (b"\n\n", "values.txt", "no values"),
        (b"[]", "values.json", "no values"),
    ],
)
def test_a_file_without_values_is_refused_with_a_next_step(content: bytes, name: str, message: str) -> None:
    with pytest.raises(ConfigProblem, match=message) as caught:
        values(content, name)
    assert caught.value.place
    assert caught.value.hint


def test_a_missing_file_is_named_with_its_prompt() -> None:
    prompts = [{"template": "{{x}}", "variables": {"x": {"type": "file", "source": "gone.txt"}}}]
    with pytest.raises(ConfigProblem, match=r"'gone\.txt' cannot be read: No such file") as caught:
        resolve(OPENAI, prompts=prompts)
    assert caught.value.place == "workload.prompts[0]"


def test_generators_are_kept_for_the_draws() -> None:
    variables = {"x": {"type": "generator", "generator": "lorem", "words": 7}, "y": ["1"]}
    (prompt,) = resolve(OPENAI, prompts=[{"template": "{{x}} {{y}}", "variables": variables}]).prompts
    assert prompt.variables == {"x": (), "y": ("1",)}
    assert prompt.generators == {"x": ("lorem", 7)}
