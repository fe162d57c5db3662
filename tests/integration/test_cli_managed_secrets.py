"""Keys that a secret manager holds: when it is asked, what no pull request makes it do, and that nobody sees them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.vault import LOGGED_IN, ROOT, FakeVault, fake_vault
from tests.integration.conftest import KEY, Invoke
from tests.integration.test_cli_secrets import assert_no_key, everything

Configure = Callable[..., Path]


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVault]:
    """A Vault that holds the simulator's key, which no variable holds any more."""
    monkeypatch.delenv("SIM_KEY")
    monkeypatch.setenv("VAULT_TOKEN", ROOT)
    with fake_vault() as serving:
        serving.secrets["secret/data/llm/sim"] = {"api_key": KEY}
        yield serving


def section(there: FakeVault, /, **changes: Any) -> dict[str, Any]:
    return {
        "provider": "vault",
        "vault": {"address": there.address},
        "keys": [{"name": "sim_key", "path": "llm/sim", "field": "api_key"}],
        **changes,
    }


def test_a_run_fetches_its_key_once_and_leaves_it_nowhere(
    invoke: Invoke, configure: Configure, home: Path, vault: FakeVault, unhurried: None
) -> None:
    configure(secrets=section(vault), logging={"level": "debug", "file": {"enabled": True, "path": "gate.log"}})
    answers = [
        invoke("ci", "--requests", "12", "--save-bodies"),
        invoke("report", "results/run.json", "--format", "markdown"),
    ]
    assert answers[0].code == 0
    assert json.loads((home / "results" / "run.json").read_text())["summary"]["total_requests"] == 12
    assert vault.asked == ["GET /v1/secret/data/llm/sim"]
    found = everything(home, *answers)
    assert_no_key(found)
    assert ROOT not in found


def test_a_login_of_the_job_is_given_back(
    invoke: Invoke, configure: Configure, home: Path, vault: FakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ID_TOKEN", "job-token-0123456789")
    vault.identities["jwt"] = {"jwt": "job-token-0123456789", "role": "ci"}
    configure(secrets=section(vault, vault={"address": vault.address, "auth_method": "jwt", "role": "ci"}))
    answer = invoke("run", "--requests", "4", "--output", "run.json")
    assert answer.code in {0, 3}, answer.err
    assert vault.tokens == {ROOT}
    assert LOGGED_IN not in everything(home, answer)


@pytest.mark.parametrize(
    "command",
    [
        ("validate",),
        ("validate", "--strict-env"),
        ("run", "--dry-run"),
        ("ci", "--dry-run"),
        ("doctor", "--dry-run"),
        ("plan",),
    ],
)
def test_nothing_is_fetched_where_nothing_is_sent(
    invoke: Invoke, configure: Configure, vault: FakeVault, command: tuple[str, ...]
) -> None:
    configure(secrets=section(vault), profiler={"requests": 20, "max_cost_usd": 1})
    answer = invoke(*command)
    assert answer.code == 0, answer.err
    assert vault.asked == []
    assert "SIM_KEY" not in answer.out + answer.err


def test_a_variable_that_is_set_wins_so_that_a_laptop_needs_no_manager(
    invoke: Invoke, configure: Configure, vault: FakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIM_KEY", KEY)
    configure(secrets=section(vault))
    assert invoke("run", "--requests", "4", "--output", "run.json").code in {0, 3}
    assert vault.asked == []


def test_what_goes_wrong_exits_as_documented_before_anything_is_sent(
    invoke: Invoke, configure: Configure, home: Path, vault: FakeVault
) -> None:
    configure(secrets=section(vault, keys=[{"name": "sim_key", "path": "llm/nobody", "field": "api_key"}]))
    missing = invoke("run", "--requests", "4", "--output", "run.json")
    assert (missing.code, "has no secret at `llm/nobody`" in missing.err) == (2, True)
    vault.tokens.clear()
    configure(secrets=section(vault))
    expired = invoke("run", "--requests", "4", "--output", "run.json")
    assert (expired.code, "it has expired, or was revoked" in expired.err) == (3, True)
    assert not (home / "run.json").exists()


def test_a_crash_after_fetching_shows_no_key(
    invoke: Invoke, configure: Configure, vault: FakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(config: Any, directory: Path) -> Any:
        raise RuntimeError(f"defect with {config.providers[0].api_key.get_secret_value()}")

    monkeypatch.setattr("lens_gate.steps.resolving.arms.located", broken)
    configure(secrets=section(vault))
    crash = invoke("run", "--requests", "4")
    assert crash.code == 70
    assert "defect with [redacted]" in crash.err
    assert_no_key(crash.err)


def test_the_password_of_a_baselines_database_may_come_from_a_manager(
    invoke: Invoke, configure: Configure, duet: Callable[..., Path], vault: FakeVault
) -> None:
    vault.secrets["secret/data/llm/db"] = {"folder": "gates"}
    configure(
        secrets=section(vault, keys=[{"name": "folder", "path": "llm/db"}]),
        regression={"baseline": {"source": "${FOLDER}-runs"}},
    )
    duet("run.json", pairs=40)
    answer = invoke("gate", "run.json")
    assert vault.asked == ["GET /v1/secret/data/llm/db"]
    assert "gates" not in answer.err


def _git(home: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments],
        cwd=home,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def merged(configure: Configure, home: Path, vault: FakeVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline of a pull request whose target branch names the Vault and its one secret."""
    configure(secrets=section(vault))
    for command in (
        ("init", "-b", "main"),
        ("add", "."),
        ("commit", "-m", "trusted"),
        ("update-ref", "refs/remotes/origin/main", "HEAD"),
    ):
        _git(home, *command)
    monkeypatch.setenv("GITHUB_BASE_REF", "main")


@pytest.mark.parametrize("attack", ["manager", "secret"])
def test_a_pull_request_names_no_other_vault_and_no_other_secret(
    merged: None, invoke: Invoke, configure: Configure, vault: FakeVault, attack: str
) -> None:
    assert invoke("run", "--requests", "4", "--output", "run.json").code in {0, 3}
    assert vault.asked == ["GET /v1/secret/data/llm/sim"]
    vault.asked.clear()
    with fake_vault() as evil:
        changed = {
            "manager": section(evil),
            "secret": section(vault, keys=[{"name": "sim_key", "path": "prod", "field": "api_key"}]),
        }[attack]
        configure(secrets=changed)
        for command in (("run", "--requests", "4"), ("ci", "--requests", "4"), ("gate", "run.json")):
            refused = invoke(*command)
            assert refused.code == 2
            assert "names another secret, or another secret manager, than the trusted configuration" in refused.err
        assert (evil.asked, vault.asked) == ([], [])
