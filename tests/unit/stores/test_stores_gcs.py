"""Google Cloud Storage: the contract on a loopback server of its JSON API, and every failure from a scripted one."""

from __future__ import annotations

import gc
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import pytest
from google.cloud.storage import Client

from lens_gate.errors import ConditionFailed, PublishFailed, UsageProblem
from lens_gate.stores.base import ETag
from lens_gate.stores.conditions import Retries
from lens_gate.stores.gcs import GcsObjects, connect
from lens_gate.stores.object_store import ObjectStore
from lens_gate.stores.settings import GcsSettings
from tests.fakes.gcs import FakeGcs, fake_gcs
from tests.fakes.http_script import Answer, HttpScript, http_script
from tests.stores_contract import ConditionContract, IndexContract, StoreContract, Subject

BUCKET = "llm-benchmarks"
QUICK = GcsSettings(retry_seconds=0.01)
STORED = Answer(200, b'{"name": "a", "generation": "7"}')
TOKEN = Answer(
    200,
    b'{"access_token": "short-lived", "expires_in": 3600, "token_type": "Bearer",'
    b' "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}',
)


@pytest.fixture(scope="module")
def served() -> Iterator[FakeGcs]:
    with fake_gcs(BUCKET) as fake:
        yield fake


Reach = Callable[..., GcsObjects]


@pytest.fixture
def reach() -> Iterator[Reach]:
    """Make objects over clients that are closed in the end."""
    clients: list[Client] = []

    def make(prefix: str = "", settings: GcsSettings = QUICK) -> GcsObjects:
        clients.append(connect(settings))
        return GcsObjects(clients[-1], BUCKET, prefix, settings)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def emulated(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> Reach:
    """The same at an address that comes first."""

    def make(url: str, prefix: str = "", settings: GcsSettings = QUICK) -> GcsObjects:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        return reach(prefix, settings)

    return make


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without anything that Google's tools would find."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    return monkeypatch


class TestGcs(StoreContract, ConditionContract, IndexContract):
    @pytest.fixture
    def subject(self, served: FakeGcs, emulated: Reach) -> Subject:
        prefix = f"{uuid4().hex}/"
        objects = emulated(served.base_url, prefix)

        def overwrite(path: str, data: bytes | None) -> None:
            if data is None:
                served.delete(BUCKET, prefix + path, None)
            else:
                served.put(BUCKET, prefix + path, data, {}, None)

        def pause(seconds: float) -> None:
            time.sleep(seconds / 10)

        return Subject(lambda: ObjectStore(objects, Retries(Random(1), pause)), overwrite)


def test_prefixes_part_a_bucket(served: FakeGcs, emulated: Reach) -> None:
    one, other, whole = (emulated(served.base_url, prefix) for prefix in ("parted/", "parted-too/", ""))
    one.put("a/b", b"one", "absent")
    other.put("a/b", b"two", "absent")
    assert (list(one.keys("")), one.folders(""), one.place) == (["a/b"], ("a",), "gs://llm-benchmarks/parted")
    assert whole.place == "gs://llm-benchmarks"
    assert set(whole.keys("parted")) == {"parted/a/b", "parted-too/a/b"}


def test_listings_go_on_over_pages(served: FakeGcs, emulated: Reach) -> None:
    objects = emulated(served.base_url, "pages/")
    for number in range(5):
        objects.put(f"{number}/x", b"", "none")
    served.page = 2
    try:
        assert [list(objects.keys("")), list(objects.folders(""))] == [[f"{n}/x" for n in range(5)], list("01234")]
    finally:
        served.page = 1000


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "the request is not accepted"),
        (403, "access denied"),
        (429, "the store asks for fewer requests"),
        (503, "the store asks for fewer requests"),
        (418, "the store answered with the status 418"),
    ],
)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the client leaves a refused download to the collector
def test_each_refusal_is_told_in_our_words_with_permission_and_key(status: int, words: str, emulated: Reach) -> None:
    with http_script(Answer(status, b'{"error": {"message": "foreign words"}}')) as script:
        objects = emulated(script.base_url, "some/where/")
        acts: dict[str, Callable[[], object]] = {
            "storage.objects.get on a/b": lambda: objects.get("a/b"),
            "storage.objects.create on a/b": lambda: objects.put("a/b", b"x", "none"),
            "storage.objects.delete on a/b": lambda: objects.delete("a/b", "none"),
            "storage.objects.list on a": lambda: list(objects.keys("a")),
        }
        for what, act in acts.items():
            said = told(act)
            assert said.startswith(f"gs://llm-benchmarks/some/where: {what}: {words}")
            assert "foreign words" not in said
    gc.collect()


def told(act: Callable[[], object]) -> str:
    with pytest.raises(PublishFailed) as caught:
        act()
    return str(caught.value)


def test_a_bucket_that_does_not_exist_is_told_by_writes_and_listings(emulated: Reach) -> None:
    with fake_gcs() as fake:
        objects = emulated(fake.base_url)
        acts: list[Callable[[], object]] = [lambda: objects.put("a", b"", "absent"), lambda: list(objects.keys(""))]
        for act in acts:
            with pytest.raises(PublishFailed, match="there is no such bucket"):
                act()


def test_an_endpoint_that_does_not_listen_is_told(emulated: Reach) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        objects = emulated(f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(PublishFailed, match="the endpoint cannot be reached"):
            objects.get("a")


def test_an_endpoint_that_does_not_answer_is_told(emulated: Reach) -> None:
    settings = GcsSettings(read_timeout_seconds=0.1, retry_seconds=0.01)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        objects = emulated(f"http://127.0.0.1:{silent.getsockname()[1]}", settings=settings)
        with pytest.raises(PublishFailed, match="did not answer in time"):
            objects.put("a", b"x", "none")


def test_a_store_in_trouble_is_asked_again(emulated: Reach) -> None:
    with http_script(Answer(503), STORED) as script:
        objects = emulated(script.base_url, settings=GcsSettings(retry_seconds=10))
        assert objects.put("a", b"x", "absent") == "7"


def lost(mark: str) -> tuple[Answer, ...]:
    held = {"name": "a", "generation": "9", "metadata": {"lens-gate-write": mark}}
    return Answer(412, b"{}"), Answer(200, json.dumps(held).encode())


def test_a_write_whose_answer_got_lost_is_not_taken_for_that_of_another(
    emulated: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = UUID(int=7)
    monkeypatch.setattr("lens_gate.stores.gcs.uuid4", lambda: mine)
    with http_script(*lost(mine.hex), *lost("theirs"), Answer(412), Answer(404)) as script:
        objects = emulated(script.base_url)
        assert objects.put("a", b"x", "absent") == "9"
        for _ in range(2):
            with pytest.raises(ConditionFailed, match="a does not hold what was to be replaced"):
                objects.put("a", b"x", "absent")


def test_a_tag_of_another_kind_of_store_never_fits(served: FakeGcs, emulated: Reach) -> None:
    with pytest.raises(ConditionFailed):
        emulated(served.base_url, "").put("a", b"", ETag('"etag"'))


def test_no_credentials_are_told_with_what_to_do(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(PublishFailed, match="no credentials were found") as caught:
        connect(GcsSettings())
    assert "gcloud auth application-default login" in str(caught.value.hint)


def test_an_endpoint_that_is_no_address_is_told() -> None:
    with pytest.raises(UsageProblem, match="is no web address"):
        connect(GcsSettings(endpoint_url="localhost:4443"))


def job(bare: pytest.MonkeyPatch, tmp_path: Path, script: HttpScript) -> GcsSettings:
    """The identity of a job, as the actions that sign in leave it behind for the client."""
    (tmp_path / "token").write_text("header.payload.signature")
    source = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/locations/global/workforcePools/ci/providers/github",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{script.base_url}/token",
        "credential_source": {"file": str(tmp_path / "token")},
    }
    (tmp_path / "credentials.json").write_text(json.dumps(source))
    bare.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "credentials.json"))
    return GcsSettings(endpoint_url=script.base_url, retry_seconds=0.01)


def test_the_identity_of_a_job_becomes_a_token_for_a_while(
    bare: pytest.MonkeyPatch, tmp_path: Path, reach: Reach
) -> None:
    with http_script(TOKEN, STORED) as script:
        assert reach("", job(bare, tmp_path, script)).put("a", b"x", "absent") == "7"
        paths = [one.path.partition("?")[0] for one in script.asked]
        assert paths == ["/token", "/upload/storage/v1/b/llm-benchmarks/o"]
        assert script.asked[1].headers["Authorization"] == "Bearer short-lived"


REFUSED = Answer(400, b'{"error": "invalid_grant", "error_description": "foreign words"}')
EXPIRED = Answer(401, b'{"error": {"message": "foreign words"}}')


@pytest.mark.parametrize("answers", [[REFUSED], [TOKEN, EXPIRED, TOKEN, EXPIRED, TOKEN, EXPIRED]])
def test_an_identity_that_is_refused_is_told(
    bare: pytest.MonkeyPatch, tmp_path: Path, reach: Reach, answers: list[Answer]
) -> None:
    with http_script(*answers) as script:
        objects = reach("", job(bare, tmp_path, script))
        with pytest.raises(PublishFailed, match="the credentials are not accepted") as caught:
            objects.get("a")
        assert "foreign words" not in str(caught.value)
