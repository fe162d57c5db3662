"""Secrets of a configuration: fetched in one go, from the manager that it names, and only if nothing else has them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from lens_gate.config.load import LoadedConfig, Source, load_config
from lens_gate.config.managers import Secrets
from lens_gate.errors import MissingVariable
from lens_gate.secrets.base import (
    AwsManager,
    AzureManager,
    EnvironmentManager,
    FileManager,
    GoogleManager,
    Manager,
    Reference,
    VaultManager,
)
from lens_gate.secrets.keyring import Keyring
from lens_gate.steps.resolving.fetching import identities, manager_of, with_secrets
from tests.fakes.world import a_world

KEYS = [{"name": "openai_api_key", "path": "llm/openai", "field": "api_key"}, {"name": "DB", "path": "llm/db"}]


def loaded(**secrets: Any) -> LoadedConfig:
    section = {"provider": "vault", "vault": {"address": "${VAULT_HOST}"}, "keys": KEYS, **secrets}
    config = {
        "providers": [{"name": "openai", "api_key": "${OPENAI_API_KEY}", "models": ["m"]}],
        "regression": {"baseline": {"source": "postgresql://gate:${DB}@db/runs"}},
        "secrets": section,
    }
    return load_config([Source("a.yaml", json.dumps(config, indent=1))])


def test_what_the_used_parts_read_is_fetched_by_one_request_from_the_manager_with_its_variables(tmp_path: Path) -> None:
    asked: list[tuple[Manager, Sequence[Reference]]] = []

    def fetch(manager: Manager, references: Sequence[Reference]) -> Sequence[SecretStr]:
        asked.append((manager, references))
        return [SecretStr(f"value of {one.path}") for one in references]

    world = replace(a_world(tmp_path, environment={"VAULT_HOST": "https://v:8200"}), keyring=Keyring(fetch))
    assert with_secrets(loaded(), [("providers", 0)], world)["OPENAI_API_KEY"] == "value of llm/openai"
    assert with_secrets(loaded(), None, world) == {
        "VAULT_HOST": "https://v:8200",
        "OPENAI_API_KEY": "value of llm/openai",
        "DB": "value of llm/db",
    }
    assert asked == [
        (VaultManager(address="https://v:8200"), [Reference("llm/openai", "api_key")]),
        (VaultManager(address="https://v:8200"), [Reference("llm/db")]),
    ]
    assert str(asked[0][1][0].place).startswith("a.yaml:")


def test_nothing_is_fetched_that_is_not_used_or_that_is_set(tmp_path: Path) -> None:
    def fetch(*_: object) -> Sequence[SecretStr]:
        pytest.fail("nothing is needed")

    world = replace(a_world(tmp_path, environment={"OPENAI_API_KEY": "sk", "DB": "pw"}), keyring=Keyring(fetch))
    assert with_secrets(loaded(), None, world) == world.environment
    assert with_secrets(loaded(), [("workload",)], replace(world, environment={})) == {}


def test_a_manager_whose_own_address_is_not_known_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingVariable, match="VAULT_HOST"):
        with_secrets(loaded(), None, a_world(tmp_path))


@pytest.mark.parametrize(
    ("section", "manager"),
    [
        ({"provider": "environment"}, EnvironmentManager()),
        ({"provider": "file"}, FileManager()),
        (
            {
                "provider": "vault",
                "vault": {"address": "https://v", "auth_method": "jwt", "role": "r", "namespace": "n"},
            },
            VaultManager(address="https://v", auth_method="jwt", role="r", namespace="n"),
        ),
        ({"provider": "aws-secrets"}, AwsManager()),
        ({"provider": "aws-secrets", "aws": {"region": "eu-west-1"}}, AwsManager(region="eu-west-1")),
        (
            {"provider": "azure-keyvault", "azure": {"vault_url": "https://v.vault.azure.net"}},
            AzureManager(vault_url="https://v.vault.azure.net"),
        ),
        ({"provider": "gcp-secrets", "gcp": {"project": "p"}}, GoogleManager(project="p")),
    ],
)
def test_each_section_becomes_its_manager(section: dict[str, Any], manager: Manager) -> None:
    assert manager_of(Secrets.model_validate(section)) == manager


def test_what_opens_a_manager_is_named_so_that_a_target_does_not_see_it() -> None:
    assert {"VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY"} <= set(identities(loaded()))
    own = loaded(provider="environment", vault=None, keys=[{"name": "k", "path": "TEAM_KEY"}])
    assert "TEAM_KEY" in set(identities(own))
    assert set(identities(load_config([]))) == set()
