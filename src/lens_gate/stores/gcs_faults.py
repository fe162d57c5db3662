"""What went wrong between us and Google Cloud Storage, in our words: no text of the service is passed on.

The codes are those of the JSON API's reference ("HTTP status and error codes"), and the client's own exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping

import requests
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.cloud.storage.exceptions import InvalidResponse

from lens_gate.errors import PublishFailed
from lens_gate.stores.object_faults import Tried, Words, WordsByType, words_for

_SLOW_DOWN = (
    "the store asks for fewer requests, or is out of order for now, after several attempts",
    "Try again later; what is here is safe. One object takes about one write a second.",
)
_BY_STATUS: Mapping[int, Words] = {
    400: ("the request is not accepted", "Check the bucket's name: 3 to 63 small letters, digits, dots and hyphens."),
    401: (
        "the credentials are not accepted, or have expired",
        "Sign in again; in a pipeline get them in the job that uses them.",
    ),
    404: ("there is no such bucket", "Create it, or check its name and the endpoint."),
    408: _SLOW_DOWN,
    429: _SLOW_DOWN,
    500: _SLOW_DOWN,
    502: _SLOW_DOWN,
    503: _SLOW_DOWN,
    504: _SLOW_DOWN,
}
_NO_CREDENTIALS = (
    "no credentials were found",
    "Run `gcloud auth application-default login`, set GOOGLE_APPLICATION_CREDENTIALS, or let the pipeline sign in.",
)
_REFUSED = (
    "the credentials are not accepted: they have expired or were revoked, or the clock of this machine is wrong",
    "Sign in again, and set the clock by NTP; in a pipeline check the provider and the conditions of its identity.",
)
_NO_ANSWER = (
    "the endpoint did not answer in time",
    "Try again; if it stays so, check the network and the proxy. A write may have been done all the same.",
)
_TLS = (
    "the certificate of the endpoint is not trusted",
    "Name the file of your certificate authority in REQUESTS_CA_BUNDLE, or check that nothing else answers there.",
)
_UNREACHABLE = ("the endpoint cannot be reached", "Check the network, the proxy, and the endpoint's address.")
_UNKNOWN_HINT = "Try again; if it stays so, check the store and its log."

_BY_TYPE: WordsByType = (
    (DefaultCredentialsError, _NO_CREDENTIALS),
    (TransportError, _UNREACHABLE),
    (GoogleAuthError, _REFUSED),
    (requests.exceptions.SSLError, _TLS),
    (requests.exceptions.Timeout, _NO_ANSWER),
    ((requests.exceptions.RequestException, OSError), _UNREACHABLE),
)


def fault(error: Exception, tried: Tried) -> PublishFailed:
    """Return our error for one of the client's."""
    cause = error.cause if isinstance(error, RetryError) and isinstance(error.cause, Exception) else error
    if isinstance(cause, GoogleAPICallError):
        return tried.failed(_by_status(cause.code or 0, tried))
    if isinstance(cause, InvalidResponse):
        return tried.failed(_by_status(cause.response.status_code, tried))
    return tried.failed(words_for(cause, _BY_TYPE, otherwise=_UNKNOWN_HINT))


def _by_status(status: int, tried: Tried) -> Words:
    if status == 403:
        hint = f"Grant {tried.action} on the bucket, as roles/storage.objectUser does."
        return "access denied", hint + " To replace an object takes storage.objects.delete, too."
    return _BY_STATUS.get(status, (f"the store answered with the status {status}", _UNKNOWN_HINT))
