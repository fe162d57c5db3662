"""Who is compared with whom, found in real folders and repositories."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lens_gate.config.load import Source
from lens_gate.errors import ConfigProblem, MissingVariable, SecurityRefusal, UsageProblem
from lens_gate.load.arms.plan import ArmPlan
from lens_gate.steps.resolving.arms import Arms, RunOrder, find_against, resolve
from lens_gate.steps.resolving.order import ITSELF, Against, Overrides
from lens_gate.steps.resolving.scheduling import settings_of
from lens_gate.steps.world import World
from lens_gate.vocabulary.requests import Arm
from tests.fakes.git import commit, git, make_repository
from tests.fakes.world import a_world

TARGET = {"command": "serve {port}", "ready_url": "http://127.0.0.1:{port}/health"}
WITH_FILE = {"prompts": [{"id": "q", "template": "{{x}}", "variables": {"x": {"type": "file", "source": "x.txt"}}}]}


def a_config(*models: str, **sections: Any) -> dict[str, Any]:
    provider = {"name": "p", "endpoint": "http://p.example.org", "models": list(models or ["m"])}
    return {"providers": [provider], **sections}


def write(folder: Path, config: dict[str, Any], name: str = "lens-gate.yaml") -> Path:
    path = folder / name
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def an_order(folder: Path, against: Against | None = None, **options: Any) -> RunOrder:
    text = (folder / "lens-gate.yaml").read_text(encoding="utf-8")
    strict = options.pop("strict_env", False)
    overrides = Overrides(**options)
    return RunOrder(sources=(Source("lens-gate.yaml", text),), overrides=overrides, against=against, strict_env=strict)


def both(arms: Arms) -> tuple[ArmPlan, ArmPlan]:
    assert arms.base is not None
    return arms.candidate, arms.base


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_repository(tmp_path)
    write(tmp_path, a_config("m", workload=WITH_FILE))
    (tmp_path / "x.txt").write_text("old\n", encoding="utf-8")
    commit(tmp_path)
    return tmp_path


@pytest.fixture
def world(folder: Path) -> World:
    return a_world(folder, git=True)


def test_without_another_arm_there_is_a_candidate_only(folder: Path, world: World) -> None:
    arms = resolve(an_order(folder), world)
    assert (arms.base, arms.base_side, arms.comparison, arms.uncovered) == (None, None, None, ())
    assert arms.candidate.label == git(folder, "rev-parse", "HEAD")[:7]


def test_the_base_of_a_commit_has_its_configuration_and_its_prompt_files(folder: Path, world: World) -> None:
    write(folder, a_config("m", workload={"prompts": [*WITH_FILE["prompts"], {"id": "new", "template": "hi"}]}))
    (folder / "x.txt").write_text("changed\n", encoding="utf-8")
    arms = resolve(an_order(folder, Against(kind="ref", value="main")), world)
    candidate, base = both(arms)
    assert candidate.prompts[0].variables["x"] == ("changed",)
    assert base.prompts[0].variables["x"] == ("old",)
    assert [prompt.id for prompt in base.prompts] == ["q"]
    assert ("new", "candidate") in [(one.prompt_id, one.arm.value) for one in arms.uncovered]
    head = git(folder, "rev-parse", "HEAD")
    assert (candidate.label, candidate.commit) == (f"{head[:7]} with uncommitted changes", head)
    assert (base.label, base.commit) == (f"{head[:7]} (main)", head)


def test_a_base_that_is_named_by_its_commit_is_labelled_once(folder: Path, world: World) -> None:
    head = git(folder, "rev-parse", "HEAD")
    _, base = both(resolve(an_order(folder, Against(kind="ref", value=head[:10])), world))
    assert base.label == head[:7]


def test_the_same_commit_is_nothing_to_compare(folder: Path, world: World) -> None:
    arms = resolve(an_order(folder, Against(kind="ref", value="HEAD")), world)
    assert arms.comparison is not None
    assert arms.comparison.equal
    assert not arms.comparison.shared_machine


def test_a_configuration_that_did_not_exist_then_is_told_with_the_other_ways(folder: Path, world: World) -> None:
    write(folder, a_config(), "new.yaml")
    order = RunOrder(
        sources=(Source("new.yaml", json.dumps(a_config())),),
        overrides=Overrides(),
        against=Against(kind="ref", value="main"),
    )
    with pytest.raises(ConfigProblem, match="does not exist at main"):
        resolve(order, world)


def test_a_base_configuration_that_is_no_text_is_told_with_its_commit(folder: Path, world: World) -> None:
    (folder / "lens-gate.yaml").write_bytes(b"\xff\xfe\x00")
    broken = commit(folder)
    write(folder, a_config())
    with pytest.raises(ConfigProblem, match="not UTF-8") as caught:
        resolve(an_order(folder, Against(kind="ref", value="HEAD")), world)
    assert caught.value.place == f"lens-gate.yaml@{broken[:7]}"


def test_a_commit_needs_a_repository(folder: Path) -> None:
    with pytest.raises(UsageProblem, match="needs a git repository"):
        resolve(an_order(folder, Against(kind="ref", value="main")), a_world(folder))


def test_a_candidate_that_sends_a_key_elsewhere_than_the_base_is_refused(folder: Path) -> None:
    trusted = a_config()
    trusted["providers"][0]["api_key"] = "${KEY}"
    write(folder, trusted)
    commit(folder)
    trusted["providers"][0]["endpoint"] = "http://elsewhere.example.org"
    write(folder, trusted)
    with pytest.raises(SecurityRefusal, match=r"elsewhere\.example\.org"):
        resolve(
            an_order(folder, Against(kind="ref", value="HEAD")), a_world(folder, git=True, environment={"KEY": "k"})
        )


def keyed(endpoint: str) -> dict[str, Any]:
    config = a_config()
    config["providers"][0] |= {"api_key": "${KEY}", "endpoint": endpoint}
    return config


@pytest.mark.parametrize("side", ["candidate", "base"])
def test_in_a_pull_request_neither_arm_may_send_a_key_where_its_target_branch_does_not(folder: Path, side: str) -> None:
    home, away = "http://home.example.org", "http://away.example.org"
    write(folder, keyed(home))
    commit(folder)
    write(folder, keyed(away if side == "candidate" else home))
    write(folder, keyed(away if side == "base" else home), "other.yaml")
    world = a_world(folder, git=True, trusted_ref="main", environment={"KEY": "k"})
    with pytest.raises(SecurityRefusal, match=r"away\.example\.org"):
        resolve(an_order(folder, Against(kind="config", value="other.yaml")), world)


def renamed(folder: Path, config: dict[str, Any], world: World) -> Arms:
    path = write(folder, config, "llm-lens.yaml")
    source = Source("llm-lens.yaml", path.read_text(encoding="utf-8"))
    return resolve(RunOrder(sources=(source,), overrides=Overrides()), world)


def test_a_pull_request_that_renames_its_configuration_is_held_against_the_old_name(folder: Path) -> None:
    write(folder, keyed("http://home.example.org"))
    commit(folder)
    world = a_world(folder, git=True, trusted_ref="main", environment={"KEY": "k"})
    assert renamed(folder, keyed("http://home.example.org"), world).keys == {"KEY"}
    with pytest.raises(SecurityRefusal, match=r"away\.example\.org"):
        renamed(folder, keyed("http://away.example.org"), world)


@pytest.mark.parametrize("trusted_ref", ["origin/not-fetched", "empty"])
def test_a_pull_request_without_a_trusted_configuration_may_only_use_public_addresses(
    folder: Path, trusted_ref: str
) -> None:
    git(folder, "rm", "--quiet", "lens-gate.yaml")
    commit(folder)
    git(folder, "branch", "empty")
    world = a_world(folder, git=True, trusted_ref=trusted_ref, environment={"KEY": "k"})
    public = a_config()
    public["providers"][0] = {"name": "openai", "models": ["m"], "api_key": "${KEY}"}
    assert renamed(folder, public, world).keys == {"KEY"}
    public["providers"][0]["endpoint"] = "https://api.openai.com.example.org/v1"
    with pytest.raises(SecurityRefusal, match="no trusted configuration is known"):
        renamed(folder, public, world)
    with pytest.raises(SecurityRefusal, match="no trusted configuration is known"):
        renamed(folder, a_config() | {"target": TARGET | {"command": "serve {port} ${KEY}"}}, world)


def test_the_variables_of_the_trusted_version_are_keys_even_where_the_candidate_reads_none(folder: Path) -> None:
    write(folder, keyed("http://home.example.org"))
    commit(folder)
    write(folder, a_config())
    world = a_world(folder, git=True, trusted_ref="main")
    order = an_order(folder)
    assert resolve(order, world).keys == {"KEY"}


def test_another_configuration_is_the_base_with_the_same_overrides(folder: Path, world: World) -> None:
    write(folder, a_config("m", "n", workload={"prompts": [{"id": "q", "template": "other"}]}), "other.yaml")
    candidate, base = both(resolve(an_order(folder, Against(kind="config", value="other.yaml"), model="m"), world))
    assert [one.model for one in base.series] == ["m"]
    assert base.label == "other.yaml"
    assert base.requests_hash != candidate.requests_hash


@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read: No such file"), (b"\xff\xfe\x00", "not UTF-8")])
def test_another_configuration_that_cannot_be_read_is_told(
    folder: Path, world: World, content: bytes | None, words: str
) -> None:
    if content is not None:
        (folder / "other.yaml").write_bytes(content)
    with pytest.raises(ConfigProblem, match=words):
        resolve(an_order(folder, Against(kind="config", value="other.yaml")), world)


def test_another_model_that_is_configured_leaves_the_candidate(folder: Path, world: World) -> None:
    write(folder, a_config("m", "n"))
    candidate, base = both(resolve(an_order(folder, Against(kind="model", value="n")), world))
    assert [one.model for one in candidate.series] == ["m"]
    assert [one.model for one in base.series] == ["n"]
    assert [one.series for one in base.series] == [one.series for one in candidate.series]
    assert (candidate.label, base.label) == ("m", "n")


def test_another_model_of_a_provider_that_was_not_chosen_still_gets_its_key(folder: Path) -> None:
    config = a_config()
    config["providers"].append(
        {"name": "q", "endpoint": "http://q.example.org", "api_key": "${Q_KEY}", "models": ["n"]}
    )
    write(folder, config)
    order = an_order(folder, Against(kind="model", value="q/n"), provider="p")
    with pytest.raises(MissingVariable, match="Q_KEY"):
        resolve(order, a_world(folder))
    _, base = both(resolve(order, a_world(folder, environment={"Q_KEY": "secret-q"})))
    key = base.series[0].endpoint.api_key
    assert key is not None
    assert key.get_secret_value() == "secret-q"


def test_another_model_with_one_candidate_named_keeps_that_candidate(folder: Path, world: World) -> None:
    write(folder, a_config("m", "n", "o"))
    candidate, base = both(resolve(an_order(folder, Against(kind="model", value="n"), model="o"), world))
    assert ([one.model for one in candidate.series], [one.model for one in base.series]) == (["o"], ["n"])


def test_another_address_is_asked_by_itself_even_where_the_candidate_is_started(folder: Path, world: World) -> None:
    write(folder, a_config(target=TARGET))
    arms = resolve(an_order(folder, Against(kind="endpoint", value="http://there.example.org")), world)
    candidate, base = both(arms)
    assert (candidate.series[0].through_target, base.series[0].through_target) == (True, False)
    assert base.series[0].endpoint.base_url == "http://there.example.org"
    assert base.target is None
    assert arms.comparison is not None
    assert not arms.comparison.shared_machine
    assert not arms.comparison.equal


def test_a_variable_of_a_provider_that_is_not_chosen_may_be_missing_unless_all_are_wanted(
    folder: Path, world: World
) -> None:
    config = a_config()
    config["providers"].append({"name": "q", "endpoint": "http://q", "api_key": "${Q_KEY}", "models": ["n"]})
    write(folder, config)
    assert resolve(an_order(folder, provider="p"), world).candidate.series
    with pytest.raises(MissingVariable):
        resolve(an_order(folder, provider="p", strict_env=True), world)


def test_a_prompt_file_that_is_missing_is_told(folder: Path, world: World) -> None:
    (folder / "x.txt").unlink()
    with pytest.raises(ConfigProblem, match=r"x\.txt"):
        resolve(an_order(folder), world)


def test_overrides_enter_the_hash_of_the_configuration(folder: Path, world: World) -> None:
    assert resolve(an_order(folder), world).config_hash != resolve(an_order(folder, requests=5), world).config_hash
    assert resolve(an_order(folder), world).config_hash == resolve(an_order(folder), world).config_hash


class TestTargets:
    """A server that is started for each arm is the same where its files and its command are."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        make_repository(tmp_path)
        write(tmp_path, a_config(target=TARGET))
        (tmp_path / "app.py").write_text("old", encoding="utf-8")
        commit(tmp_path)
        return tmp_path

    def equal(self, folder: Path, world: World, against: Against) -> bool:
        comparison = resolve(an_order(folder, against), world).comparison
        assert comparison is not None
        assert comparison.shared_machine
        return comparison.equal

    def test_the_same_commit_is_equal_whatever_lies_around_untracked(self, folder: Path, world: World) -> None:
        (folder / "results.json").write_text("{}", encoding="utf-8")
        assert self.equal(folder, world, Against(kind="ref", value="HEAD"))

    def test_an_uncommitted_change_differs_by_its_content(self, folder: Path, world: World) -> None:
        (folder / "app.py").write_text("new", encoding="utf-8")
        assert not self.equal(folder, world, Against(kind="ref", value="HEAD"))
        first = resolve(an_order(folder), world).candidate.target
        assert first == resolve(an_order(folder), world).candidate.target
        (folder / "app.py").write_text("newer", encoding="utf-8")
        assert first != resolve(an_order(folder), world).candidate.target

    def test_another_commit_and_another_command_differ(self, folder: Path, world: World) -> None:
        commit(folder, "empty")
        assert not self.equal(folder, world, Against(kind="ref", value="HEAD~1"))
        write(folder, a_config(target={**TARGET, "command": "serve --fast {port}"}), "fast.yaml")
        write(folder, a_config(target=TARGET), "same.yaml")
        assert not self.equal(folder, world, Against(kind="config", value="fast.yaml"))
        assert self.equal(folder, world, Against(kind="config", value="same.yaml"))

    @pytest.mark.parametrize("git", [True, False])
    def test_before_the_first_commit_or_without_git_the_folder_is_the_identity(self, tmp_path: Path, git: bool) -> None:
        folder = tmp_path / "inside"
        folder.mkdir()
        write(folder, a_config(target=TARGET))
        if git:
            make_repository(folder)
        assert resolve(an_order(folder), a_world(folder, git=git)).candidate.target == "serve {port} @ this folder"

    def test_each_arm_has_its_own_checkout_in_the_same_place_below_the_root(self, folder: Path) -> None:
        inside = folder / "service"
        inside.mkdir()
        write(inside, a_config(target=TARGET))
        (inside / "app.py").write_text("committed", encoding="utf-8")
        commit(folder)
        (inside / "app.py").write_text("changed", encoding="utf-8")
        arms = resolve(an_order(inside, Against(kind="ref", value="HEAD")), a_world(inside, git=True))
        assert arms.base_side is not None
        with arms.candidate_side.checkout() as ours, arms.base_side.checkout() as theirs:
            assert ours == inside
            assert (theirs / "app.py").read_text(encoding="utf-8") == "committed"
        assert not theirs.exists()

    def test_a_folder_that_the_base_does_not_have_is_told(self, folder: Path) -> None:
        old = git(folder, "rev-parse", "HEAD")
        inside = folder / "service"
        inside.mkdir()
        write(inside, a_config(target=TARGET))
        commit(folder)
        order = an_order(inside, Against(kind="ref", value=old))
        order = RunOrder(
            sources=(Source(str(folder / "lens-gate.yaml"), order.sources[0].text),),
            overrides=Overrides(),
            against=order.against,
        )
        arms = resolve(order, a_world(inside, git=True))
        assert arms.base_side is not None
        with pytest.raises(UsageProblem, match="has no folder service"), arms.base_side.checkout():
            pass


class TestBareNames:
    """`--against VALUE` without a kind."""

    def find(self, value: str, folder: Path, *, git: bool = True) -> Against:
        return find_against(value, world=a_world(folder, git=git), sources=an_order(folder).sources)

    @pytest.mark.parametrize("kind", ["ref", "config", "model", "endpoint"])
    def test_a_kind_that_is_given_is_taken(self, folder: Path, kind: Any) -> None:
        assert self.find(f"{kind}:x:y", folder) == Against(kind=kind, value="x:y")

    def test_each_kind_is_found_by_what_exists(self, folder: Path) -> None:
        write(folder, a_config(), "other.yaml")
        assert self.find("main", folder).kind == "ref"
        assert self.find("other.yaml", folder).kind == "config"
        assert self.find("m", folder).kind == "model"
        assert self.find("p/m", folder).kind == "model"
        assert self.find("http://there", folder).kind == "endpoint"

    def test_a_value_that_fits_two_kinds_is_an_error_that_names_both(self, folder: Path) -> None:
        git(folder, "branch", "m")
        with pytest.raises(UsageProblem, match="model and ref") as caught:
            self.find("m", folder)
        assert caught.value.hint == "Write --against model:m, say."

    @pytest.mark.parametrize("value", ["nowhere", "ref:"])
    def test_a_value_that_fits_nothing_is_an_error_that_names_the_kinds(self, folder: Path, value: str) -> None:
        with pytest.raises(UsageProblem, match="no file, commit, configured model or address"):
            self.find(value, folder)

    def test_without_git_no_commit_is_found(self, folder: Path) -> None:
        with pytest.raises(UsageProblem):
            self.find("main", folder, git=False)


def test_the_same_once_more_is_sent_on_purpose_and_never_called_equal(folder: Path, world: World) -> None:
    arms = resolve(an_order(folder, ITSELF), world)
    candidate, base = both(arms)
    assert (candidate.arm, base.arm) == (Arm.CANDIDATE, Arm.BASE)
    assert (base.requests_hash, base.prompts, base.commit) == (
        candidate.requests_hash,
        candidate.prompts,
        candidate.commit,
    )
    assert arms.comparison is not None
    assert (arms.comparison.kind, arms.comparison.equal) == ("self", False)
    assert arms.uncovered == ()


def test_a_control_is_a_share_of_the_requests_and_not_the_other_half_of_pairs(folder: Path, world: World) -> None:
    write(folder, a_config("m", workload={"prompts": [{"id": "q", "template": "changed"}]}))
    arms = resolve(replace(an_order(folder, Against(kind="ref", value="main")), control=0.2), world)
    assert arms.comparison is not None
    assert (arms.comparison.control_share, arms.comparison.equal) == (0.2, False)
    assert settings_of(arms).control_share == 0.2
    assert settings_of(resolve(an_order(folder), world)).control_share is None


def test_a_control_needs_a_configuration_of_its_own(folder: Path, world: World) -> None:
    with pytest.raises(UsageProblem, match="none is named") as caught:
        resolve(replace(an_order(folder), control=0.2), world)
    assert "--against" in str(caught.value.hint)
