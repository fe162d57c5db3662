"""What went wrong between us and S3, in our words: no text of the store or of its client is passed on.

The codes are those of the S3 API reference ("Error responses") and of the STS API, and the client's own exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as boto
from botocore.exceptions import ClientError

from lens_gate.errors import PublishFailed
from lens_gate.stores.object_faults import Tried, Words, WordsByType, words_for

_NO_BUCKET = ("there is no such bucket", "Create it, or check its name, the account, and the endpoint.")
_WRONG_KEY = (
    "the access key is not known here, or its secret is wrong",
    "Check that AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together, and to this endpoint.",
)
_EXPIRED = (
    "the credentials have expired",
    "Sign in again; in a pipeline get them in the job that uses them, or for a longer time.",
)
_SKEW = (
    "the clock of this machine is too far from the store's",
    "Set it by NTP: requests are signed with the time, and one of another quarter of an hour is refused.",
)
_SLOW_DOWN = (
    "the store asks for fewer requests, or is out of order for now, after several attempts",
    "Try again later; what is here is safe.",
)
_REGION = (
    "the bucket lies in another region than the one that was asked",
    "Set the region of the bucket as `stores.s3.region` in the configuration, or in AWS_REGION.",
)
_NOT_TRUSTED = (
    "the role cannot be taken on with the identity of this job",
    "Check the provider, the audience sts.amazonaws.com and the subject (repository and branch) in its trust policy.",
)
_TOKEN = (
    "the identity token of this job is not accepted",
    "Check AWS_WEB_IDENTITY_TOKEN_FILE, and that the account has the token's issuer as an OIDC provider.",
)
_NO_CREDENTIALS = (
    "no credentials were found",
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or let the pipeline take on a role.",
)
_UNREACHABLE = (
    "the endpoint {endpoint} cannot be reached",
    "Check the network, the proxy, and the endpoint's address.",
)
_NO_ANSWER = (
    "the endpoint {endpoint} did not answer in time",
    "Try again; if it stays so, check the network and the proxy. A write may have been done all the same.",
)
_CUT = (
    "the connection to the endpoint {endpoint} broke",
    "Try again; if it stays so, check the network and the proxy. A write may have been done all the same.",
)
_TLS = (
    "the certificate of the endpoint {endpoint} is not trusted",
    "Name the file of your certificate authority in AWS_CA_BUNDLE, or check that nothing else answers there.",
)
_BAD_PARAMETER = ("the bucket's name cannot be one", "Use 3 to 63 small letters, digits, dots and hyphens.")
_NO_PROFILE = ("the AWS profile that is asked for does not exist", "Check AWS_PROFILE and your AWS configuration.")
_NO_REGION = (
    "no region is known",
    "Set the region of the bucket as `stores.s3.region` in the configuration, or in AWS_REGION.",
)
_NO_FILE = (
    "a file with credentials cannot be read",
    "Check the files that AWS_WEB_IDENTITY_TOKEN_FILE, AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name.",
)
_UNKNOWN_HINT = "Check the store; if it is a server of your own, its log says more."

_BY_CODE: Mapping[str, Words] = {
    "NoSuchBucket": _NO_BUCKET,
    "InvalidBucketName": _BAD_PARAMETER,
    "InvalidAccessKeyId": _WRONG_KEY,
    "SignatureDoesNotMatch": _WRONG_KEY,
    "InvalidClientTokenId": _WRONG_KEY,
    "InvalidToken": _EXPIRED,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _SKEW,
    "RequestTimeTooSkewed": _SKEW,
    "SlowDown": _SLOW_DOWN,
    "Throttling": _SLOW_DOWN,
    "ThrottlingException": _SLOW_DOWN,
    "TooManyRequests": _SLOW_DOWN,
    "RequestLimitExceeded": _SLOW_DOWN,
    "ServiceUnavailable": _SLOW_DOWN,
    "InternalError": _SLOW_DOWN,
    "500": _SLOW_DOWN,
    "502": _SLOW_DOWN,
    "503": _SLOW_DOWN,
    "504": _SLOW_DOWN,
    "PermanentRedirect": _REGION,
    "TemporaryRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "301": _REGION,
    "InvalidIdentityToken": _TOKEN,
    "IDPCommunicationError": _TOKEN,
    "IDPRejectedClaim": _TOKEN,
}

_BY_TYPE: WordsByType = (
    ((boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError), _NO_CREDENTIALS),
    ((boto.TokenRetrievalError, boto.SSOError, boto.LoginError), _EXPIRED),
    ((boto.SSLError,), _TLS),
    ((boto.ConnectTimeoutError, boto.ReadTimeoutError), _NO_ANSWER),
    ((boto.EndpointConnectionError, boto.ProxyConnectionError), _UNREACHABLE),
    ((boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError), _CUT),
    ((boto.ParamValidationError,), _BAD_PARAMETER),
    ((boto.ProfileNotFound, boto.ConfigNotFound, boto.ConfigParseError), _NO_PROFILE),
    ((boto.NoRegionError, boto.InvalidRegionError), _NO_REGION),
    (OSError, _NO_FILE),
)


def code_of(error: ClientError) -> str:
    """Return the code that the store answered with; answers without a body have the HTTP status there."""
    answer: Mapping[str, Any] = error.response.get("Error", {})
    return str(answer.get("Code", ""))


def fault(error: Exception, tried: Tried) -> PublishFailed:
    """Return our error for one of the client's."""
    if isinstance(error, ClientError):
        return tried.failed(_answered(error, tried))
    message, hint = words_for(error, _BY_TYPE, otherwise=_UNKNOWN_HINT)
    return tried.failed((message.format(endpoint=_shown(tried.endpoint)), hint))


def _answered(error: ClientError, tried: Tried) -> Words:
    code = code_of(error)
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code not in {"AccessDenied", "AllAccessDisabled", "AccountProblem", "403"}:
        return f"the store answered with the error {_word(code)}", _UNKNOWN_HINT
    if error.operation_name.startswith("AssumeRole"):
        return _NOT_TRUSTED
    hint = f"Allow {tried.action} there, in the policy of the role or user and in the bucket's own."
    if tried.action == "s3:GetObject":
        hint += " Without s3:ListBucket also a key that is missing is answered so."
    return "access denied", hint


def _word(code: str) -> str:
    """Show a foreign code only as far as it looks like one."""
    return code if code.isascii() and code.replace("-", "").replace(".", "").isalnum() and len(code) <= 60 else "?"


def _shown(endpoint: str | None) -> str:
    if endpoint is None:
        return "of Amazon S3"
    parts = urlsplit(endpoint)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
