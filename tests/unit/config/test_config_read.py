from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lens_gate.config.index import KeyPath
from lens_gate.config.read_toml import read_toml
from lens_gate.config.read_yaml import read_yaml


def paths(value: object, path: KeyPath = ()) -> set[KeyPath]:
    found = {path} if path else set()
    if isinstance(value, dict):
        return found.union(*(paths(inner, (*path, name)) for name, inner in value.items()))
    if isinstance(value, list):
        return found.union(*(paths(inner, (*path, index)) for index, inner in enumerate(value)))
    return found


def test_yaml_words_and_times_stay_text_because_only_the_core_types_of_1_2_count() -> None:
    text = (
        "a: on\nb: no\nc: 5:00\nd: 2024-01-01\ne: 0o17\nf: 0x1F\ng: 1e3\nh: .5\ni: ~\nj:\nk: 'true'\nl: TRUE\nm: 1_0\n"
    )
    assert read_yaml(text, "a").tree == {
        "a": "on",
        "b": "no",
        "c": "5:00",
        "d": "2024-01-01",
        "e": 15,
        "f": 31,
        "g": 1000.0,
        "h": 0.5,
        "i": None,
        "j": None,
        "k": "true",
        "l": True,
        "m": "1_0",
    }


def test_yaml_anchors_and_merge_keys_are_expanded_and_written_keys_win() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 9\nd: {<<: *a}\n"
    parsed = read_yaml(text, "f")
    assert parsed.tree["c"] == {"x": 9, "y": 2, "z": 4}
    assert parsed.tree["d"] == {"x": 1, "y": 2}
    assert parsed.lines["c", "x"] == 5
    assert parsed.lines["c", "y"] == 1
    assert parsed.problems == ()


YAML_PROBLEMS = [
    ("a: 1\nb: 2\na: 3\n", "f:3: `a` is set twice; first at f:1"),
    ("a: [1\nb: 2\n", "f:2: not YAML: "),
    ("a: *b\n", "f:1: not YAML: found undefined alias"),
    ("a: 1\n---\nb: 2\n", "f:2: not YAML: but found another document"),
    ("a: \x07\n", "f:1: not YAML: unacceptable character"),
    ("a: " + "[" * 600 + "]" * 600, "f:1: nested too deeply"),
    ("a: " + "[" * 60 + "]" * 60, "more than 50,000 values or 50 levels"),
    ("a: &a [*a]\n", "more than 50,000 values or 50 levels"),
    ("- a\n", "f:1: a configuration is a map of sections"),
    ("just words\n", "f:1: a configuration is a map of sections"),
    ('"\\ud800": 1\n', "half a Unicode character"),
    ("[a]: 1\n", "a key of `` is not text"),
    ("a: !!python/object:os.system x\n", "`a`: the type tag:yaml.org,2002:python/object:os.system is not known here"),
    ("a: !mine x\n", "`a`: the type !mine is not known here"),
    ("a: !!int x\n", "`a`: "),
    ("a: 1e999\n", "`a`: the number is not finite"),
    ("a: " + "9" * 400 + "\n", "`a`: the number is too large"),
    ('a: "\\ud800"\n', "`a`: half a Unicode character"),
    ("a: {<<: 3}\n", "`<<` merges maps only"),
    ("a: &a {<<: *a}\n", "`<<` merges maps only"),
]


@pytest.mark.parametrize(("text", "expected"), YAML_PROBLEMS)
def test_yaml_that_cannot_be_a_configuration_is_reported_with_its_line(text: str, expected: str) -> None:
    problems = [problem.line() for problem in read_yaml(text, "f").problems]
    assert len(problems) == 1
    assert expected.replace("tag:yaml.org,2002:", "") in problems[0].replace("tag:yaml.org,2002:", "")


def test_aliases_that_expand_without_end_are_stopped() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "50,000 values" in read_yaml("\n".join(lines), "f").problems[0].message


TOML = """\
# comment = [
top = "a#b" # c
"quoted.key" = 1
'lit eral' = '''
two ''lines'''''
[a . b]
c.d = {e = 1, f = [1, 2,
  # inner
  3], "g" = { }}
multi = \"\"\"
x \\\"\"\" = 1
[no]
\"\"\"\"\"
[[t]]
n = 1
[t.sub]
x = 1979-05-27T07:32:00
[[t]]
n = [
  { m = 1 },
  { m = 2 },
]
[[t.deep]]
[[t.deep]]
k = true
[z]
"""


def test_each_toml_key_has_the_line_it_stands_on() -> None:
    lines = read_toml(TOML, "f").lines
    assert lines["top",] == 2
    assert lines["quoted.key",] == 3
    assert lines["lit eral",] == 4
    assert lines["a",] == lines["a", "b"] == 6
    assert lines["a", "b", "c", "d", "f"] == 7
    assert lines["a", "b", "c", "d", "f", 2] == 9
    assert lines["a", "b", "multi"] == 10
    assert lines["t",] == lines["t", 0] == 14
    assert lines["t", 0, "sub", "x"] == 17
    assert lines["t", 1] == 18
    assert lines["t", 1, "n", 1, "m"] == 21
    assert lines["t", 1, "deep", 1] == 24
    assert lines["t", 1, "deep", 1, "k"] == 25
    assert lines["z",] == 26
    assert set(lines) == paths(tomllib.loads(TOML))


def test_windows_line_ends_count_as_one_line() -> None:
    assert read_toml("a = 1\r\nb = 2\r\n", "f").lines["b",] == 2


keys = st.text("ab-_9", min_size=1, max_size=3) | st.text("a.#\"' =[]ü", max_size=3)
toml_strings = st.text("a#\"'\\ \t=[]{},.\nü", max_size=8)
toml_values = st.recursive(
    st.integers(-9, 9) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | toml_strings,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


def written_text(value: str) -> str:
    if "'" in value:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"""{escaped}"""'
    return f"'''\n{value}'''" if "\n" in value else f"'{value}'"


def written(value: object, gap: str) -> str:
    match value:
        case dict():
            inner = (f"{json.dumps(name, ensure_ascii=False)} = {written(item, gap)}" for name, item in value.items())
            return "{" + ", ".join(inner) + "}"
        case list():
            return f"[{gap}" + f",{gap}".join(written(item, gap) for item in value) + f"{gap}]"
        case str():
            return written_text(value)
        case _:
            return json.dumps(value)


@given(
    st.dictionaries(keys, toml_values, max_size=4),
    st.sampled_from(["", "\n", " # c ]\n"]),
    st.sampled_from(["", "[[s]]\n"]),
)
@example({"a": [[1], {"b": "x"}]}, "\n", "[[s]]\n")
def test_the_scan_finds_exactly_the_keys_that_the_parser_finds(tree: dict[str, object], gap: str, table: str) -> None:
    text = "".join(f"{json.dumps(name, ensure_ascii=False)} = {written(value, gap)}\n" for name, value in tree.items())
    text = f"{table}{text}{table}[ s . 't' ]\n"
    parsed = read_toml(text, "f")
    assert parsed.problems == ()
    assert set(parsed.lines) == paths(tomllib.loads(text))
    assert max(parsed.lines.values(), default=0) <= text.count("\n") + 1


TOML_PROBLEMS = [
    ("a = 1\nb = \n", "f:2: not TOML: Invalid value"),
    ("a = 1\na = 2\n", "f:2: not TOML: Cannot overwrite a value"),
    ("a = '", "f:1: not TOML: "),
    ("a = 1\nb = nan\n", "f:2: `b`: the number is not finite"),
    ("a = 1\nb = [2024-01-01]\n", "f:2: `b[0]`: dates and times must stand in quotes"),
    ("a = " + "[" * 3000 + "]" * 3000, "f:1: n"),
    ("a = " + "9" * 5000, "f:1: not TOML: "),
]


@pytest.mark.parametrize(("text", "expected"), TOML_PROBLEMS)
def test_toml_that_cannot_be_a_configuration_is_reported_with_its_line(text: str, expected: str) -> None:
    problems = [problem.line() for problem in read_toml(text, "f").problems]
    assert len(problems) == 1
    assert expected in problems[0]
