"""Secret managers in a configuration: what may be said of them, what is needed when, and who vouches for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lens_gate.config.load import LoadedConfig, Source, load_config
from lens_gate.config.substitute import measuring_paths, missing_variables, secrets_needed
from lens_gate.config.trust import check_keys_go_to_public_addresses, check_keys_stay_home, check_stores_stay_home
from lens_gate.errors import ConfigProblem, SecurityRefusal

VAULT = {"address": "https://vault.company.com:8200"}
KEY = {"name": "openai_api_key", "path": "llm/openai", "field": "api_key"}
PROVIDER = {"name": "openai", "api_key": "${OPENAI_API_KEY}", "models": ["m"]}


def loaded(provider: str = "vault", *, keys: Any = (KEY,), **sections: Any) -> LoadedConfig:
    others = sections or {"vault": VAULT}
    config = {"providers": [PROVIDER], "secrets": {"provider": provider, "keys": list(keys), **others}}
    return load_config([Source("a.yaml", json.dumps(config))])


def problem(provider: str = "vault", **changes: Any) -> str:
    with pytest.raises(ConfigProblem) as caught:
        loaded(provider, **changes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("vault", "words"),
    [
        ({"role": "ci"}, "`role` is for auth_method jwt and kubernetes, not for token"),
        ({"auth_method": "approle", "token_file": "t"}, "`token_file` is for auth_method jwt and kubernetes"),
        (
            {"auth_method": "kubernetes", "role": "r", "audience": "a"},
            "`audience` is for auth_method jwt, not for kubernetes",
        ),
        ({"auth_method": "kubernetes"}, "auth_method kubernetes needs a `role`"),
        ({"auth_method": "oidc"}, "expected one of 'token', 'approle', 'jwt' or 'kubernetes'"),
        ({"kv_version": 3}, "expected one of 1 or 2"),
        ({"address": "vault.company.com"}, "expected an http:// or https:// address"),
    ],
)
def test_a_vault_says_only_what_its_way_to_log_in_uses(vault: dict[str, Any], words: str) -> None:
    assert words in problem(vault={**VAULT, **vault})


def test_another_managers_section_is_an_error_and_so_is_the_lack_of_ones_own() -> None:
    assert "the section `aws` is of another manager than `provider: vault`" in problem(vault=VAULT, aws={})
    assert "the section `vault` is of another manager" in problem("environment")
    assert "needs a section `vault` that says where it is" in problem(aws=None)
    assert "needs a section `azure`" in problem("azure-keyvault", vault=None)
    for provider in ("aws-secrets", "gcp-secrets", "file", "environment"):
        assert loaded(provider, vault=None).config.secrets is not None


def test_names_are_those_of_variables_and_differ_by_more_than_case() -> None:
    assert "expected the name of a variable" in problem(keys=[{**KEY, "name": "openai-key"}])
    assert "two of the `keys` are called 'openai_api_key'" in problem(keys=[KEY, {**KEY, "name": "OPENAI_API_KEY"}])
    assert "`secrets.keys[0].path`" in problem(keys=[{**KEY, "path": ""}])


def test_a_secret_is_needed_where_its_part_is_used_and_no_variable_of_that_name_is_set() -> None:
    config = loaded(keys=[{**KEY, "name": "unused"}, KEY])
    assert secrets_needed(config, {}, measuring_paths(config)) == {"OPENAI_API_KEY": 1}
    assert secrets_needed(config, {}, [("regression",)]) == {}
    assert secrets_needed(config, {"OPENAI_API_KEY": "sk-laptop"}, None) == {}
    assert secrets_needed(config, {"OPENAI_API_KEY": ""}, None) == {"OPENAI_API_KEY": 1}


def test_what_a_manager_answers_for_is_not_missing_unless_the_manager_itself_needs_it() -> None:
    assert missing_variables(loaded(), {}) == ()
    itself = loaded(vault={"address": "${OPENAI_API_KEY}"})
    assert [use.path for use in missing_variables(itself, {})] == [("secrets", "vault", "address")]
    assert secrets_needed(itself, {}, [("secrets",)]) == {}
    assert [
        use.name for use in missing_variables(load_config([Source("a.yaml", "secrets: {provider: file}")]), {})
    ] == []


@pytest.mark.parametrize(
    ("candidate", "path"),
    [
        ({"vault": {"address": "https://evil.example"}}, "secrets"),
        ({"vault": {**VAULT, "mount": "other"}}, "secrets"),
        ({"keys": [{**KEY, "path": "prod/payments"}]}, "secrets.keys[0]"),
        ({"keys": [{**KEY, "field": "other"}]}, "secrets.keys[0]"),
        ({"keys": [KEY, {"name": "more", "path": "llm/openai"}]}, "secrets.keys[1]"),
        ({"provider": "aws-secrets", "aws": {"endpoint": "https://evil.example"}}, "secrets"),
        ({"provider": "environment", "vault": None}, "secrets"),
    ],
)
def test_a_candidate_names_no_other_secret_and_no_other_manager(candidate: dict[str, Any], path: str) -> None:
    changed = loaded(
        candidate.pop("provider", "vault"),
        **{"vault": None} | ({} if "aws" in candidate else {"vault": VAULT}) | candidate,
    )
    for check in (check_keys_stay_home, check_stores_stay_home):
        with pytest.raises(SecurityRefusal) as caught:
            check(changed, loaded())
        assert f"`{path}` names another secret, or another secret manager" in str(caught.value)


def test_a_candidate_may_use_fewer_secrets_or_none_and_nothing_where_nobody_vouches() -> None:
    check_keys_stay_home(loaded(), loaded())
    check_keys_stay_home(loaded(keys=[]), loaded())
    without = load_config([Source("a.yaml", json.dumps({"providers": [PROVIDER]}))])
    check_keys_stay_home(without, loaded())
    with pytest.raises(SecurityRefusal):
        check_keys_stay_home(loaded(), without)
    with pytest.raises(SecurityRefusal, match="another secret manager"):
        check_keys_go_to_public_addresses(loaded())
