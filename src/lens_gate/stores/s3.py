"""Objects in Amazon S3, and in whatever else speaks its language, by boto3."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, assert_never
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ResponseStreamingError,
)
from pydantic import SecretStr

from lens_gate.errors import UsageProblem
from lens_gate.stores.base import Condition, ETag, Tagged
from lens_gate.stores.conditions import condition_failed
from lens_gate.stores.object_faults import Tried
from lens_gate.stores.objects import MARK, Written, content_type, own_write
from lens_gate.stores.s3_faults import code_of, fault
from lens_gate.stores.settings import S3Settings

_ABSENT = frozenset({"NoSuchKey", "404"})
_NOT_HELD = frozenset({"PreconditionFailed", "412"})
_UNDECIDED = frozenset({"ConditionalRequestConflict", "409"})
_UNKNOWN_HEADER = frozenset({"NotImplemented", "501"})
_AMAZON = ".amazonaws.com"
_FEW_CHECKSUMS = Config(request_checksum_calculation="when_required", response_checksum_validation="when_required")
_CONFLICTS = 5
"""How often a conditional request is sent that the store does not decide, as another one is in flight."""
_BROKEN_OFF = 2
"""How often an answer that breaks off is asked for again: the client does that only where it does not begin."""


class S3Objects:
    """Implements Objects on the prefix (empty, or ending in `/`) of a bucket."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._place = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._prefix = prefix

    @property
    def place(self) -> str:
        """The address of bucket and prefix."""
        return self._place

    @property
    def foreign_tag(self) -> ETag:
        """A digest that nothing is likely to have."""
        return ETag(f'"{"0" * 32}"')

    def get(self, key: str) -> Tagged | None:
        """Return an object, or None where there is none; an answer that breaks off is asked for again."""
        with self._said("s3:GetObject", key):
            for _ in range(_BROKEN_OFF):
                with suppress(ResponseStreamingError, IncompleteReadError):
                    return self._fetch(key)
            return self._fetch(key)

    def tag(self, key: str) -> ETag | None:
        """Return the tag of an object without reading it."""
        found = self._written(key)
        return None if found is None else found.etag

    def put(self, key: str, data: bytes, condition: Condition) -> ETag:
        """Write an object as a whole; ConditionFailed where the store says that the condition does not hold."""
        mark = uuid4().hex
        named = {**self._named(key), "ContentType": content_type(key), "Metadata": {MARK: mark}}
        with self._said("s3:PutObject", key):
            try:
                return ETag(self._decided(partial(self._client.put_object, **named, Body=data), key, condition)["ETag"])
            except ClientError as error:
                if not _header(condition) or code_of(error) not in _NOT_HELD | _ABSENT:
                    raise
                return own_write(self._written(key) if _sent_again(error) else None, mark, key, self._place)

    def delete(self, key: str, condition: Condition) -> None:
        """Remove an object; one that is gone already is no failure."""
        with self._said("s3:DeleteObject", key):
            try:
                self._decided(partial(self._client.delete_object, **self._named(key)), key, condition)
            except ClientError as error:
                if code_of(error) in _NOT_HELD:
                    raise condition_failed(key, self._place) from error
                if code_of(error) not in _ABSENT:
                    raise

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield all keys that start with a prefix, a thousand to a request."""
        for page in self._pages(prefix):
            for found in page.get("Contents", ()):
                yield found["Key"].removeprefix(self._prefix)

    def folders(self, folder: str) -> tuple[str, ...]:
        """Name the folders right below one, without listing what is in them."""
        found = [one["Prefix"] for page in self._pages(folder, "/") for one in page.get("CommonPrefixes", ())]
        return tuple(one.removeprefix(self._prefix + folder).rstrip("/") for one in found)

    def _fetch(self, key: str) -> Tagged | None:
        try:
            answer = self._client.get_object(**self._named(key))
        except ClientError as error:
            if code_of(error) in _ABSENT:
                return None
            raise
        return Tagged(answer["Body"].read(), ETag(answer["ETag"]))

    def _written(self, key: str) -> Written | None:
        with self._said("s3:GetObject", key):
            try:
                answer = self._client.head_object(**self._named(key))
            except ClientError as error:
                if code_of(error) in _ABSENT:
                    return None
                raise
        return Written(ETag(answer["ETag"]), answer["Metadata"].get(MARK))

    def _decided(self, send: Callable[..., Mapping[str, Any]], key: str, condition: Condition) -> Mapping[str, Any]:
        """Send a request with its condition until the store has said whether that holds.

        A store that does not know the header of a condition is sent the request without it, as one that ignores it:
        the probe, which goes before every other condition, finds that out.
        """
        header = _header(condition)
        for _ in range(_CONFLICTS):
            try:
                return send(**header)
            except ClientError as error:
                if not header or code_of(error) not in _UNDECIDED | _UNKNOWN_HEADER:
                    raise
                header = {} if code_of(error) in _UNKNOWN_HEADER else header
        raise condition_failed(key, self._place)

    def _pages(self, prefix: str, delimiter: str = "") -> Iterator[Mapping[str, Any]]:
        with self._said("s3:ListBucket", prefix):
            pages = self._client.get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix, Delimiter=delimiter)

    def _named(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    @contextmanager
    def _said(self, action: str, key: str) -> Iterator[None]:
        """Say in our own errors what went wrong; OSError is a file of credentials that cannot be read."""
        try:
            yield
        except (ClientError, BotoCoreError, OSError) as error:
            raise fault(error, Tried(self._place, action, key, self._client.meta.endpoint_url)) from error


def _sent_again(error: ClientError) -> bool:
    return bool(error.response["ResponseMetadata"].get("RetryAttempts"))


def _header(condition: Condition) -> dict[str, str]:
    if isinstance(condition, ETag):
        return {"IfMatch": condition}
    match condition:
        case "absent":
            return {"IfNoneMatch": "*"}
        case "none":
            return {}
        case _ as unreachable:
            assert_never(unreachable)


def connect(settings: S3Settings) -> Any:
    """Return the client for S3Objects. Nothing is sent yet.

    Raises PublishFailed where a profile is missing or cannot be used, UsageProblem for an endpoint that is none.
    """
    try:
        session = boto3.session.Session(
            profile_name=settings.profile,
            region_name=settings.region,
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=_open(settings.secret_access_key),
            aws_session_token=_open(settings.session_token),
        )
        client = session.client("s3", endpoint_url=settings.endpoint_url, config=_config(settings))
        if _AMAZON in client.meta.endpoint_url:
            return client
        # Stores other than Amazon's often refuse, or keep as content, the checksums that newer clients add. Where such
        # a store is, may also stand in the environment or a profile: the client knows.
        config = _config(settings).merge(_FEW_CHECKSUMS)
        return session.client("s3", endpoint_url=settings.endpoint_url, config=config)
    except BotoCoreError as error:
        raise fault(error, Tried("s3://", "connecting", "", settings.endpoint_url)) from error
    except ValueError as error:
        raise UsageProblem(
            "the endpoint of this S3 store is no web address", hint="Write it as https://HOST[:PORT]."
        ) from error


def _config(settings: S3Settings) -> Config:
    return Config(
        connect_timeout=settings.connect_timeout_seconds,
        read_timeout=settings.read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
        s3={"addressing_style": "path" if settings.path_style else "auto"},
    )


def _open(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
