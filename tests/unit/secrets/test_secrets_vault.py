"""Vault over real HTTP: engines, ways to log in, and every failure, from a server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lens_gate.errors import LensGateError, MissingVariable, NoSuchSecret, SecretNotFetched
from lens_gate.secrets.base import Reference, Surroundings, VaultManager
from lens_gate.secrets.vault import from_vault
from tests.certificates import Authority
from tests.fakes.http_script import Answer, http_script
from tests.fakes.vault import LOGGED_IN, ROOT, FakeVault, fake_vault

KEY = "sk-live-0123456789abcdefKEY"
OPENAI = Reference("llm/openai", "api_key", "lens-gate.yaml:12")
TOKEN = {"VAULT_TOKEN": ROOT}
JOB = "eyJhbGciOi.job.token"


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    with fake_vault() as serving:
        serving.secrets = {"secret/data/llm/openai": {"api_key": KEY, "org": "o-1"}, "kv/llm/openai": {"api_key": "v1"}}
        yield serving


def fetched(
    vault: FakeVault, environment: dict[str, str], *wanted: Reference, folder: Path = Path("/"), **settings: Any
) -> list[str]:
    manager = VaultManager(address=vault.address, **settings)
    found = from_vault(manager, wanted or (OPENAI,), Surroundings(folder, environment))
    return [one.get_secret_value() for one in found]


def failure(vault: FakeVault, environment: dict[str, str], *wanted: Reference, **settings: Any) -> LensGateError:
    with pytest.raises(LensGateError) as caught:
        fetched(vault, environment, *wanted, **settings)
    assert ROOT not in str(caught.value)
    assert "foreign" not in str(caught.value)
    return caught.value


def test_a_field_of_either_version_of_the_engine_is_read(vault: FakeVault) -> None:
    assert fetched(vault, TOKEN) == [KEY]
    assert fetched(vault, TOKEN, mount="kv", kv_version=1) == ["v1"]
    assert vault.asked == ["GET /v1/secret/data/llm/openai", "GET /v1/kv/llm/openai"]


def test_a_path_is_quoted_so_that_it_stays_one(vault: FakeVault) -> None:
    vault.secrets["secret/data/llm/o%3Fx%20y"] = {"api_key": "quoted"}
    assert fetched(vault, TOKEN, Reference("llm/o?x y", "api_key")) == ["quoted"]


def test_the_only_field_needs_no_name_and_one_of_several_does(vault: FakeVault) -> None:
    vault.secrets["secret/data/one"] = {"value": "alone"}
    assert fetched(vault, TOKEN, Reference("one")) == ["alone"]
    several = failure(vault, TOKEN, Reference("llm/openai"))
    assert isinstance(several, NoSuchSecret)
    assert "has several fields\n  Set `field` to one of: api_key, org." in str(several)


def test_a_namespace_goes_with_every_request(vault: FakeVault) -> None:
    fetched(vault, TOKEN, namespace="team/a")
    assert vault.namespaces == {"team/a"}


def test_a_token_of_ones_own_is_not_revoked(vault: FakeVault) -> None:
    fetched(vault, TOKEN)
    assert vault.tokens == {ROOT}


def test_without_a_variable_the_token_that_vault_login_left_is_taken(vault: FakeVault, tmp_path: Path) -> None:
    (tmp_path / ".vault-token").write_text(f"{ROOT}\n", encoding="ascii")
    assert fetched(vault, {"HOME": str(tmp_path)}) == [KEY]
    assert isinstance(failure(vault, {"HOME": str(tmp_path / "elsewhere")}), MissingVariable)


@pytest.mark.parametrize(
    ("settings", "environment", "mount", "shown"),
    [
        (
            {"auth_method": "approle"},
            {"VAULT_ROLE_ID": "r-1", "VAULT_SECRET_ID": "s-0123456789"},
            "approle",
            {"role_id": "r-1", "secret_id": "s-0123456789"},
        ),
        (
            {"auth_method": "jwt", "role": "ci", "auth_mount": "jwt/gitlab"},
            {"VAULT_ID_TOKEN": JOB},
            "jwt/gitlab",
            {"jwt": JOB, "role": "ci"},
        ),
        ({"auth_method": "jwt", "token_file": "token"}, {}, "jwt", {"jwt": "from-a-file"}),
        (
            {"auth_method": "kubernetes", "role": "llm-profiler", "token_file": "token"},
            {},
            "kubernetes",
            {"jwt": "from-a-file", "role": "llm-profiler"},
        ),
    ],
)
def test_each_way_to_log_in_shows_what_vault_asks_for_and_gives_the_login_back(
    vault: FakeVault,
    tmp_path: Path,
    settings: dict[str, Any],
    environment: dict[str, str],
    mount: str,
    shown: dict[str, str],
) -> None:
    (tmp_path / "token").write_text("from-a-file\n", encoding="ascii")
    vault.identities[mount] = shown
    assert fetched(vault, environment, folder=tmp_path, **settings) == [KEY]
    assert vault.asked[0] == f"POST /v1/auth/{mount}/login"
    assert vault.asked[-1] == "POST /v1/auth/token/revoke-self"
    assert LOGGED_IN not in vault.tokens


def test_a_login_is_given_back_although_the_secret_is_not_there(vault: FakeVault) -> None:
    vault.identities["jwt"] = {"jwt": JOB}
    assert isinstance(failure(vault, {"VAULT_ID_TOKEN": JOB}, Reference("no"), auth_method="jwt"), NoSuchSecret)
    assert LOGGED_IN not in vault.tokens


@pytest.mark.parametrize("audience", [None, "https://vault.example"])
def test_github_is_asked_for_a_token_of_the_job_for_this_audience(vault: FakeVault, audience: str | None) -> None:
    vault.identities["jwt"] = {"jwt": JOB, "role": "ci"}
    with http_script(Answer(body=json.dumps({"value": JOB}).encode())) as github:
        environment = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{github.base_url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-0123456789",
        }
        assert fetched(vault, environment, auth_method="jwt", role="ci", audience=audience) == [KEY]
    (asked,) = github.asked
    assert asked.headers["Authorization"] == "Bearer request-0123456789"
    quoted = (audience or vault.address).replace(":", "%3A").replace("/", "%2F")
    assert asked.path == f"/token?api-version=2.0&audience={quoted}"


@pytest.mark.parametrize(
    "answer", [Answer(403), Answer(body=b"no json"), Answer(body=b"[]"), Answer(302, headers={"Location": "/x"})]
)
def test_a_job_without_the_right_to_a_token_is_told_how_to_get_it(vault: FakeVault, answer: Answer) -> None:
    with http_script(answer) as github:
        environment = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": github.base_url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-0123456789",
        }
        error = failure(vault, environment, auth_method="jwt", role="ci")
    assert isinstance(error, SecretNotFetched)
    assert "id-token: write" in str(error)
    assert len(github.asked) == 1
    assert error.__suppress_context__


def test_what_a_login_lacks_is_named(vault: FakeVault, tmp_path: Path) -> None:
    assert "id_tokens" in str(failure(vault, {}, auth_method="jwt", role="ci"))
    assert "VAULT_ROLE_ID" in str(failure(vault, {}, auth_method="approle"))
    assert "VAULT_SECRET_ID" in str(failure(vault, {"VAULT_ROLE_ID": "r"}, auth_method="approle"))
    nowhere = failure(vault, {}, auth_method="kubernetes", role="r", token_file=str(tmp_path / "no"))
    assert "cannot be read" in str(nowhere)
    assert vault.asked == []


def test_a_login_that_is_refused_names_method_mount_and_role(vault: FakeVault) -> None:
    error = failure(vault, {"VAULT_ID_TOKEN": JOB}, auth_method="jwt", role="ci", auth_mount="jwt/github")
    assert isinstance(error, SecretNotFetched)
    assert error.message == "Vault refuses the login by jwt at `auth/jwt/github` as role `ci`"
    assert JOB not in str(error)


def test_a_missing_path_and_field_say_where_and_what_else_there_is(vault: FakeVault) -> None:
    path = failure(vault, TOKEN, Reference("llm/nobody", "api_key", "lens-gate.yaml:12"))
    assert isinstance(path, NoSuchSecret)
    assert str(path).startswith(
        "lens-gate.yaml:12: the KV engine (version 2) at `secret/` of Vault has no secret at `llm/nobody`"
    )
    field = failure(vault, TOKEN, Reference("llm/openai", "key"))
    assert "no field `key`\n  Set `field` to one of: api_key, org." in str(field)
    assert (path.exit_code, field.exit_code) == (2, 2)


def test_a_denied_secret_and_an_expired_token_are_told_apart(vault: FakeVault) -> None:
    vault.forbidden.add("secret/data/llm/openai")
    denied = failure(vault, TOKEN)
    assert "denies access to `llm/openai`" in denied.message
    assert "Allow `read` on `secret/data/llm/openai`" in str(denied)
    expired = failure(vault, {"VAULT_TOKEN": "hvs.expired-0123456789"})
    assert "it has expired, or was revoked" in expired.message
    assert (denied.exit_code, expired.exit_code) == (3, 3)


@pytest.mark.parametrize(
    ("status", "words"),
    [(503, "Vault is sealed"), (500, "Vault is out of order"), (429, "Vault is out of order"), (418, "out of order")],
)
def test_a_vault_that_is_out_of_order_is_told_as_that(vault: FakeVault, status: int, words: str) -> None:
    vault.status = status
    error = failure(vault, TOKEN)
    assert isinstance(error, SecretNotFetched)
    assert words in error.message


def test_no_redirect_carries_the_token_to_another_host(vault: FakeVault) -> None:
    with http_script(Answer(body=b"{}")) as elsewhere:
        vault.status, vault.redirect = 307, elsewhere.base_url
        assert "sends us elsewhere (HTTP 307)" in failure(vault, TOKEN).message
        login = failure(vault, {"VAULT_ID_TOKEN": JOB}, auth_method="jwt")
        assert "sends us elsewhere (HTTP 307)" in login.message
        assert elsewhere.asked == []


def test_another_server_and_another_version_of_the_engine_are_no_secret(vault: FakeVault) -> None:
    vault.secrets["secret/data/llm/openai"] = {}
    vault.secrets["kv/data/llm/openai"] = {"data": "text"}
    assert isinstance(failure(vault, TOKEN), NoSuchSecret)
    assert "no Vault" in failure(vault, TOKEN, mount="kv").message


def test_nobody_at_the_address_is_told_with_it() -> None:
    with fake_vault() as gone:
        pass
    error = failure(gone, TOKEN)
    assert isinstance(error, SecretNotFetched)
    assert str(error).startswith(f"{gone.address}: Vault cannot be reached")


def test_a_certificate_is_checked_by_the_authority_in_vault_cacert(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "trusted")
    answer = Answer(body=json.dumps({"data": {"data": {"api_key": KEY}}}).encode())
    with http_script(answer, tls=authority.server("localhost")) as server:
        there = FakeVault(server.base_url.replace("127.0.0.1", "localhost"))
        assert "not trusted" in failure(there, TOKEN).message
        assert server.asked == []
        assert fetched(there, {**TOKEN, "VAULT_CACERT": authority.bundle}) == [KEY]
