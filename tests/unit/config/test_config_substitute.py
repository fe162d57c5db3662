from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.config.load import LoadedConfig, Source, load_config
from lens_gate.config.notifications import SlackNotification
from lens_gate.config.substitute import judging_paths, measuring_paths, missing_variables, substitute
from lens_gate.config.workload import WorkloadType
from lens_gate.errors import ConfigProblem, MissingVariable, SecurityRefusal

TWO = """\
profiler:
  name: "${NAME:-nightly} $${NAME}"
  requests: ${N:-50}
providers:
  - name: openai
    api_key: ${OPENAI_API_KEY}
    headers: {Authorization: "Bearer ${TOKEN:-none}"}
    models: [{id: m, system: "${SYSTEM}"}]
  - name: anthropic
    api_key: ${ANTHROPIC_API_KEY}
    models: [m]
  - {name: google, enabled: false, api_key: "${GEMINI_API_KEY}", models: [m]}
workload:
  prompts: [{template: "${HOME} {{x}}", variables: {x: ["${HOME}"]}}]
regression:
  notifications: [{type: slack, webhook: "${SLACK}"}]
"""
KEYS = {"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2", "SLACK": "https://slack"}


def loaded(text: str = TWO) -> LoadedConfig:
    return load_config([Source("a.yaml", text)])


def test_variables_defaults_and_escapes_are_put_in() -> None:
    config = substitute(loaded(), {**KEYS, "N": "7"}, used=None)
    assert config.profiler.name == "nightly ${NAME}"
    assert config.profiler.requests == 7
    assert config.providers[0].api_key is not None
    assert config.providers[0].api_key.get_secret_value() == "sk-1"
    assert config.providers[0].headers == {"Authorization": "Bearer none"}
    assert "sk-1" not in repr(config)


def test_prompts_are_sent_as_written_whatever_the_environment_says() -> None:
    config = substitute(loaded(), {**KEYS, "HOME": "/secret", "SYSTEM": "x"}, used=None)
    assert config.workload.prompts[0].template == "${HOME} {{x}}"
    assert config.workload.prompts[0].variables == {"x": ("${HOME}",)}
    assert config.providers[0].models[0].system == "${SYSTEM}"


def test_every_missing_variable_is_named_with_its_place_and_next_step() -> None:
    with pytest.raises(MissingVariable) as caught:
        substitute(loaded(), {"SLACK": "x"}, used=None)
    message = str(caught.value)
    assert "a.yaml:6: `providers[0].api_key` needs the variable OPENAI_API_KEY" in message
    assert "a.yaml:10: `providers[1].api_key` needs the variable ANTHROPIC_API_KEY" in message
    assert "${OPENAI_API_KEY:-value}" in message
    assert "GEMINI" not in message


def test_an_empty_variable_counts_as_missing_as_pipelines_without_a_secret_set_it() -> None:
    with pytest.raises(MissingVariable, match="not set or empty"):
        substitute(loaded(), {**KEYS, "OPENAI_API_KEY": ""}, used=None)


def test_a_missing_variable_is_no_error_where_its_part_is_not_used() -> None:
    result = loaded()
    config = substitute(result, {"OPENAI_API_KEY": "sk-1"}, used=measuring_paths(result, ["openai"]))
    assert config.providers[1].api_key is not None
    assert config.providers[1].api_key.get_secret_value() == "${ANTHROPIC_API_KEY}"
    assert isinstance(config.regression.notifications[0], SlackNotification)
    with pytest.raises(MissingVariable, match="ANTHROPIC_API_KEY"):
        substitute(result, {"OPENAI_API_KEY": "sk-1"}, used=measuring_paths(result))
    with pytest.raises(MissingVariable, match="SLACK"):
        substitute(result, {}, used=[("regression",)])


def test_a_run_needs_the_paths_that_it_writes_to_and_a_verdict_needs_nobody_to_tell() -> None:
    text = (
        "output: {files: [{type: json, path: '${DIR}/a'}], database: {connection: '${DB}'}}\n"
        "regression: {alpha: '${ALPHA:-0.05}', notifications: [{type: slack, webhook: '${SLACK}'}]}\n"
    )
    result = loaded(text)
    with pytest.raises(MissingVariable, match="DIR") as caught:
        substitute(result, {}, used=measuring_paths(result))
    assert "DB" not in str(caught.value)
    assert substitute(result, {}, used=judging_paths()).regression.alpha == pytest.approx(0.05)


def test_without_providers_a_run_needs_only_its_sections() -> None:
    assert ("providers", 0) not in measuring_paths(loaded("profiler: {seed: 1}\n"))


def test_missing_variables_are_listed_wherever_they_stand() -> None:
    names = [use.name for use in missing_variables(loaded(), {"OPENAI_API_KEY": "x"})]
    assert names == ["ANTHROPIC_API_KEY", "GEMINI_API_KEY", "SLACK"]


def test_numbers_from_variables_are_checked_and_their_values_never_shown() -> None:
    for text in ("sk-secret", "-7", "1.5"):
        with pytest.raises(ConfigProblem) as caught:
            substitute(loaded("profiler: {requests: '${N}'}\n"), {"N": text}, used=None)
        assert "a.yaml:1: `profiler.requests`: the value of its variable is not" in str(caught.value)
        assert text not in str(caught.value)
    with pytest.raises(ConfigProblem) as caught:
        substitute(loaded("profiler: {duration: '${N}'}\n"), {"N": "sk-secret"}, used=None)
    assert "the value of its variable is not what may stand here" in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_list_item_and_a_word_may_come_from_variables() -> None:
    result = loaded("metrics: {percentiles: [50, '${P}']}\nworkload: {type: '${T}'}\n")
    config = substitute(result, {"P": "99.9", "T": "closed"}, used=None)
    assert list(config.metrics.percentiles) == [50, 99.9]
    assert config.workload.type is WorkloadType.CLOSED


def test_an_address_from_a_variable_must_be_plain_once_it_is_known() -> None:
    result = loaded("providers: [{name: a, endpoint: '${URL}/v1', models: [m]}]\n")
    assert substitute(result, {"URL": "http://a:1"}, used=None).providers[0].endpoint == "http://a:1/v1"
    with pytest.raises(ConfigProblem) as caught:
        substitute(result, {"URL": "http://me:secret@a"}, used=None)
    assert "secret" not in str(caught.value)


def test_only_allowed_variables_are_read() -> None:
    text = "profiler: {name: '${A}'}\nproviders: [{name: a, api_key: '${B:-x}', models: [m]}]\n"
    result = loaded(text)
    environment = {"A": "a", "B": "b"}
    with pytest.raises(SecurityRefusal, match=r"`providers\[0\].api_key` reads the variable B"):
        substitute(result, environment, used=None, allowed={"A"})
    config = substitute(result, environment, used=[("profiler",)], allowed={"A"})
    assert config.profiler.name == "a"
    assert config.providers[0].api_key is not None
    assert config.providers[0].api_key.get_secret_value() == "${B:-x}"
    assert substitute(result, environment, used=None, allowed=["A", "B"]).profiler.name == "a"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), st.text("a${}:-x", max_size=6))
def test_a_value_is_put_in_as_it_is_and_never_expanded_again(value: str, around: str) -> None:
    escaped = around.replace("$", "")
    config = substitute(loaded(f"profiler: {{name: '{escaped}${{V}}'}}\n"), {"V": value, "x": "no"}, used=None)
    assert config.profiler.name == escaped + value


def test_a_destination_of_results_is_needed_by_a_run_only_where_it_is_switched_on() -> None:
    off, on = (f"output: {{database: {{{switch}connection: '${{DB}}'}}}}\n" for switch in ("", "enabled: true, "))
    kept = substitute(loaded(off), {}, used=measuring_paths(loaded(off))).output.database
    assert kept is not None
    assert kept.connection == "${DB}"
    found = substitute(loaded(on), {"DB": "runs.db"}, used=measuring_paths(loaded(on))).output.database
    assert found is not None
    assert found.connection == "runs.db"
    with pytest.raises(MissingVariable, match=r"`output\.database\.connection` needs the variable DB"):
        substitute(loaded(on), {}, used=measuring_paths(loaded(on)))
    remote = "output: {remote: [{type: s3, bucket: '${BUCKET}'}]}\n"
    with pytest.raises(MissingVariable, match="BUCKET"):
        substitute(loaded(remote), {}, used=measuring_paths(loaded(remote)))
