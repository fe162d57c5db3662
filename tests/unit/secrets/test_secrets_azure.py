"""Azure Key Vault: its REST interface with its challenge, over TLS, from a server on loopback."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError

from lens_gate.errors import LensGateError, NoSuchSecret, SecretNotFetched
from lens_gate.secrets.azure import from_azure, signed_in
from lens_gate.secrets.base import AzureManager, Reference
from tests.certificates import Authority
from tests.fakes.http_script import Answer, HttpScript, http_script

KEY = "sk-live-0123456789abcdefKEY"
TOKEN = "eyJ0eXAi.azure.token"
OPENAI = Reference("openai", None, "lens-gate.yaml:12")
NAME, DOMAIN = "gate.vault.test", "vault.test"


class Identity(TokenCredential):
    """Somebody who is known to Azure, or whom it refuses."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        if self.refusal:
            raise self.refusal
        self.scopes += scopes
        return AccessToken(TOKEN, 4_000_000_000)


def challenge(domain: str = DOMAIN) -> Answer:
    tenant = "https://login.vault.test/00000000-0000-0000-0000-000000000001"
    told = f'Bearer authorization="{tenant}", resource="https://{domain}"'
    return Answer(401, b"{}", {"WWW-Authenticate": told, "Content-Type": "application/json"})


def secret(value: str) -> Answer:
    body = {"value": value, "id": f"https://{NAME}/secrets/openai/1"}
    return Answer(body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def refusal(status: int) -> Answer:
    body = {"error": {"code": "Code", "message": f"foreign words about {TOKEN}"}}
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


Serve = Callable[..., AbstractContextManager[HttpScript]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("azure") / "authority")


@pytest.fixture
def serve(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Serve answers as the vault's host, whose name leads to loopback here and whose issuer is trusted."""
    real = socket.getaddrinfo

    def looked_up(host: Any, *rest: Any, **others: Any) -> Any:
        return real("127.0.0.1" if host == NAME else host, *rest, **others)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority.bundle)
    return lambda *answers: http_script(*answers, tls=authority.server(NAME))


def address(script: HttpScript) -> str:
    return script.base_url.replace("127.0.0.1", NAME)


def fetched(script: HttpScript, *wanted: Reference, identity: Identity | None = None) -> list[str]:
    found = from_azure(AzureManager(vault_url=address(script)), wanted or (OPENAI,), identity or Identity())
    return [one.get_secret_value() for one in found]


def failure(script: HttpScript, identity: Identity | None = None) -> LensGateError:
    with pytest.raises(LensGateError) as caught:
        fetched(script, identity=identity)
    assert "foreign" not in str(caught.value)
    assert TOKEN not in str(caught.value)
    return caught.value


def challenging(script: HttpScript, *then: Answer) -> str:
    """Answer with the challenge of a vault at this port before the others; return the resource that it names."""
    resource = f"{DOMAIN}:{script.base_url.rpartition(':')[2]}"
    script.answers[:] = [challenge(resource), *then]
    return resource


def test_a_challenge_is_answered_for_its_resource_and_the_secrets_are_read(serve: Serve) -> None:
    with serve(Answer()) as script:
        resource = challenging(script, secret(KEY), secret('{"api_key": "x"}'))
        identity = Identity()
        assert fetched(script, OPENAI, Reference("more", "api_key"), identity=identity) == [KEY, "x"]
    assert set(identity.scopes) == {f"https://{resource}/.default"}
    assert [one.headers["Authorization"] for one in script.asked] == [None, f"Bearer {TOKEN}", f"Bearer {TOKEN}"]
    assert [one.path.partition("?")[0].rstrip("/") for one in script.asked[1:]] == ["/secrets/openai", "/secrets/more"]


def test_a_challenge_for_another_domain_gets_no_token(serve: Serve) -> None:
    with serve(challenge("elsewhere.test")) as script:
        identity = Identity()
        assert "no Azure key vault" in failure(script, identity).message
    assert identity.scopes == []
    assert [one.headers["Authorization"] for one in script.asked] == [None]


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, NoSuchSecret, "the Azure key vault has no secret at `openai`"),
        (403, SecretNotFetched, "the Azure key vault denies access to `openai`"),
        (401, SecretNotFetched, "Azure refuses the credentials: wrong, or expired"),
        (418, SecretNotFetched, "the Azure key vault answered with HTTP 418"),
    ],
)
def test_each_refusal_is_told_in_our_words(serve: Serve, status: int, kind: type[LensGateError], words: str) -> None:
    with serve(Answer()) as script:
        challenging(script, refusal(status))
        error = failure(script)
    assert isinstance(error, kind)
    assert error.message == words


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (CredentialUnavailableError(message="foreign"), "no Azure credentials were found"),
        (ClientAuthenticationError(message="foreign"), "Azure refuses the credentials: wrong, or expired"),
    ],
)
def test_credentials_that_are_missing_or_not_accepted_are_told(serve: Serve, raised: Exception, words: str) -> None:
    with serve(Answer()) as script:
        challenging(script)
        error = failure(script, Identity(raised))
    assert (error.message, error.place) == (words, address(script))


def test_a_vault_that_nobody_vouches_for_or_that_is_not_there_cannot_be_reached(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serve(challenge()) as script:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", Authority.make(tmp_path / "other").bundle)
        assert "cannot be reached" in failure(script).message
        assert script.asked == []
    assert "cannot be reached" in failure(script).message


def test_who_is_signed_in_is_looked_for_and_nothing_is_told_of_that(capfd: pytest.CaptureFixture[str]) -> None:
    assert hasattr(signed_in(), "get_token")
    assert capfd.readouterr() == ("", "")
