"""Stores in servers that nobody here wrote, and that take a write whatever its condition: two of S3, one of GCS."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from pydantic import SecretStr

from lens_gate.errors import ConditionFailed, PublishFailed
from lens_gate.stores.conditions import Retries
from lens_gate.stores.gcs import GcsObjects
from lens_gate.stores.gcs import connect as connect_gcs
from lens_gate.stores.object_store import ObjectStore
from lens_gate.stores.objects import Objects
from lens_gate.stores.s3 import S3Objects, connect
from lens_gate.stores.settings import GcsSettings, S3Settings
from tests.stores_contract import DAY, ENTRY, StoreContract, Subject

pytestmark = pytest.mark.real

REAL = Path(__file__).parent.parent.parent / ".real"
BUCKET = "llm-benchmarks"
READY_WITHIN_S = 30.0
WRITERS = 12


@contextmanager
def served(command: Sequence[str], port: int, *, within_s: float = READY_WITHIN_S) -> Iterator[None]:
    """Run a server until the context ends, which it must be ready for in time."""
    assert Path(command[0]).exists(), "run `make test-real`, which installs it"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(port, process, within_s)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def _await(port: int, process: subprocess.Popen[bytes], within_s: float) -> None:
    end = time.monotonic() + within_s
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not come up")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def rclone(folder: Path) -> Iterator[Any]:
    (folder / BUCKET).mkdir()
    port, keys = _free_port(), ("longaccesskey", "longsecretkey")
    command = [REAL / "venv/bin/rclone", "serve", "s3", "--auth-key", ",".join(keys), "--addr", f"127.0.0.1:{port}"]
    with served([*map(str, command), str(folder)], port):
        yield _s3(port, *keys)


@contextmanager
def s3rver(folder: Path) -> Iterator[Any]:
    port = _free_port()
    command = [REAL / "node_modules/.bin/s3rver", "-d", folder, "-a", "127.0.0.1", "-p", port, "--silent"]
    with served([*map(str, command), "--configure-bucket", BUCKET], port):
        yield _s3(port, "S3RVER", "S3RVER")


def _s3(port: int, key: str, secret: str) -> Any:
    return connect(
        S3Settings(
            region="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            path_style=True,
            access_key_id=key,
            secret_access_key=SecretStr(secret),
        )
    )


@contextmanager
def gcs_emulator(folder: Path) -> Iterator[Any]:
    port = _free_port()
    command = [str(REAL / "venv/bin/gcp-storage-emulator"), "start", "--host=127.0.0.1", f"--port={port}"]
    with (
        served([*command, "--in-memory", f"--default-bucket={BUCKET}"], port),
        patch.dict(os.environ, {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"}),
    ):
        client = connect_gcs(GcsSettings())
        yield client
        client.close()


SERVERS = {"rclone": rclone, "s3rver": s3rver, "gcs-emulator": gcs_emulator}


@pytest.fixture(scope="module", params=SERVERS)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as made:
        yield made


@pytest.fixture(scope="module", params=["rclone", "gcs-emulator"])
def faithful(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of those that list as the services do: s3rver leaves out folders that hold nothing but folders."""
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as made:
        yield made


def subject_of(client: Any) -> Subject:
    prefix = f"{uuid4().hex}/"
    is_s3 = hasattr(client, "head_object")
    objects: Objects = S3Objects(client, BUCKET, prefix) if is_s3 else GcsObjects(client, BUCKET, prefix, GcsSettings())
    return Subject(lambda: ObjectStore(objects, Retries(Random(), time.sleep)))


class TestServersThatIgnoreConditions(StoreContract):
    @pytest.fixture
    def subject(self, faithful: Any) -> Subject:
        return subject_of(faithful)


def test_concurrent_updates_of_a_baseline_are_refused_with_the_remedy(client: Any) -> None:
    store = subject_of(client).open()
    etag = store.put("baselines/main", b"one", ENTRY)
    acts: list[Callable[[], object]] = [
        lambda: store.put("baselines/main", b"two", ENTRY, etag),
        lambda: store.put("baselines/new", b"two", ENTRY, "absent"),
        lambda: store.delete("baselines/main", etag),
    ]
    for act in acts:
        with pytest.raises(PublishFailed, match="ignores conditional writes") as caught:
            act()
        assert not isinstance(caught.value, ConditionFailed)
        assert "another store with conditional writes" in str(caught.value.hint)
    assert [one.key for one in store.list()] == ["baselines/main"]
    assert store.get("baselines/main") == b"one"


def test_concurrent_writers_of_history_lose_nothing(client: Any) -> None:
    subject = subject_of(client)
    keys = [f"{DAY}/commit-{number:07x}.json.gz" for number in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda key: subject.open().put(key, key.encode(), replace(ENTRY, id=key)), keys))
    found = subject.open().list("results/")
    assert sorted((one.key, one.entry and one.entry.id) for one in found) == [(key, key) for key in keys]
    assert [subject.open().get(key).decode() for key in keys] == keys
