"""AWS Secrets Manager: moto's server for what works, a server with a script for what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from lens_gate.errors import LensGateError, NoSuchSecret, SecretNotFetched
from lens_gate.secrets.aws import from_aws
from lens_gate.secrets.base import AwsManager, Reference
from tests.fakes.http_script import Answer, http_script

KEY = "sk-live-0123456789abcdefKEY"
ACCESS = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
OPENAI = Reference("llm/openai", "api_key", "lens-gate.yaml:12")


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An account in the environment, and nothing else that the AWS tools would find."""
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ACCESS)


def fetched(endpoint: str, *wanted: Reference, region: str | None = "eu-central-1") -> list[str]:
    return [one.get_secret_value() for one in from_aws(AwsManager(region=region, endpoint=endpoint), wanted)]


def failure(endpoint: str, reference: Reference = OPENAI, **others: Any) -> LensGateError:
    with pytest.raises(LensGateError) as caught:
        fetched(endpoint, reference, **others)
    assert "foreign" not in str(caught.value)
    assert ACCESS not in str(caught.value)
    return caught.value


@pytest.fixture(scope="module")
def manager(moto_endpoint: str) -> str:
    client = boto3.client(
        "secretsmanager",
        region_name="eu-central-1",
        endpoint_url=moto_endpoint,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key=ACCESS,
    )
    client.create_secret(Name="llm/openai", SecretString=json.dumps({"api_key": KEY, "org": "o-1"}))
    client.create_secret(Name="plain", SecretString=KEY)
    client.create_secret(Name="bytes", SecretBinary=KEY.encode())
    client.create_secret(Name="no-text", SecretBinary=b"\xff\xfe")
    client.create_secret(Name="deleted", SecretString=KEY)
    client.delete_secret(SecretId="deleted")
    return moto_endpoint


def test_fields_texts_and_bytes_are_read_in_their_order(manager: str) -> None:
    assert fetched(manager, OPENAI, Reference("llm/openai", "org"), Reference("plain"), Reference("bytes")) == [
        KEY,
        "o-1",
        KEY,
        KEY,
    ]


def test_a_secret_of_another_region_or_name_or_one_that_is_deleted_is_not_there(manager: str) -> None:
    for error in (
        failure(manager, region="us-east-1"),
        failure(manager, Reference("llm/nobody")),
        failure(manager, Reference("deleted")),
    ):
        assert isinstance(error, NoSuchSecret)
        assert "AWS Secrets Manager has no secret at" in error.message
    assert "no field `key`" in failure(manager, Reference("llm/openai", "key")).message
    assert "is binary" in failure(manager, Reference("no-text")).message


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDeniedException", "AWS Secrets Manager denies access to `llm/openai`"),
        ("ExpiredTokenException", "the AWS credentials have expired"),
        ("UnrecognizedClientException", "the AWS access key is not known"),
        ("InternalServiceError", "AWS Secrets Manager answered with the error InternalServiceError"),
        ("<b>foreign", "AWS Secrets Manager answered with the error ?"),
    ],
)
def test_each_refusal_is_told_in_our_words(code: str, words: str) -> None:
    body = json.dumps({"__type": code, "message": f"foreign words about {ACCESS}"}).encode()
    with http_script(Answer(400, body, {"x-amzn-errortype": code})) as script:
        error = failure(script.base_url)
    assert isinstance(error, SecretNotFetched)
    assert error.message.startswith(words)
    assert error.place == "lens-gate.yaml:12"


def test_without_credentials_region_or_server_the_next_step_is_named(
    monkeypatch: pytest.MonkeyPatch, manager: str
) -> None:
    with http_script(Answer(0)) as gone:
        pass
    assert "cannot be reached" in failure(gone.base_url).message
    assert "Set `secrets.aws.region`" in str(failure(manager, region=None))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "no AWS credentials were found" in failure(manager).message
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "the AWS profile does not exist" in failure(manager).message
