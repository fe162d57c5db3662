"""Objects in Google Cloud Storage, by its own client; their tags are its generations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import requests
from google.api_core.exceptions import GoogleAPIError, NotFound, PreconditionFailed
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Client
from google.cloud.storage.retry import DEFAULT_RETRY

from lens_gate.errors import UsageProblem
from lens_gate.stores.base import Condition, ETag, Tagged
from lens_gate.stores.conditions import condition_failed
from lens_gate.stores.gcs_faults import fault
from lens_gate.stores.object_faults import Tried
from lens_gate.stores.objects import MARK, Written, content_type, own_write
from lens_gate.stores.settings import GcsSettings

_CONNECT_TIMEOUT_SECONDS = 5.0


class GcsObjects:
    """Implements Objects on the prefix (empty, or ending in `/`) of a bucket."""

    def __init__(self, client: Client, bucket: str, prefix: str, settings: GcsSettings) -> None:
        self._client = client
        self._bucket = client.bucket(bucket)
        self._place = f"gs://{bucket}/{prefix}".rstrip("/")
        self._prefix = prefix
        self._how: dict[str, Any] = {
            "timeout": (_CONNECT_TIMEOUT_SECONDS, settings.read_timeout_seconds),
            "retry": DEFAULT_RETRY.with_timeout(settings.retry_seconds),
        }

    @property
    def place(self) -> str:
        """The address of bucket and prefix."""
        return self._place

    @property
    def foreign_tag(self) -> ETag:
        """A generation of 1970: generations count microseconds since."""
        return ETag("1")

    def get(self, key: str) -> Tagged | None:
        """Return an object, or None where there is none; emulators do not say its generation with the bytes."""
        blob = self._bucket.blob(self._prefix + key)
        with self._said("storage.objects.get", key):
            try:
                data = blob.download_as_bytes(**self._how)
            except NotFound:
                return None
        tag = self.tag(key) if blob.generation is None else ETag(blob.generation)
        return None if tag is None else Tagged(data, tag)

    def tag(self, key: str) -> ETag | None:
        """Return the tag of an object without reading it."""
        found = self._written(key)
        return None if found is None else found.etag

    def put(self, key: str, data: bytes, condition: Condition) -> ETag:
        """Write an object as a whole; ConditionFailed where the store says that the condition does not hold."""
        blob = self._bucket.blob(self._prefix + key)
        blob.metadata = {MARK: uuid4().hex}
        with self._said("storage.objects.create", key):
            try:
                blob.upload_from_string(data, content_type(key), **self._required(key, condition), **self._how)
            except PreconditionFailed:
                return own_write(self._written(key), blob.metadata[MARK], key, self._place)
        return ETag(blob.generation)

    def delete(self, key: str, condition: Condition) -> None:
        """Remove an object; one that is gone already is no failure."""
        with self._said("storage.objects.delete", key):
            try:
                self._bucket.blob(self._prefix + key).delete(**self._required(key, condition), **self._how)
            except NotFound:
                return
            except PreconditionFailed as error:
                raise condition_failed(key, self._place) from error

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield all keys that start with a prefix, a thousand to a request."""
        with self._said("storage.objects.list", prefix):
            for blob in self._listed(prefix, fields="items(name),nextPageToken"):
                yield blob.name.removeprefix(self._prefix)

    def folders(self, folder: str) -> tuple[str, ...]:
        """Name the folders right below one, without listing what is in them."""
        with self._said("storage.objects.list", folder):
            names: set[str] = set()
            for page in self._listed(folder, delimiter="/", fields="prefixes,nextPageToken").pages:
                names.update(page.prefixes)
        return tuple(sorted(name.removeprefix(self._prefix + folder).rstrip("/") for name in names))

    def _listed(self, prefix: str, **what: str) -> Any:
        return self._client.list_blobs(self._bucket, prefix=self._prefix + prefix, **what, **self._how)

    def _written(self, key: str) -> Written | None:
        with self._said("storage.objects.get", key):
            found = self._bucket.get_blob(self._prefix + key, **self._how)
        return None if found is None else Written(ETag(found.generation), (found.metadata or {}).get(MARK))

    def _required(self, key: str, condition: Condition) -> dict[str, int]:
        if isinstance(condition, ETag):
            if not condition.isdecimal():
                raise condition_failed(key, self._place)
            return {"if_generation_match": int(condition)}
        return {"if_generation_match": 0} if condition == "absent" else {}

    @contextmanager
    def _said(self, permission: str, key: str) -> Iterator[None]:
        """Say in our own errors what went wrong."""
        try:
            yield
        except (GoogleAPIError, GoogleAuthError, requests.exceptions.RequestException, OSError) as error:
            raise fault(error, Tried(self._place, permission, key)) from error


def connect(settings: GcsSettings) -> Client:
    """Return the client for GcsObjects; credentials are looked for, and nothing is sent to the store yet.

    Raises PublishFailed where there are none, UsageProblem for an endpoint that is no address.
    """
    endpoint = settings.endpoint_url
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise UsageProblem("the endpoint of this GCS store is no web address", hint="Write it as https://HOST[:PORT].")
    options = None if endpoint is None else {"api_endpoint": endpoint}
    try:
        client = Client(project=settings.project, client_options=options)
    except (GoogleAuthError, OSError) as error:
        raise fault(error, Tried("gs://", "connecting", "")) from error
    # Newer clients ask for the bucket itself in a thread of their own, to name its place in traces that nobody makes
    # here: a request too many, for which the roles that are enough for objects have no permission.
    client._bucket_metadata_cache = None  # noqa: SLF001
    return client
