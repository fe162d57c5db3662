"""Google Cloud Storage on loopback: the objects of its JSON API, with generations that are enforced.

Only what a client needs to write, read, list and delete objects under conditions; the real service was not reached.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes import serving

PAGE = 1000


@dataclass
class Held:
    """One object."""

    data: bytes
    generation: int
    metadata: Mapping[str, str]


@dataclass
class FakeGcs:
    """The buckets by name, each with its objects by name; `page` is how many a listing gives at a time."""

    base_url: str = ""
    buckets: dict[str, dict[str, Held]] = field(default_factory=dict)
    page: int = PAGE
    generation: int = 1_700_000_000_000_000
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, bucket: str, name: str, data: bytes, metadata: Mapping[str, str], wanted: str | None) -> Held | None:
        """Write an object; None where the generation is another."""
        with self.lock:
            objects = self.buckets[bucket]
            if not _holds(objects.get(name), wanted):
                return None
            self.generation += 1
            objects[name] = Held(data, self.generation, metadata)
            return objects[name]

    def delete(self, bucket: str, name: str, wanted: str | None) -> int:
        """Remove an object, and return the status to answer with."""
        with self.lock:
            objects = self.buckets[bucket]
            if name not in objects:
                return 404
            if not _holds(objects[name], wanted):
                return 412
            del objects[name]
            return 204

    def listed(self, bucket: str, query: Mapping[str, str]) -> dict[str, object]:
        """Return one page of names, and of the folders that a delimiter makes of them."""
        prefix, delimiter, after = (query.get(name, "") for name in ("prefix", "delimiter", "pageToken"))
        found: list[tuple[str, bool]] = []
        for name in sorted(self.buckets[bucket]):
            head, slash, _ = name.removeprefix(prefix).partition(delimiter or "\0")
            shown = (prefix + head + slash, True) if delimiter and slash else (name, False)
            if name.startswith(prefix) and shown[0] > after and shown not in found[-1:]:
                found.append(shown)
        page = found[: self.page]
        more = {"nextPageToken": page[-1][0]} if len(found) > self.page else {}
        items = [{"name": name} for name, folder in page if not folder]
        return {"items": items, "prefixes": [name for name, folder in page if folder], **more}


@contextmanager
def fake_gcs(*buckets: str) -> Iterator[FakeGcs]:
    """Serve empty buckets until the context ends."""
    state = FakeGcs(buckets={name: {} for name in buckets})
    with serving.served(type("Handler", (_Handler,), {"fake": state})) as state.base_url:
        yield state


class _Handler(serving.Quiet, BaseHTTPRequestHandler):
    fake: FakeGcs
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        bucket, name = self._asked()
        if bucket not in self.fake.buckets:
            self._answer(404, b"{}")
        elif name is None:
            self._answer(200, json.dumps(self.fake.listed(bucket, self.query)).encode())
        elif name not in self.fake.buckets[bucket]:
            self._answer(404, b"{}")
        elif self.query.get("alt") == "media":
            held = self.fake.buckets[bucket][name]
            self._answer(200, held.data, {"X-Goog-Generation": str(held.generation)})
        else:
            self._answer(200, _resource(name, self.fake.buckets[bucket][name]))

    def do_POST(self) -> None:
        bucket, _ = self._asked()
        description, data = _parts(self.body, self.headers["Content-Type"])
        if bucket not in self.fake.buckets:
            self._answer(404, b"{}")
            return
        name, metadata = description["name"], description.get("metadata", {})
        held = self.fake.put(bucket, name, data, metadata, self.query.get("ifGenerationMatch"))
        self._answer(412, b"{}") if held is None else self._answer(200, _resource(name, held))

    def do_DELETE(self) -> None:
        bucket, name = self._asked()
        known = bucket in self.fake.buckets and name is not None
        status = self.fake.delete(bucket, name or "", self.query.get("ifGenerationMatch")) if known else 404
        self._answer(status, b"")

    def _asked(self) -> tuple[str, str | None]:
        """Read the request; return the bucket and the object that it names."""
        parts = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, _, rest = parts.path.partition("/storage/v1/b/")
        bucket, _, name = rest.partition("/o")
        return bucket, unquote(name[1:]) or None

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _holds(held: Held | None, wanted: str | None) -> bool:
    return wanted is None or int(wanted) == (held.generation if held else 0)


def _resource(name: str, held: Held) -> bytes:
    return json.dumps({"name": name, "generation": str(held.generation), "metadata": held.metadata}).encode()


def _parts(body: bytes, kind: str) -> tuple[dict[str, Any], bytes]:
    """Take an upload of type multipart apart: the description of the object, and its bytes."""
    boundary = kind.partition("boundary=")[2].strip('"').encode()
    _, described, data, _ = body.split(b"--" + boundary, 3)
    description = described.partition(b"\r\n\r\n")[2]
    return json.loads(description), data.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
