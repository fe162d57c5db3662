"""What is wrong with a configuration is told with its line, or with the option that it came from."""

from __future__ import annotations

import pytest

from lens_gate.config.load import LoadedConfig, Source, load_config
from lens_gate.config.problems import Collected
from lens_gate.errors import ConfigProblem, MissingVariable
from lens_gate.steps.resolving.order import Overrides
from lens_gate.steps.resolving.placing import placing

TEXT = """\
profiler:
  requests: 10
workload:
  prompts:
    - {id: a, template: "Hello"}
    - {id: b, template: "Hello"}
"""


@pytest.fixture
def loaded() -> LoadedConfig:
    return load_config([Source("lens-gate.yaml", TEXT)])


def told(loaded: LoadedConfig, error: ConfigProblem, **options: object) -> ConfigProblem:
    with pytest.raises(ConfigProblem) as caught, placing(loaded, Overrides(**options).options):  # type: ignore[arg-type]
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("profiler.requests", 2),
        ("profiler.max_cost_usd", 1),
        ("workload.prompts[1]", 6),
        ("workload.prompts[1].variables", 6),
        ("workload.type", 3),
    ],
)
def test_a_key_gets_the_line_where_it_is_written_or_its_section(loaded: LoadedConfig, place: str, line: int) -> None:
    error = told(loaded, ConfigProblem("it is wrong", place=place, hint="Mend it."))
    assert str(error) == f"lens-gate.yaml:{line}: `{place}`: it is wrong\n  Mend it."


@pytest.mark.parametrize(
    ("options", "place", "expected"),
    [
        ({"max_cost_usd": 1.0}, "profiler.max_cost_usd", "--max-cost"),
        ({"rps": 3.0}, "workload.type", "--rps"),
        ({"seed": 0}, "profiler.seed", "--seed"),
        ({"defer_decoding": False}, "profiler.requests", "lens-gate.yaml:2"),
        ({"requests": 5}, "profiler.requests", "--requests"),
    ],
)
def test_an_option_that_was_given_is_named_instead(
    loaded: LoadedConfig, options: dict[str, object], place: str, expected: str
) -> None:
    assert told(loaded, ConfigProblem("it is wrong", place=place), **options).place == expected


@pytest.mark.parametrize("place", ["lens-gate.yaml@main:3", "--endpoint", "providers: x: rate_limits", None])
def test_a_place_that_is_no_key_is_kept(loaded: LoadedConfig, place: str | None) -> None:
    error = ConfigProblem("it is wrong", place=place)
    if place is None:
        assert told(loaded, error).place in {None, "configuration"}
    else:
        assert told(loaded, error) is error


def test_each_of_several_problems_gets_its_line_and_the_kind_of_the_error_stays(loaded: LoadedConfig) -> None:
    found = Collected()
    for place in ("workload.prompts[1]", "profiler.requests", "profiler.requests"):
        assert found.of(lambda place=place: wrong(place)) is None  # type: ignore[misc]
    assert found.of(lambda: 7) == 7
    with pytest.raises(ConfigProblem) as caught, placing(loaded, {}):
        found.tell()
    assert [one.place for one in caught.value.parts] == ["lens-gate.yaml:2", "lens-gate.yaml:6"]
    assert caught.value.message.startswith("2 problems\n  lens-gate.yaml:2: `profiler.requests`: it is wrong")
    assert type(told(loaded, MissingVariable("gone", place="profiler.requests"))) is MissingVariable


def wrong(place: str) -> None:
    raise ConfigProblem("it is wrong", place=place)
