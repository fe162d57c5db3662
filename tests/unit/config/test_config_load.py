from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.config.load import LoadedConfig, Source, load_config
from lens_gate.config.model import ThresholdMethod
from lens_gate.config.workload import FileVariable, GeneratorVariable, WorkloadType
from lens_gate.errors import ConfigProblem
from lens_gate.vocabulary.requests import Api


def loaded(text: str, name: str = "lens-gate.yaml") -> LoadedConfig:
    return load_config([Source(name, text)])


def problem(*texts: str, name: str = "lens-gate.yaml") -> str:
    sources = [Source(name if index == 0 else f"{index}-{name}", text) for index, text in enumerate(texts)]
    with pytest.raises(ConfigProblem) as caught:
        load_config(sources)
    return str(caught.value)


WHOLE = """\
version: "1.0"
profiler:
  name: nightly
  duration: 5m
  warmup: 30s
providers:
  - name: openai
    api_key: "${OPENAI_API_KEY}"
    models: [gpt-4o-mini, {id: gpt-4o, max_tokens: 128, params: {seed: 7}}]
  - name: mine
    api: openai-responses
    endpoint: "http://127.0.0.1:8080/v1"
    headers: {X-Team: search}
    models: [m]
workload:
  type: poisson
  poisson: {lambda: 15}
  prompts:
    - template: "Say {{word}} in {{n}} words: {{text}}"
      variables:
        word: [a, b]
        n: {type: generator, generator: number}
        text: {type: file, source: prompts/texts.txt}
    - messages: [{role: user, content: [{type: text, text: hi}]}]
      system: be brief
metrics: {percentiles: [50, 99.9], resolution: 500ms}
regression:
  methods: [{type: threshold, metric: p95_latency, threshold_percent: 15}]
"""


def test_a_whole_configuration_becomes_typed_data() -> None:
    config = loaded(WHOLE).config
    assert config.profiler.duration == 300.0
    assert [model.id for model in config.providers[0].models] == ["gpt-4o-mini", "gpt-4o"]
    assert config.providers[0].models[1].params == {"seed": 7}
    assert config.providers[1].api is Api.OPENAI_RESPONSES
    assert config.workload.type is WorkloadType.POISSON
    assert config.workload.poisson is not None
    assert config.workload.poisson.rate == 15
    variables = config.workload.prompts[0].variables
    assert variables["word"] == ("a", "b")
    assert isinstance(variables["n"], GeneratorVariable)
    assert isinstance(variables["text"], FileVariable)
    assert config.metrics.resolution == 0.5
    assert isinstance(config.regression.methods[0], ThresholdMethod)


def test_without_any_file_the_defaults_hold() -> None:
    nothing = load_config([])
    assert nothing.config.workload.type is WorkloadType.FIXED
    assert nothing.tree == {}
    assert nothing.place(("profiler", "name")) == "configuration"


def test_an_empty_file_is_an_empty_configuration() -> None:
    assert loaded("# nothing yet\n").tree == {}
    assert loaded("", "a.toml").tree == {}


def test_every_key_knows_its_line_and_an_absent_one_that_of_its_section() -> None:
    result = loaded(WHOLE)
    assert result.place(("profiler", "duration")) == "lens-gate.yaml:4"
    assert result.place(("providers", 1)) == "lens-gate.yaml:10"
    assert result.place(("providers", 1, "api_key")) == "lens-gate.yaml:10"
    assert result.place(("budgets",)) == "lens-gate.yaml"


def test_the_ending_decides_also_behind_the_commit_that_a_file_was_read_from() -> None:
    assert loaded('[profiler]\nname = "x"\n', "conf/lens-gate.toml@1a2b3c4").config.profiler.name == "x"
    assert loaded('{"profiler": {"name": "x"}}', "lens-gate.json").config.profiler.name == "x"


def test_a_byte_order_mark_is_no_content() -> None:
    assert loaded("\ufeffprofiler: {name: x}\n").config.profiler.name == "x"


UNKNOWN = [
    ("profilr:\n  name: x\n", 1, "profilr", "profiler"),
    ("profiler:\n  naem: x\n", 2, "profiler.naem", "name"),
    ("providers:\n  - name: a\n    models: [m]\n    api_keey: x\n", 4, "providers[0].api_keey", "api_key"),
    (
        "providers:\n  - name: a\n    models:\n      - id: m\n        max_token: 3\n",
        5,
        "providers[0].models[0].max_token",
        "max_tokens",
    ),
    ("workload:\n  poisson:\n    lamda: 3\n", 3, "workload.poisson.lamda", "lambda"),
    (
        "workload:\n  prompts:\n    - template: a\n      wieght: 3\n",
        4,
        "workload.prompts[0].wieght",
        "weight",
    ),
    (
        "workload:\n  prompts:\n    - template: a\n      variables:\n        t: {type: file, souce: a}\n",
        5,
        "workload.prompts[0].variables.t.souce",
        "source",
    ),
    (
        "regression:\n  methods:\n    - type: trend\n      method: linear_regression\n      max_slop: 1\n",
        5,
        "regression.methods[0].max_slop",
        "max_slope",
    ),
    ("resilience:\n  timeouts: {conect: 3s}\n", 2, "resilience.timeouts.conect", "connect"),
    ("output:\n  files:\n    - {type: csv, paht: a}\n", 3, "output.files[0].paht", "path"),
    ("worker:\n  coordinator_url: http://a\n  providers:\n    openai: {timeot: 3}\n", 4, "timeot", "timeout"),
    ("cost_controls:\n  optimization:\n    caching: {enbled: true}\n", 3, "caching.enbled", "enabled"),
]


@pytest.mark.parametrize(("text", "line", "key", "nearest"), UNKNOWN, ids=[row[2] for row in UNKNOWN])
def test_an_unknown_key_is_an_error_with_file_line_and_the_nearest_known_key(
    text: str, line: int, key: str, nearest: str
) -> None:
    message = problem(text)
    assert f"lens-gate.yaml:{line}: unknown key `" in message
    assert f"{key}`" in message
    assert f"Did you mean `{nearest}`" in message


UNKNOWN_IN_TOML = [
    ("[profiler]\n\nnaem = 'x'\n", 3, "profiler.naem", "name"),
    (
        "[[providers]]\nname='a'\nmodels=['m']\n[[providers]]\nname='b'\nmodels=[\n  {id='m', max_tokns=3}]\n",
        7,
        "max_tokns",
        "max_tokens",
    ),
    ("workload.fixed.requests_per_secnd = 3\n", 1, "requests_per_secnd", "requests_per_second"),
]


@pytest.mark.parametrize(("text", "line", "key", "nearest"), UNKNOWN_IN_TOML)
def test_an_unknown_key_in_toml_has_its_line_as_well(text: str, line: int, key: str, nearest: str) -> None:
    message = problem(text, name="a.toml")
    assert f"a.toml:{line}: unknown key `" in message
    assert f"{key}`" in message
    assert f"Did you mean `{nearest}`" in message


def test_an_unknown_key_unlike_any_other_gets_the_list_of_known_ones() -> None:
    assert "Known here: connect, request, idle, run." in problem("resilience:\n  timeouts: {zzz: 3}\n")


def test_a_suggestion_fits_the_variant_that_the_section_says_it_is() -> None:
    message = problem("regression:\n  methods: [{type: threshold, metric: x, confidenc: 0.9}]\n")
    assert "confidence" not in message.replace("confidenc`", "")


def test_a_prompt_without_type_that_knows_other_variants_is_told_so() -> None:
    message = problem("workload:\n  prompts:\n    - {template: a, variables: {t: hello}}\n")
    assert "`workload.prompts[0].variables.t`: expected a list, or a section with a `type`" in message
    message = problem("regression:\n  methods: [{type: tred}]\n")
    assert "expected a `type` out of 'threshold', 'statistical', 'trend'" in message
    assert "Did you mean `trend`?" in message


WRONG = [
    ("profiler: {requests: many}", '`profiler.requests`: expected a whole number, got "many"'),
    ("profiler: {requests: 1.5}", "expected a whole number, got 1.5"),
    ("profiler: {requests: true}", "`profiler.requests`: expected a number, got true"),
    ("profiler: {requests: 0}", "expected more than 0, got 0"),
    ("profiler: {duration: 5 parsecs}", "`profiler.duration`: '5 parsecs' is not a duration; write it like 30s"),
    ("validity: {send_lateness: {invalid_of_ttft: -1}}", "expected at least 0, got -1"),
    ("profiler: {name: 3}", "expected text (in quotes), got 3"),
    ("profiler: {name: [a]}", "expected text (in quotes), got a list"),
    ("profiler: {mode: fast}", "expected one of 'latency', 'throughput', 'cost' or 'comprehensive', got \"fast\""),
    ("profiler:", "`profiler`: expected a section of keys, got nothing (null)"),
    ("profiler: [a]", "expected a section of keys, got a list"),
    ("providers: {openai: {}}", "`providers`: expected a list, got a section"),
    ("providers: [{name: a, models: []}]", "expected at least 1 item, got an empty list"),
    ("providers: [{name: a}]", "`providers[0].models` is missing"),
    ("metrics: {percentiles: [50, 100]}", "`metrics.percentiles[1]`: expected less than 100, got 100"),
    ("metrics: {percentiles: [true]}", "`metrics.percentiles[0]`: expected a number, got true"),
    ("workload: {type: poison}", "Did you mean `poisson`?"),
    ("output: {files: [{type: csv, path: a, delimiter: '||'}]}", "expected at most 1 character"),
    ("workload: {prompts: [{weight: 1}]}", "`workload.prompts[0]`: a prompt has either a `template` or `messages`"),
    ("regression: {min_coverage: 2}", "expected at most 1, got 2"),
    ("regression: {alpha: 0.7}", "expected less than 0.5"),
    ("profiler: {seed: 0x10, warmup: -1}", "expected at least 0, got -1"),
    ("version: '2.0'", "`version`: expected one of '1.0', got \"2.0\""),
    ("profiler: {name: " + "[" + "a, " * 40 + "]}", "got a list"),
    ("profiler: {requests: " + "x" * 99 + "}", "x…"),
    ("target: {command: '', ready_url: 'http://a'}", "expected at least 1 character"),
    ("target: {command: a, ready_url: 'ftp://a'}", "expected an http:// or https:// address"),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_a_wrong_type_says_what_was_expected_and_where(text: str, expected: str) -> None:
    message = problem(text)
    assert expected in message
    assert message.startswith("lens-gate.yaml:1: ")


def test_numbers_in_quotes_and_words_for_booleans_are_taken_as_meant() -> None:
    config = loaded("version: 1.0\nprofiler: {requests: '20'}\noutput: {console: {colors: off}}\n").config
    assert config.profiler.requests == 20
    assert config.output.console.colors is False


def test_all_problems_are_reported_at_once_each_with_its_place() -> None:
    message = problem("profiler:\n  naem: x\n  requests: many\n", "[unclosed\n")
    assert message.startswith("configuration: 3 problems")
    assert "\n  lens-gate.yaml:2: unknown key `profiler.naem` (Did you mean `name`" in message
    assert "\n  lens-gate.yaml:3: `profiler.requests`" in message
    assert "\n  1-lens-gate.yaml:2: not YAML" in message


GENERIC = "providers:\n  - name: a\n    endpoint: http://a\n    models: [m]\n"


def test_a_generic_endpoint_needs_its_mapping_and_a_path_that_stays_on_its_host() -> None:
    assert "`api: generic` needs a `generic` section" in problem(f"{GENERIC}    api: generic\n")
    mapped = f"{GENERIC}    generic: {{response: {{text: $.t}}, path: /x}}\n"
    assert loaded(mapped).config.providers[0].generic is not None
    assert "goes with `api: generic` only" in problem(f"{mapped}    api: google\n")
    for path in ("//evil.example", "https://evil.example/", "@evil.example", "/\\\\evil.example", "x", "/a b"):
        assert "expected a path that begins with one slash" in problem(mapped.replace("/x", f"'{path}'"))


@pytest.mark.parametrize("name", ["Host", "content-length", "Bad Name", "X:", ""])
def test_headers_that_could_redirect_or_forge_a_request_are_refused(name: str) -> None:
    assert "is malformed, or one that lens-gate sets itself" in problem(f"{GENERIC}    headers: {{'{name}': x}}\n")


def test_a_header_with_a_line_break_is_refused() -> None:
    assert "must be one line of text" in problem(GENERIC + '    headers: {X-A: "a\\r\\nb"}\n')


def test_files_merge_by_sections_and_both_places_of_a_clash_are_named() -> None:
    one, two = "profiler:\n  name: a\n", "profiler:\n\n  seed: 3\nbudgets: [{metric: x}]\n"
    merged = load_config([Source("a.yaml", one), Source("b.yaml", two)])
    assert (merged.config.profiler.name, merged.config.profiler.seed) == ("a", 3)
    assert merged.place(("profiler", "seed")) == "b.yaml:3"
    message = problem(one, "profiler:\n  # again\n  name: a\n")
    assert "1-lens-gate.yaml:3: `profiler.name` is set twice; first at lens-gate.yaml:2" in message
    assert "set twice" in problem("budgets: [{metric: a}]\n", "budgets: [{metric: b}]\n")
    assert "set twice" in problem("profiler: {name: a}\n", "profiler: 3\n")


def test_merging_formats_and_repeating_the_version_is_fine() -> None:
    merged = load_config(
        [
            Source("a.yaml", 'version: "1.0"\nprofiler: {seed: 1}\n'),
            Source("b.toml", 'version = "1.0"\nprofiler.name = "x"\n'),
        ]
    )
    assert (merged.config.profiler.seed, merged.config.profiler.name) == (1, "x")


def test_the_hash_depends_on_what_is_asked_and_on_neither_order_nor_secrets() -> None:
    key = "providers: [{name: openai, api_key: %s, models: [m]}]\nprofiler: {seed: %s}\n"
    same = loaded(key % ("sk-one", 1)).config_hash
    assert loaded(key % ("sk-two", 1)).config_hash == same
    assert loaded(key % ("sk-one", 2)).config_hash != same
    reordered = "profiler: {seed: 1}\nproviders: [{models: [m], api_key: sk-one, name: openai}]\n"
    assert loaded(reordered).config_hash == same
    assert re.fullmatch(r"[0-9a-f]{64}", same)


SECRETS = """\
providers:
  - name: openai
    api_key: sk-literal-1
    endpoint: https://api.openai.com/v1
    headers: {Authorization: "Bearer sk-literal-2", OpenAI-Beta: x, X-Api-Key: "Bearer ${KEY}"}
    models: [{id: m, params: {api_token: sk-literal-3, seed: 4}}]
  - {name: b, api_key: "${KEY:-sk-literal-4}", models: [m]}
  - {name: c, api_key: "sk-literal-5${KEY}", models: [m]}
coordinator: {bind_address: a, backend: {type: redis, url: "redis://user:sk-literal-6@host:1"}}
"""


def test_the_snapshot_holds_variables_by_name_and_no_literal_secret() -> None:
    result = loaded(SECRETS)
    snapshot = json.dumps(result.snapshot())
    assert "literal" not in snapshot
    assert "literal" not in repr(result)
    for kept in ("Bearer ${KEY}", '"OpenAI-Beta": "x"', "${KEY:-***}", "***${KEY}", "redis://***@host:1", '"seed": 4'):
        assert kept in snapshot


def test_a_value_that_ended_up_in_a_key_is_not_shown() -> None:
    damaged = SECRETS.replace('url: "redis', 'url:x "redis')
    with pytest.raises(ConfigProblem, match=r"unknown key `coordinator\.backend\.url:?…?") as caught:
        load_config([Source("a.yaml", damaged)])
    assert "literal" not in str(caught.value)


def test_no_literal_secret_reaches_a_message() -> None:
    wrong = SECRETS.replace("sk-literal-1", "[sk-literal-1]").replace('"Bearer sk-literal-2"', "1234567")
    message = problem(wrong + "budgets: 3\n")
    assert "literal" not in message
    assert "1234567" not in message
    assert "`providers[0].api_key`: expected text (in quotes), got something else" in message


def test_variables_are_listed_with_their_places_and_not_those_of_prompts() -> None:
    text = 'profiler:\n  name: "${A} ${B:-b}"\nworkload: {prompts: [{template: "${C}"}]}\n'
    uses = loaded(text).variables
    assert [(use.name, use.default, use.place) for use in uses] == [
        ("A", None, "lens-gate.yaml:2"),
        ("B", "b", "lens-gate.yaml:2"),
    ]
    assert "'b'" not in repr(uses)


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A:?x}", "${A", "${A-b}"])
def test_what_begins_like_a_variable_and_is_none_is_an_error(text: str) -> None:
    message = problem(f"profiler:\n  name: '{text}'\n")
    assert "lens-gate.yaml:2: `profiler.name`: `${` begins no variable" in message


def test_a_variable_in_a_header_of_a_prompt_is_an_error_because_it_would_be_sent_as_written() -> None:
    message = problem("workload: {prompts: [{template: a, headers: {X-A: '${KEY}'}}]}\n")
    assert "prompts substitute no variables" in message


def test_keys_whose_number_is_a_variable_are_left_out_until_it_is_known() -> None:
    config = loaded(
        "profiler: {requests: '${N}', seed: 4}\nworkload: {fixed: {requests_per_second: '${RPS}'}}\n"
        "metrics: {percentiles: [50, '${P}']}\nproviders: [{name: '${NAME}', enabled: '${ON}', models: [m]}]\n"
        "distribution: {regions: [{name: a, weight: '${W}'}]}\n"
    ).config
    assert (config.profiler.requests, config.profiler.seed) == (None, 4)
    assert config.workload.fixed is None
    assert list(config.metrics.percentiles) == [50, 75, 90, 95, 99, 99.9]
    assert config.providers[0].name == "${NAME}"
    assert config.distribution is not None
    assert config.distribution.regions == ()


def test_the_number_of_the_only_item_of_a_list_may_be_a_variable() -> None:
    [model] = loaded("providers: [{name: a, models: [{id: m, max_tokens: '${MAX}'}]}]\n").config.providers[0].models
    assert (model.id, model.max_tokens) == ("m", None)
    assert "expected at least 1 item" in problem("providers: [{name: a, models: []}]\n")


def test_a_wrong_item_of_a_list_is_told_alone() -> None:
    message = problem("providers: [{name: a, models: [{id: m, max_tokens: many}]}]\n")
    assert "expected a whole number" in message
    assert "at least 1 item" not in message


def test_a_variable_cannot_stand_for_a_section_or_a_list() -> None:
    assert "expected a list, got" in problem("providers: '${P}'\n")
    assert "expected a section of keys, got" in problem("profiler: '${P}'\n")
    assert "expected a `type` out of" in problem("regression: {methods: [{type: '${T}'}]}\n")


def test_unknown_keys_are_found_beside_variables_without_any_environment() -> None:
    message = problem("workload:\n  fixed: {requests_per_second: '${RPS}', brust: 3}\nprofiler: {requests: x}\n")
    assert "unknown key `workload.fixed.brust`" in message
    assert "expected a whole number" in message
    assert "RPS" not in message


PIECES = st.sampled_from(
    [
        "profiler",
        "providers",
        "api_key",
        "name",
        "workload",
        "type",
        ":",
        "-",
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "&a",
        "*a",
        "<<",
        "!!",
        "${",
        "}",
        "=",
        "[[",
        "]]",
        "#",
        ",",
        "3",
        "true",
        "~",
    ]
) | st.sampled_from([": ", "- ", "\n", "\n  ", "\t", "\ud800", "\0"])


@given(st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=30), st.sampled_from(["a.yaml", "a.toml"]))
def test_hostile_text_loads_or_is_a_configuration_problem_with_a_place(text: str, name: str) -> None:
    try:
        result = load_config([Source(name, text)])
    except ConfigProblem as error:
        place = error.place
    else:
        place = result.place(("profiler", "name"))
    assert place is not None
    assert place.startswith((name, "configuration"))


@pytest.mark.parametrize("line", range(len(SECRETS.splitlines())))
def test_a_damaged_file_never_puts_its_literal_secrets_into_the_message(line: int) -> None:
    lines = SECRETS.splitlines(keepends=True)
    whole = lines[line]
    for column in range(len(whole)):
        for character in "[{x:'}&"[column % 4 :: 4]:
            lines[line] = whole[:column] + character + whole[column:]
            assert "sk-literal" not in said_of("".join(lines)), lines[line]


def said_of(text: str) -> str:
    """Return the message about a file, if there is one."""
    try:
        load_config([Source("a.yaml", text)])
    except ConfigProblem as error:
        return str(error)
    return ""


def test_problems_are_told_in_the_order_of_the_lines() -> None:
    message = problem("profiler:\n  requests: many\n  naem: x\n" + "\n" * 6 + "wrong: 1\nworkload: {type: none}\n")
    assert re.findall(r"\n  lens-gate\.yaml:(\d+)", message) == ["2", "3", "10", "11"]
