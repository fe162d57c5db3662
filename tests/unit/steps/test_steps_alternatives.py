"""Several models or configurations, resolved one by one and joined; and what a run of them holds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lens_gate.config.load import Source
from lens_gate.errors import ConfigProblem, SecurityRefusal, UsageProblem
from lens_gate.steps.resolving.alternatives import Alternative, file_names, resolve_alternatives
from lens_gate.steps.resolving.arms import Arms, RunOrder
from lens_gate.steps.resolving.order import Overrides
from lens_gate.steps.running.foreseen import preview
from lens_gate.steps.running.measure import measure
from lens_gate.steps.world import World
from tests.fakes.git import commit, make_repository
from tests.fakes.world import ChatTransport, NoWatcher, a_world


def a_config(*models: str, text: str = "Hi {{x}}", url: str = "http://p.example.org/v1", **sections: Any) -> str:
    entries = [
        {"id": name, "max_tokens": 8, "input_usd_per_million": 1, "output_usd_per_million": 2}
        for name in models or ("m",)
    ]
    prompts = [{"id": "q", "template": text, "variables": {"x": ["1", "2"]}}]
    provider = {"name": "p", "endpoint": url, "api_key": "${P_KEY}", "models": entries}
    workload = {"fixed": {"requests_per_second": 200}, "prompts": prompts}
    return json.dumps({"profiler": {"requests": 10}, "providers": [provider], "workload": workload} | sections)


def a_model(name: str, config: str = a_config("a", "b", "c")) -> Alternative:
    overrides = Overrides(provider="p", model=name)
    return Alternative(order=RunOrder(sources=(Source("lens-gate.yaml", config),), overrides=overrides))


def a_file(name: str, config: str) -> Alternative:
    return Alternative(order=RunOrder(sources=(Source(f"{name}.yaml", config),), overrides=Overrides()), name=name)


def joined(folder: Path, *alternatives: Alternative) -> Arms:
    return resolve_alternatives(alternatives, world_in(folder))


def world_in(folder: Path, **options: Any) -> World:
    return a_world(folder, environment={"P_KEY": "k"}, **options)


def test_models_of_one_configuration_become_the_series_of_one_arm(tmp_path: Path) -> None:
    arms = joined(tmp_path, a_model("a"), a_model("b"), a_model("new"))
    assert [one.series for one in arms.candidate.series] == ["p/a", "p/b", "p/new"]
    assert (arms.base, arms.comparison, arms.uncovered) == (None, None, ())
    assert arms.candidate.label == "p/a, p/b and p/new"
    assert arms.snapshot() == arms.loaded.snapshot()
    assert arms.keys == {"P_KEY"}


def test_configurations_are_called_by_their_files_and_keep_their_own_words(tmp_path: Path) -> None:
    arms = joined(tmp_path, a_file("short", a_config()), a_file("long", a_config(text="Please, {{x}}")))
    assert [(one.series, one.provider_name, one.model) for one in arms.candidate.series] == [
        ("short/m", "short", "m"), ("long/m", "long", "m")
    ]  # fmt: skip
    assert arms.candidate.asked is not None
    assert [arms.candidate.asked[name][0].messages[0][1] for name in ("short/m", "long/m")] == [
        "Hi {{x}}", "Please, {{x}}"
    ]  # fmt: skip
    snapshot = arms.snapshot()
    assert isinstance(snapshot, dict)
    assert list(snapshot) == ["short/m", "long/m"]
    assert "${P_KEY}" in json.dumps(snapshot)


def test_a_run_of_alternatives_holds_whole_blocks_and_a_result_for_each(tmp_path: Path) -> None:
    transport = ChatTransport()
    world = world_in(tmp_path, transport=transport)
    arms = resolve_alternatives([a_file("one", a_config()), a_file("two", a_config(text="Go {{x}}"))], world)
    done = measure(arms, tmp_path / "c.run.json", world, NoWatcher())
    pairs = Counter(done.samples.numbers["pair"].tolist())
    assert pairs == {float(number): 2 for number in range(5)}
    assert [f"{p.name}/{m.id}" for p in done.run.providers for m in p.models] in (
        ["one/m", "two/m"], ["two/m", "one/m"]
    )  # fmt: skip
    assert Counter(body["messages"][0]["content"][:2] for body in transport.bodies) == {"Hi": 5, "Go": 5}
    assert done.run.spend.spent_usd == pytest.approx(10 * (5 * 1 + 2 * 2) / 1e6)


def test_a_preview_counts_whole_blocks(tmp_path: Path) -> None:
    seen = preview(joined(tmp_path, *(a_model(name) for name in "abc")), world_in(tmp_path))
    assert (seen.requests, [row.requests for row in seen.rows]) == (9, [3, 3, 3])


def test_prompts_that_not_all_have_are_told(tmp_path: Path) -> None:
    more = json.loads(a_config(text="Go {{x}}"))
    more["workload"]["prompts"].append({"id": "extra", "template": "Hi"})
    arms = joined(tmp_path, a_file("one", a_config()), a_file("two", json.dumps(more)))
    assert [(one.series, one.prompt_id) for one in arms.uncovered] == [("two/m", "extra")]


@pytest.mark.parametrize("alternatives", [(), (a_model("a"),)])
def test_fewer_than_two_are_no_comparison(alternatives: tuple[Alternative, ...], tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="at least two") as caught:
        joined(tmp_path, *alternatives)
    assert "--models A,B" in str(caught.value.hint)


def test_two_that_send_the_same_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="one/m and two/m send the same requests"):
        joined(tmp_path, a_file("one", a_config()), a_file("two", a_config()))
    elsewhere = a_file("two", a_config(url="http://q.example.org/v1"))
    assert len(joined(tmp_path, a_file("one", a_config()), elsewhere).candidate.series) == 2


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="two alternatives are called p/a"):
        joined(tmp_path, a_model("a"), a_file("p", a_config("a", text="Go {{x}}")))


def test_a_configuration_of_several_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match=r"two has 2 models \(p/a, p/b\)"):
        joined(tmp_path, a_file("one", a_config()), a_file("two", a_config("a", "b")))


def test_configurations_without_a_common_prompt_are_refused(tmp_path: Path) -> None:
    other = a_config().replace('"id": "q"', '"id": "r"')
    with pytest.raises(ConfigProblem, match="no prompt in common"):
        joined(tmp_path, a_file("one", a_config()), a_file("two", other))


def test_a_target_serves_models_of_one_configuration_and_not_several_configurations(tmp_path: Path) -> None:
    target = {"command": "serve {port}", "ready_url": "http://127.0.0.1:{port}/health"}
    config = a_config("a", "b", target=target)
    arms = joined(tmp_path, a_model("a", config), a_model("b", config))
    assert all(series.through_target for series in arms.candidate.series)
    with pytest.raises(UsageProblem, match="`target` cannot be started"):
        joined(tmp_path, a_file("one", a_config()), a_file("two", a_config("b", target=target)))


def test_no_configuration_may_send_a_key_where_the_trusted_one_does_not(tmp_path: Path) -> None:
    make_repository(tmp_path)
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(a_config(), encoding="utf-8")
    commit(tmp_path)
    world = world_in(tmp_path, git=True, trusted_ref="main")
    with pytest.raises(SecurityRefusal):
        resolve_alternatives(
            [a_file("one", a_config()), a_file("two", a_config(url="http://evil.example.org/v1"))], world
        )


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("one.yaml", "deep/two.yaml"), ("one", "two")),
        (("a/lens.yaml", "b/lens.yaml"), ("a-lens", "b-lens")),
        (("/x/a/lens.yaml", "../b/lens.yaml"), ("x-a-lens", "b-lens")),
        ((), ()),
    ],
)
def test_files_of_one_name_are_told_apart_by_their_folders(paths: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert file_names(paths) == names
