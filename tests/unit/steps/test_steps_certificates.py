"""The files that `providers[].tls` names: tried before anything is sent, and only those of the trusted version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from lens_gate.config.load import Source
from lens_gate.errors import ConfigProblem, SecurityRefusal
from lens_gate.steps.resolving.arms import Arms, RunOrder, resolve
from lens_gate.steps.resolving.order import Against, Overrides
from lens_gate.steps.resolving.transporting import transport_order
from tests.certificates import PASSWORD, Authority
from tests.fakes.git import commit, git, make_repository
from tests.fakes.world import a_world


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture
def folder(tmp_path: Path, authority: Authority) -> Path:
    """A repository whose only commit holds a configuration and the authority that it trusts."""
    folder = tmp_path / "repository"
    folder.mkdir()
    make_repository(folder)
    (folder / "ca.pem").write_bytes(Path(authority.bundle).read_bytes())
    resolved(folder, {"ca_bundle": "ca.pem"}, git=False)
    commit(folder)
    return folder


def resolved(
    folder: Path,
    tls: dict[str, str],
    *,
    against: Against | None = None,
    environment: Mapping[str, str] | None = None,
    git: bool = True,
    enabled: bool = True,
) -> Arms:
    """Write a configuration with this section, and resolve it where `main` is the branch that a change goes to."""
    first = {"name": "first", "endpoint": "https://first.example", "models": ["m"], "enabled": not enabled}
    named = {"name": "p", "endpoint": "https://p.example", "tls": tls, "models": ["m"], "enabled": enabled}
    text = json.dumps({"providers": [first, named]}, indent=1)
    (folder / "lens-gate.yaml").write_text(text, encoding="utf-8")
    world = a_world(folder, git=git, trusted_ref="main" if git else None, environment=environment or {})
    source = Source("lens-gate.yaml", text)
    return resolve(RunOrder(sources=(source,), overrides=Overrides(), against=against), world)


def test_paths_start_from_the_folder_that_the_command_runs_in(folder: Path) -> None:
    arms = resolved(folder, {"ca_bundle": "ca.pem"}, against=Against(kind="ref", value="main"))
    choices = transport_order(arms).certificates
    assert [choice and choice.ca_bundle for choice in choices] == [str(folder / "ca.pem")]
    assert json.dumps(arms.snapshot()).count("ca.pem") == 1
    assert str(folder) not in json.dumps(arms.snapshot())


def test_a_file_of_no_use_is_told_with_the_line_that_names_it(folder: Path) -> None:
    (folder / "broken.pem").write_text("-----BEGIN NOTHING", encoding="ascii")
    for name, said in (("none.pem", "No such file"), ("broken.pem", "no certificates in PEM form")):
        with pytest.raises(ConfigProblem, match=said) as caught:
            resolved(folder, {"ca_bundle": name}, git=False)
        line = (folder / "lens-gate.yaml").read_text(encoding="utf-8").splitlines().index(f'    "ca_bundle": "{name}"')
        assert caught.value.place == f"lens-gate.yaml:{line + 1}"
        assert caught.value.exit_code == 2


def test_what_a_disabled_provider_names_is_not_read(folder: Path) -> None:
    arms = resolved(folder, {"ca_bundle": "none.pem"}, git=False, enabled=False)
    assert [series.series for series in arms.candidate.series] == ["first/m"]
    assert transport_order(arms).certificates == (None,)


def test_the_password_of_a_key_comes_from_a_variable(folder: Path, authority: Authority) -> None:
    certificate, key = authority.issue("client")
    tls = {
        "client_certificate": certificate,
        "client_key": authority.locked(key),
        "client_key_password": "${TLS_PASSWORD}",
    }
    arms = resolved(folder, tls, git=False, environment={"TLS_PASSWORD": PASSWORD})
    assert PASSWORD not in f"{json.dumps(arms.snapshot())} {arms.candidate.series[0].endpoint!r}"
    with pytest.raises(ConfigProblem, match="does not open"):
        resolved(folder, tls, git=False, environment={"TLS_PASSWORD": "wrong"})


class TestAgainstTheTrustedBranch:
    def test_a_file_as_it_is_there_is_used(self, folder: Path) -> None:
        resolved(folder, {"ca_bundle": "ca.pem"})

    def test_another_content_is_refused_in_either_arm(self, folder: Path, tmp_path: Path) -> None:
        mine = Authority.make(tmp_path / "mine")
        (folder / "ca.pem").write_bytes(Path(mine.bundle).read_bytes())
        for against in (None, Against(kind="self", value="")):
            with pytest.raises(SecurityRefusal, match="not as it is in the trusted branch"):
                resolved(folder, {"ca_bundle": "ca.pem"}, against=against)

    def test_a_file_that_the_branch_names_and_does_not_have_is_refused(self, folder: Path) -> None:
        (folder / "new.pem").write_bytes((folder / "ca.pem").read_bytes())
        resolved(folder, {"ca_bundle": "new.pem"}, git=False)
        git(folder, "add", "lens-gate.yaml")
        git(folder, "commit", "--quiet", "-m", "the configuration alone")
        with pytest.raises(SecurityRefusal, match=r"new\.pem, which is not as it is"):
            resolved(folder, {"ca_bundle": "new.pem"})

    def test_a_link_to_somewhere_else_is_refused(self, folder: Path, tmp_path: Path) -> None:
        mine = Authority.make(tmp_path / "mine")
        (folder / "ca.pem").unlink()
        (folder / "ca.pem").symlink_to(mine.bundle)
        with pytest.raises(SecurityRefusal, match="not as it is in the trusted branch"):
            resolved(folder, {"ca_bundle": "ca.pem"})

    def test_a_file_outside_of_the_repository_is_the_machines_own(self, folder: Path, authority: Authority) -> None:
        resolved(folder, {"ca_bundle": authority.bundle}, git=False)
        commit(folder)
        resolved(folder, {"ca_bundle": authority.bundle})

    def test_a_link_from_outside_into_the_repository_is_held_against_it(self, folder: Path, tmp_path: Path) -> None:
        link = tmp_path / "link.pem"
        link.symlink_to(folder / "ca.pem")
        resolved(folder, {"ca_bundle": str(link)}, git=False)
        commit(folder)
        resolved(folder, {"ca_bundle": str(link)})
        (folder / "ca.pem").write_bytes(Path(Authority.make(tmp_path / "mine").bundle).read_bytes())
        with pytest.raises(SecurityRefusal, match="not as it is in the trusted branch"):
            resolved(folder, {"ca_bundle": str(link)})
