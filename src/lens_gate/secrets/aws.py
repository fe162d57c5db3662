"""AWS Secrets Manager by boto3; who we are comes from where the AWS tools look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore import exceptions as boto
from botocore.config import Config
from pydantic import SecretStr

from lens_gate.errors import LensGateError, SecretNotFetched
from lens_gate.secrets.base import TIMEOUT_S, AwsManager, Reference, denied, not_found, secret_of

_HERE = "AWS Secrets Manager"
_DENIED = frozenset({"AccessDeniedException", "AccessDenied", "DecryptionFailure"})
_GONE = frozenset({"ResourceNotFoundException", "InvalidRequestException", "ValidationException"})
_EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken", "RequestExpired"})
_WRONG_KEY = frozenset({"UnrecognizedClientException", "InvalidSignatureException", "InvalidClientTokenId"})

_BY_TYPE: Mapping[type[Exception] | tuple[type[Exception], ...], tuple[str, str]] = {
    (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError): (
        "no AWS credentials were found",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or let the pipeline take on a role.",
    ),
    (boto.TokenRetrievalError, boto.SSOError): ("the AWS sign-in has expired", "Sign in again."),
    boto.NoRegionError: ("no region is known", "Set `secrets.aws.region`, or AWS_REGION."),
    boto.SSLError: ("its certificate is not trusted", "Name the file of your certificate authority in AWS_CA_BUNDLE."),
    boto.ProfileNotFound: ("the AWS profile does not exist", "Check AWS_PROFILE and your AWS configuration."),
    (boto.ConnectionError, boto.HTTPClientError): (
        "it cannot be reached",
        "Check the region, the endpoint, the network, and the proxy.",
    ),
}


def from_aws(manager: AwsManager, references: Sequence[Reference]) -> list[SecretStr]:
    """Return secrets, or fields of those that are JSON."""
    try:
        client = boto3.session.Session(region_name=manager.region).client(
            "secretsmanager",
            endpoint_url=manager.endpoint,
            config=Config(
                connect_timeout=TIMEOUT_S,
                read_timeout=TIMEOUT_S,
                retries={"mode": "standard", "total_max_attempts": 3},
            ),
        )
        return [secret_of(_text(client, one), one) for one in references]
    except boto.BotoCoreError as error:
        raise _fault(error, manager) from error


def _text(client: Any, reference: Reference) -> str:
    try:
        answer = client.get_secret_value(SecretId=reference.path)
    except boto.ClientError as error:
        raise _refusal(error, reference) from error
    text = answer.get("SecretString")
    if text is not None:
        return str(text)
    try:
        return bytes(answer["SecretBinary"]).decode()
    except UnicodeDecodeError:
        raise SecretNotFetched(
            f"the secret at `{reference.path}` is binary, and no text", place=reference.place, hint="Store it as text."
        ) from None


def _refusal(error: boto.ClientError, reference: Reference) -> LensGateError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in _GONE:
        return not_found(reference, _HERE, "Check `path` (a name or an ARN) and the region; it may be being deleted.")
    if code in _DENIED:
        hint = "Allow secretsmanager:GetSecretValue on it, and kms:Decrypt on its key."
        return denied(reference, _HERE, hint)
    if code in _EXPIRED:
        message, hint = "the AWS credentials have expired", "Sign in again; in a pipeline get them in this very job."
    elif code in _WRONG_KEY:
        message, hint = "the AWS access key is not known, or its secret is wrong", "Check both, and the region."
    else:
        shown = code if code.isalnum() and len(code) <= 60 else "?"
        message, hint = f"{_HERE} answered with the error {shown}", "Try again later."
    return SecretNotFetched(message, place=reference.place, hint=hint)


def _fault(error: boto.BotoCoreError, manager: AwsManager) -> SecretNotFetched:
    message, hint = next(
        (words for kinds, words in _BY_TYPE.items() if isinstance(error, kinds)),
        (f"its client failed with {type(error).__name__}", "Check `secrets.aws`."),
    )
    return SecretNotFetched(f"{_HERE}: {message}", place=manager.endpoint or "secrets.aws", hint=hint)
