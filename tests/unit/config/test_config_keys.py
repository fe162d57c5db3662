from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from lens_gate.config.index import dotted, key_index, known_names, pattern_of
from lens_gate.config.keys import documented_keys, generated_config_docs, keys_markdown, remarks_when_used
from lens_gate.config.load import LoadedConfig, Source, load_config
from lens_gate.config.migrate import migrate_config
from lens_gate.config.read_yaml import read_yaml
from lens_gate.config.remarks import RemarkKind
from lens_gate.config.schema import json_schema
from lens_gate.config.status import Effect, Later, Refused
from lens_gate.config.substitute import substitute
from lens_gate.config.table import KEYS, VALUES, status_of
from lens_gate.config.template import template
from lens_gate.config.tree import leaves, value_at
from lens_gate.errors import ConfigProblem

ROOT = Path(__file__).parents[3]
FENCED = re.compile(r"^```(yaml|toml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPEC = ROOT / "../shared/spec/llm-latency-lens.md"
OWN = (
    "llm-lens.yaml",
    "llm-lens.toml",
    "regression-config.yaml",
    "performance-budget.yaml",
    "config/coordinator.yaml",
    "config/worker.yaml",
    "geographic-config.yaml",
    "Cost-optimized configuration",
    "prometheus-config.yaml",
    "otel-config.yaml",
    "Use secret management",
    "cost-management.yaml",
    "privacy-config.yaml",
)


def examples() -> list[tuple[str, Source]]:
    """The product's own configurations among the spec's fenced blocks, known by their first line."""
    if not SPEC.exists():
        return []
    found = {}
    for language, body in re.findall(
        r"^```(yaml|toml)\n(.*?)^```", SPEC.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        title = body.splitlines()[0].removeprefix("# ").split(" - ")[0]
        if title in OWN:
            found[title] = Source(f"{title}.{language}", body)
    return list(found.items())


needs_spec = pytest.mark.skipif(not SPEC.exists(), reason="the spec does not lie beside this checkout")


def loaded(text: str, name: str = "a.yaml") -> LoadedConfig:
    return load_config([Source(name, text)])


@needs_spec
def test_there_are_thirteen_examples_of_the_products_own() -> None:
    assert [title for title, _ in examples()] == list(OWN)


@pytest.mark.parametrize("source", [source for _, source in examples()], ids=lambda source: source.name)
def test_each_example_loads_and_each_of_its_keys_is_in_the_table(source: Source) -> None:
    result = load_config([source])
    documented = {info.pattern for info in documented_keys()}
    for path, _ in leaves(result.tree):
        pattern = pattern_of(path)
        assert isinstance(status_of(pattern), Effect | Refused | Later), dotted(path)
        assert documented & {pattern_of(path[:end]) for end in range(1, len(path) + 1)}, dotted(path)
    substitute(result, {use.name: "x" for use in result.variables}, used=None)


@pytest.mark.parametrize("source", [source for _, source in examples()], ids=lambda source: source.name)
def test_each_example_fits_the_schema_for_editors(source: Source) -> None:
    Draft202012Validator(json_schema()).validate(load_config([source]).tree)


@pytest.mark.parametrize("title", ["Cost-optimized configuration", "cost-management.yaml"])
@needs_spec
def test_a_run_refuses_the_examples_that_would_falsify_it(title: str) -> None:
    result = load_config([dict(examples())[title]])
    with pytest.raises(ConfigProblem, match="it would falsify a measurement"):
        remarks_when_used(result, "run")
    assert any(remark.kind is RemarkKind.REFUSED for remark in remarks_when_used(result, "validate") + result.remarks)


@needs_spec
def test_the_primary_example_runs_with_warnings_for_what_comes_later() -> None:
    result = load_config([dict(examples())["llm-lens.yaml"]])
    keys = [remark.key for remark in remarks_when_used(result, "run")]
    assert "output.database" not in keys
    assert "workload.type" not in keys


def test_every_key_of_the_schema_has_a_row_and_every_row_a_key() -> None:
    for info in documented_keys():
        status_of(info.pattern)
    unknown = [pattern for pattern in (*KEYS, *VALUES) if pattern.removesuffix("[]") not in key_index()]
    assert unknown == []
    with pytest.raises(KeyError):
        status_of("nonsense.key")


def test_a_key_with_an_effect_is_read_by_another_part_of_the_code() -> None:
    rooms = [path for path in (ROOT / "src/lens_gate").rglob("*.py") if path.parent.name != "config"]
    source = "\n".join(path.read_text(encoding="utf-8") for path in rooms)
    attributes = {"workload.poisson.lambda": "rate", "workload.replay.from": "begin", "workload.replay.to": "end"}
    names = {
        pattern: attributes.get(pattern, re.findall(r"\w+", pattern)[-1])
        for pattern, status in KEYS.items()
        if isinstance(status, Effect) and status.room != "config"
    }
    read = {*re.findall(r"\.(\w+)", source), *re.findall(r"\b(\w+)=", source)}
    assert [pattern for pattern, name in names.items() if name not in read] == []


def test_the_documents_on_disk_are_those_that_would_be_generated() -> None:
    for name, text in generated_config_docs().items():
        assert (ROOT / name).read_text(encoding="utf-8") == text(), "run `make docs`"


def test_the_table_shows_type_default_and_what_a_key_does() -> None:
    text = keys_markdown()
    assert "| `profiler.warmup` | duration | `0s` | effect | load: the first part of the run" in text
    assert "| `providers[].name` | text | required | effect |" in text
    assert "| `providers[].enabled` | true, false | `true` | effect |" in text
    assert "| `metrics.percentiles` | list of number | `[50, 75, 90, 95, 99, 99.9]` | effect |" in text
    assert re.search(r"`cost_controls.optimization.caching.ttl` \| duration \| `3600s` \| refused \|", text)
    assert "| `workload.prompts[].variables.*` | list of text or section | | effect |" in text


QUIET = [
    "profiler: {mode: latency}",
    "output: {database: {enabled: false, connection: x}, remote: [{type: s3, enabled: false, bucket: b}]}",
    "resilience: {retries: {max_attempts: 1, backoff: fixed}, circuit_breaker: {failure_threshold: 3}}",
    "cost_controls: {optimization: {model_selection: none, caching: {ttl: 3s}, batching: {enabled: false}}}",
    "workload: {type: mixed, replay: {source: x}}",
    "regression: {methods: [{type: threshold, metric: x}], baseline: {source: baseline/main.json}}",
    "logging: {level: debug, format: json, output: stdout, file: {enabled: true, path: a.log}}",
    "privacy:",
]


@pytest.mark.parametrize("text", QUIET)
def test_a_key_that_asks_for_nothing_gets_no_remark(text: str) -> None:
    assert loaded(text).remarks == ()


SAID = [
    ("profiler: {mode: cost}", "profiler.mode"),
    ("prometheus: {enabled: '${METRICS}'}", "prometheus"),
    ("regression: {methods: [{type: trend, method: linear_regression}]}", "regression.methods[0].type"),
    ("metrics: {collect: [latency]}", "metrics.collect"),
    ("cost_optimization: {deduplication: {enabled: true}}", "cost_optimization.deduplication"),
    ("output: {console: {format: json}}", "output.console.format"),
    ("privacy: {retention: {logs: 30d}}", "privacy.retention.logs"),
    ("distribution: {strategy: geographic}", "distribution"),
]


@pytest.mark.parametrize(("text", "key"), SAID)
def test_a_key_without_effect_is_said_to_have_none_with_its_line(text: str, key: str) -> None:
    (remark,) = loaded(f"# a comment\n{text}\n").remarks
    assert (remark.key, remark.place) == (key, "a.yaml:2")
    assert f"a.yaml:2: `{key}` " in str(remark)


def test_remarks_go_to_the_commands_that_they_concern() -> None:
    trend = "regression: {methods: [{type: trend, method: linear_regression}]}\n"
    text = f"{trend}profiler: {{mode: cost}}\n"
    keys = {command: [r.key for r in remarks_when_used(loaded(text), command)] for command in ("run", "gate", "init")}
    assert keys["run"] == ["profiler.mode"]
    assert keys["gate"] == ["regression.methods[0].type"]
    assert keys["init"] == []


def test_a_run_refuses_every_falsifying_key_at_once_with_their_lines() -> None:
    text = "cost_controls:\n  optimization:\n    caching: {enabled: true}\n    batching: {enabled: true}\n"
    with pytest.raises(ConfigProblem) as caught:
        remarks_when_used(loaded(text), "ci")
    assert "a.yaml:3: `cost_controls.optimization.caching` is refused" in str(caught.value)
    assert "a.yaml:4: `cost_controls.optimization.batching` is refused" in str(caught.value)
    assert remarks_when_used(loaded(text), "gate") == ()


def test_a_replay_asks_for_nothing_that_comes_later() -> None:
    assert loaded("workload:\n  type: replay\n  replay: {source: x, from: 1m, to: 2m}\n").remarks == ()


def test_patterns_stand_for_items_and_names() -> None:
    assert pattern_of(("providers", 0, "models", 2, "id")) == "providers[].models[].id"
    assert pattern_of(("workload", "prompts", 1, "variables", "x", "source")) == "workload.prompts[].variables.*.source"
    assert pattern_of(("nonsense", 3)) == "nonsense[]"
    assert known_names(("workload", "closed"), None) == ("concurrency",)
    assert "profiler" in known_names((), None)


def test_nothing_lies_at_a_path_that_leads_nowhere() -> None:
    tree = loaded("providers: [{name: a, models: [m]}]\n").tree
    assert value_at(tree, ("providers", 0, "name")) == "a"
    for path in (
        ("target",),
        ("target", "command"),
        ("providers", 1),
        ("providers", "name"),
        ("providers", 0, "name", 1),
    ):
        assert value_at(tree, path) is None


GOOD = [
    {"version": 1.0},
    {"profiler": {"requests": "${N:-5}", "duration": "5m", "warmup": 3}},
    {"providers": [{"name": "a", "api": "${API}", "models": ["m", {"id": "n", "params": {"any": [1]}}]}]},
    {"workload": {"type": "${T}", "poisson": {"lambda": 3}}},
    {"metrics": {"percentiles": [50, "${P}"]}},
]
BAD = [
    {"profilr": {}},
    {"profiler": {"requests": "many"}},
    {"workload": {"prompts": [{"template": "x", "weight": "${W}"}]}},
    {"workload": {"type": "fxed"}},
    {"providers": [{"name": "a"}]},
    {"regression": {"methods": [{"type": "${T}"}]}},
]


def test_the_schema_for_editors_is_a_schema_and_agrees_with_the_loader() -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for tree in GOOD:
        assert validator.is_valid(tree), tree
        loaded(json.dumps(tree))
    for tree in BAD:
        assert not validator.is_valid(tree), tree
        with pytest.raises(ConfigProblem):
            loaded(json.dumps(tree))


def test_the_schema_explains_keys_where_an_editor_shows_them() -> None:
    definitions = json_schema()["$defs"]
    assert definitions["Profiler"]["properties"]["max_cost_usd"]["description"].startswith("Cap on dollars")
    assert definitions["Caching"]["properties"]["ttl"]["description"].startswith("Refused in a run:")
    assert definitions["Prometheus"]["properties"]["enabled"]["description"].startswith("No effect yet:")


def test_both_templates_load_say_the_same_and_ask_for_nothing_that_is_missing() -> None:
    as_yaml, as_toml = loaded(template("yaml")), loaded(template("toml"), "a.toml")
    assert as_yaml.tree == as_toml.tree
    assert as_yaml.config == as_toml.config
    assert as_yaml.remarks == ()
    assert [use.name for use in as_yaml.variables] == ["OPENAI_API_KEY"]
    Draft202012Validator(json_schema()).validate(as_yaml.tree)
    assert yaml.safe_load(template("yaml")) == as_yaml.tree


OLD = '# ours\nworkload:\n  type: "mixed"  # fixed, mixed\n  fixed: {requests_per_second: 3}\n'


def test_an_older_configuration_gets_a_version_and_keeps_its_comments() -> None:
    new = migrate_config(OLD, "a.yaml")
    assert new == 'version: "1.0"\n\n' + OLD.replace('"mixed"', '"fixed"')
    assert migrate_config(new, "a.yaml") == new
    assert (
        migrate_config("[workload]\ntype = 'mixed'\n", "a.toml") == "version = \"1.0\"\n\n[workload]\ntype = 'fixed'\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        'version: "1.0"\nworkload: {type: mixed, poisson: {lambda: 3}}\n',
        'version: "1.0"\nworkload: {type: closed}\n',
    ],
)
def test_where_there_is_nothing_to_change_the_text_stays(text: str) -> None:
    assert migrate_config(text, "a.yaml") == text


@pytest.mark.parametrize("source", [source for _, source in examples()], ids=lambda source: source.name)
def test_every_example_still_loads_after_migration_and_says_the_same(source: Source) -> None:
    new = migrate_config(source.text, source.name)
    before = load_config([source]).tree
    after = load_config([Source(source.name, new)]).tree
    assert {**before, "version": "1.0"} == json.loads(json.dumps(after).replace('"fixed", "fixed"', '"mixed", "fixed"'))


def test_an_older_configuration_that_does_not_load_is_not_rewritten() -> None:
    with pytest.raises(ConfigProblem):
        migrate_config("nonsense: 1\n", "a.yaml")


def test_the_guide_shows_configurations_that_load() -> None:
    guide = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    blocks = FENCED.findall(guide)
    assert len(blocks) >= 5
    for number, (language, body) in enumerate(blocks):
        assert loaded(body, f"block-{number}.{language}").tree
    assert read_yaml(blocks[0][1], "x").problems == ()
