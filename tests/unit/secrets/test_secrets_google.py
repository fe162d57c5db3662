"""Google Secret Manager: its REST interface, as its own client speaks it, from a server on loopback."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.auth.exceptions import DefaultCredentialsError, RefreshError
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceRestTransport
from google.oauth2.credentials import Credentials

from lens_gate.errors import LensGateError, NoSuchSecret, SecretNotFetched
from lens_gate.secrets.base import GoogleManager, Reference
from lens_gate.secrets.google import MakeTransport, from_google
from tests.fakes.http_script import Answer, HttpScript, http_script

KEY = "sk-live-0123456789abcdefKEY"
TOKEN = "ya29.token-0123456789"
OPENAI = Reference("openai", None, "lens-gate.yaml:12")


def version(data: bytes) -> Answer:
    body = {"name": "projects/1/secrets/openai/versions/3", "payload": {"data": base64.b64encode(data).decode()}}
    return Answer(body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def refusal(status: int) -> Answer:
    body = {"error": {"code": status, "message": f"foreign words about {KEY}"}}
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def through(script: HttpScript) -> MakeTransport:
    host = script.base_url.removeprefix("http://")
    known = Credentials(token=TOKEN)  # type: ignore[no-untyped-call]
    return lambda: SecretManagerServiceRestTransport(host=host, credentials=known, url_scheme="http")


def fetched(script: HttpScript, *wanted: Reference, project: str | None = "team") -> list[str]:
    found = from_google(GoogleManager(project=project), wanted, through(script))
    return [one.get_secret_value() for one in found]


def failure(script: HttpScript, reference: Reference = OPENAI, **others: Any) -> LensGateError:
    with pytest.raises(LensGateError) as caught:
        fetched(script, reference, **others)
    assert "foreign" not in str(caught.value)
    return caught.value


def test_a_secret_is_read_in_its_latest_version_or_in_the_one_that_is_named() -> None:
    with http_script(version(KEY.encode()), version(b'{"api_key": "x"}')) as script:
        wanted = (OPENAI, Reference("projects/p/secrets/s", "api_key"), Reference("s/versions/2", "api_key"))
        assert fetched(script, *wanted) == [KEY, "x", "x"]
    assert [one.path.partition(":access")[0] for one in script.asked] == [
        "/v1/projects/team/secrets/openai/versions/latest",
        "/v1/projects/p/secrets/s/versions/latest",
        "/v1/projects/team/secrets/s/versions/2",
    ]
    assert {one.headers["Authorization"] for one in script.asked} == {f"Bearer {TOKEN}"}


def test_a_name_without_a_project_is_refused_before_anything_is_asked() -> None:
    with http_script(version(b"x")) as script:
        error = failure(script, project=None)
    assert isinstance(error, NoSuchSecret)
    assert "`openai` names a secret, and no project" in error.message
    assert script.asked == []


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, NoSuchSecret, "Google Secret Manager has no secret at `openai`"),
        (400, NoSuchSecret, "Google Secret Manager has no secret at `openai`"),
        (403, SecretNotFetched, "Google Secret Manager denies access to `openai`"),
        (401, SecretNotFetched, "Google refuses the credentials: wrong, or expired"),
        (501, SecretNotFetched, "Google Secret Manager answered with HTTP 501"),
    ],
)
def test_each_refusal_is_told_in_our_words(status: int, kind: type[LensGateError], words: str) -> None:
    with http_script(refusal(status)) as script:
        error = failure(script)
    assert isinstance(error, kind)
    assert (error.message, error.place) == (words, "lens-gate.yaml:12")


def test_other_servers_binary_secrets_and_nobody_at_all_are_told_apart() -> None:
    with http_script(Answer(body=b"<html>", headers={"Content-Type": "text/html"})) as script:
        assert "what answers there is not Google Secret Manager" in failure(script).message
    with http_script(version(b"\xff\xfe")) as script:
        assert "is binary" in failure(script).message
    assert "cannot be reached" in failure(script).message


@pytest.mark.parametrize(
    ("raised", "words"),
    [(DefaultCredentialsError, "no Google credentials were found"), (RefreshError, "Google refuses the credentials")],
)
def test_credentials_that_are_missing_or_not_accepted_are_told(raised: type[Exception], words: str) -> None:
    def make() -> SecretManagerServiceRestTransport:
        raise raised("foreign")

    with pytest.raises(SecretNotFetched) as caught:
        from_google(GoogleManager(project="team"), [OPENAI], make)
    assert words in str(caught.value)
    assert "foreign" not in str(caught.value)
