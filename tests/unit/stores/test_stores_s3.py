"""S3 over real HTTP: the contract on moto's server, and every failure from a server that answers by a script."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from botocore.loaders import create_loader
from pydantic import SecretStr

from lens_gate.errors import ConditionFailed, PublishFailed, UsageProblem
from lens_gate.stores.base import ETag
from lens_gate.stores.conditions import Retries
from lens_gate.stores.object_store import ObjectStore
from lens_gate.stores.s3 import S3Objects, connect
from lens_gate.stores.settings import S3Settings
from tests.fakes.http_script import Answer, HttpScript, http_script
from tests.stores_contract import ConditionContract, IndexContract, StoreContract, Subject

BUCKET = "llm-benchmarks"
PREFIX = "some/where/"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
OK = Answer(headers={"ETag": '"1"'})


def settings(endpoint: str | None = None, **others: Any) -> S3Settings:
    given: dict[str, Any] = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": SecretStr(SECRET)}
    return S3Settings(region="eu-central-1", endpoint_url=endpoint, path_style=True, **{**given, **others})


def objects(script: HttpScript, attempts: int = 1) -> S3Objects:
    return S3Objects(connect(settings(script.base_url, attempts=attempts)), BUCKET, PREFIX)


def refusal(status: int, code: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>foreign words about {SECRET}</Message></Error>"
    return Answer(status, text.encode(), {"Content-Type": "application/xml", "x-amz-bucket-region": "eu-west-1"})


@pytest.fixture(scope="module", autouse=True)
def _s3_is_described_once() -> Iterator[None]:
    """Let all clients share what describes S3 to them: each would read it anew, for a quarter of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", cache(create_loader))
        yield


@pytest.fixture(scope="module")
def client(moto_endpoint: str) -> Any:
    made = connect(settings(moto_endpoint))
    made.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return made


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without anything that the AWS tools would find."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


class TestS3(StoreContract, ConditionContract, IndexContract):
    @pytest.fixture
    def subject(self, client: Any) -> Subject:
        prefix = f"{uuid4().hex}/"
        reached = S3Objects(client, BUCKET, prefix)

        def overwrite(path: str, data: bytes | None) -> None:
            if data is None:
                client.delete_object(Bucket=BUCKET, Key=prefix + path)
            else:
                client.put_object(Bucket=BUCKET, Key=prefix + path, Body=data)

        def pause(seconds: float) -> None:
            time.sleep(seconds / 10)

        return Subject(lambda: ObjectStore(reached, Retries(Random(1), pause)), overwrite)


def test_prefixes_part_a_bucket(client: Any) -> None:
    one, other = (S3Objects(client, BUCKET, prefix) for prefix in ("parted/", "parted-too/"))
    one.put("a/b", b"one", "absent")
    other.put("a/b", b"two", "absent")
    assert (list(one.keys("")), one.folders(""), one.place) == (["a/b"], ("a",), "s3://llm-benchmarks/parted")
    whole = S3Objects(client, BUCKET, "")
    assert whole.place == "s3://llm-benchmarks"
    assert set(whole.keys("parted")) == {"parted/a/b", "parted-too/a/b"}


def test_listings_go_on_over_pages(client: Any) -> None:
    reached = S3Objects(client, BUCKET, "pages/")
    for number in range(5):
        reached.put(f"{number}/x", b"", "none")
    client.meta.events.register("provide-client-params.s3.ListObjectsV2", _two_a_page)
    try:
        assert [list(reached.keys("")), list(reached.folders(""))] == [[f"{n}/x" for n in range(5)], list("01234")]
    finally:
        client.meta.events.unregister("provide-client-params.s3.ListObjectsV2", _two_a_page)


def _two_a_page(params: dict[str, Any], **_: object) -> dict[str, Any]:
    return {**params, "MaxKeys": 2}


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (404, "NoSuchBucket", "there is no such bucket"),
        (403, "AccessDenied", "access denied"),
        (403, "InvalidAccessKeyId", "the access key is not known here"),
        (403, "SignatureDoesNotMatch", "the access key is not known here, or its secret is wrong"),
        (400, "ExpiredToken", "the credentials have expired"),
        (403, "RequestTimeTooSkewed", "the clock of this machine"),
        (503, "SlowDown", "the store asks for fewer requests"),
        (500, "InternalError", "the store asks for fewer requests"),
        (301, "PermanentRedirect", "the bucket lies in another region"),
        (400, "AuthorizationHeaderMalformed", "the bucket lies in another region"),
        (507, "XMinioStorageFull", "the store answered with the error XMinioStorageFull"),
        (418, "<b>not a code", "the store answered with the error"),
    ],
)
def test_each_refusal_is_told_in_our_words_with_action_and_key(status: int, code: str, words: str) -> None:
    with http_script(refusal(status, code)) as script:
        reached = objects(script)
        acts: dict[str, Callable[[], object]] = {
            "s3:GetObject on a/b": lambda: reached.get("a/b"),
            "s3:PutObject on a/b": lambda: reached.put("a/b", b"x", "none"),
            "s3:DeleteObject on a/b": lambda: reached.delete("a/b", "none"),
            "s3:ListBucket on a": lambda: list(reached.keys("a")),
        }
        for what, act in acts.items():
            with pytest.raises(PublishFailed, match=words) as caught:
                act()
            assert caught.value.message.startswith(what)
            assert caught.value.place == "s3://llm-benchmarks/some/where"
            assert caught.value.hint
            assert SECRET not in str(caught.value)
            assert "foreign words" not in str(caught.value)


def test_a_refused_read_says_that_the_key_may_be_missing() -> None:
    with http_script(Answer(403)) as script, pytest.raises(PublishFailed, match="access denied") as caught:
        objects(script).tag("a")
    assert "Without s3:ListBucket also a key that is missing is answered so" in str(caught.value.hint)


def test_no_credentials_are_told_with_what_to_set(bare: pytest.MonkeyPatch) -> None:
    with http_script(OK) as script:
        open_settings = S3Settings(endpoint_url=script.base_url, region="eu-central-1")
        with pytest.raises(PublishFailed, match="no credentials were found") as caught:
            S3Objects(connect(open_settings), BUCKET, PREFIX).get("a")
        assert not script.asked
    assert "AWS_PROFILE" in str(caught.value.hint)


def test_a_profile_that_does_not_exist_is_told(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(PublishFailed, match="the AWS profile that is asked for does not exist"):
        connect(S3Settings(profile="nobody"))


def test_an_endpoint_that_is_no_address_is_told() -> None:
    with pytest.raises(UsageProblem, match="is no web address") as caught:
        connect(settings(f"user:{SECRET}@host"))
    assert SECRET not in str(caught.value)


def test_a_name_that_no_bucket_has_is_told() -> None:
    with http_script(OK) as script, pytest.raises(PublishFailed, match="the bucket's name cannot be one"):
        S3Objects(connect(settings(script.base_url)), "No Bucket!", "").get("a")


def test_an_endpoint_that_does_not_listen_is_told_without_its_password() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        reached = S3Objects(connect(settings(f"http://user:{SECRET[:10]}@127.0.0.1:{port}", attempts=1)), BUCKET, "")
        with pytest.raises(PublishFailed, match=f"the endpoint 127.0.0.1:{port} cannot be reached") as caught:
            reached.get("a")
    assert SECRET[:10] not in str(caught.value)


def test_an_endpoint_that_does_not_answer_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        reached = S3Objects(connect(settings(url, attempts=1, read_timeout_seconds=0.1)), BUCKET, "")
        with pytest.raises(PublishFailed, match="did not answer in time") as caught:
            reached.put("a", b"x", "none")
    assert "may have been done" in str(caught.value.hint)


def test_a_store_that_dies_in_the_middle_of_an_answer_is_asked_again_and_then_told() -> None:
    cut = Answer(200, b"x" * 1000, {"ETag": '"1"'}, cut=10)
    with http_script(cut, cut, Answer(200, b"whole", {"ETag": '"2"'}), cut) as script:
        found = objects(script).get("a")
        assert found is not None
        assert (found.data, found.etag) == (b"whole", '"2"')
        with pytest.raises(PublishFailed, match=r"the connection to the endpoint 127.0.0.1:\d+ broke"):
            objects(script).get("a")
        assert len(script.asked) == 6


def test_a_store_in_trouble_is_asked_again_within_bounds() -> None:
    with http_script(refusal(503, "SlowDown"), OK) as script:
        assert objects(script, attempts=2).put("a", b"x", "none") == '"1"'
        assert len(script.asked) == 2


def test_a_condition_that_the_store_leaves_undecided_is_sent_again_within_bounds() -> None:
    conflict = refusal(409, "ConditionalRequestConflict")
    with http_script(conflict, conflict, OK, conflict) as script:
        assert objects(script).put("a", b"x", "absent") == '"1"'
        assert [one.headers["If-None-Match"] for one in script.asked] == ["*"] * 3
        with pytest.raises(ConditionFailed):
            objects(script).put("a", b"x", ETag('"1"'))
        assert [one.headers["If-Match"] for one in script.asked[3:]] == ['"1"'] * 5


def test_a_store_that_does_not_know_conditions_is_taken_for_one_that_ignores_them() -> None:
    unknown = refusal(501, "NotImplemented")
    with http_script(unknown, OK, unknown, OK) as script:
        store = ObjectStore(objects(script), Retries(Random(1), time.sleep))
        script.answers[:0] = [refusal(404, "NoSuchKey"), Answer(404)]
        with pytest.raises(PublishFailed, match="ignores conditional writes"):
            store.put("baselines/main", b"x", condition="absent")


def test_a_write_whose_answer_got_lost_is_not_taken_for_that_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = UUID(int=7)
    monkeypatch.setattr("lens_gate.stores.s3.uuid4", lambda: mine)
    held = [Answer(headers={"ETag": '"9"', "x-amz-meta-lens-gate-write": mark}) for mark in (mine.hex, "theirs")]
    lost = [Answer(0), refusal(412, "PreconditionFailed")]
    with http_script(*lost, held[0], *lost, held[1]) as script:
        reached = objects(script, attempts=2)
        assert reached.put("a", b"x", "absent") == '"9"'
        with pytest.raises(ConditionFailed):
            reached.put("a", b"x", "absent")


def test_a_refused_condition_is_not_asked_about_where_nothing_was_sent_twice() -> None:
    with http_script(refusal(412, "PreconditionFailed")) as script:
        with pytest.raises(ConditionFailed, match="a does not hold what was to be replaced"):
            objects(script).put("a", b"x", "absent")
        with pytest.raises(ConditionFailed, match="a does not hold what was to be replaced"):
            objects(script).delete("a", ETag('"1"'))
        assert [one.method for one in script.asked] == ["PUT", "DELETE"]


def test_what_is_gone_already_is_deleted_without_a_word() -> None:
    with http_script(refusal(404, "NoSuchKey")) as script:
        objects(script).delete("a", ETag('"1"'))


def test_keys_of_the_environment_and_of_settings_sign_the_requests(bare: pytest.MonkeyPatch) -> None:
    with http_script(OK) as script:
        objects(script).put("a", b"x", "none")
        bare.setenv("AWS_ACCESS_KEY_ID", "AKIAFROMENVIRONMENT0")
        bare.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        bare.setenv("AWS_SESSION_TOKEN", "session")
        S3Objects(connect(S3Settings(endpoint_url=script.base_url, region="x")), BUCKET, "").put("a", b"", "none")
        signed = [one.headers["Authorization"] for one in script.asked]
        assert "Credential=AKIAIOSFODNN7EXAMPLE/" in signed[0]
        assert "Credential=AKIAFROMENVIRONMENT0/" in signed[1]
        assert script.asked[1].headers["x-amz-security-token"] == "session"
        assert [one.path for one in script.asked] == [f"/{BUCKET}/{PREFIX}a", f"/{BUCKET}/a"]


def test_the_identity_of_a_job_becomes_a_role_for_a_while(
    bare: pytest.MonkeyPatch, moto_endpoint: str, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("header.payload.signature")
    bare.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/lens-gate")
    bare.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    bare.setenv("AWS_ENDPOINT_URL_STS", moto_endpoint)
    with http_script(OK) as script:
        S3Objects(connect(S3Settings(endpoint_url=script.base_url, region="eu-central-1")), BUCKET, "").tag("a")
        (asked,) = script.asked
        assert "Credential=ASIA" in asked.headers["Authorization"]
        assert asked.headers["x-amz-security-token"]
        token.unlink()
        with pytest.raises(PublishFailed, match="a file with credentials cannot be read"):
            S3Objects(connect(S3Settings(endpoint_url=script.base_url, region="eu-central-1")), BUCKET, "").tag("a")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDenied", "the role cannot be taken on with the identity of this job"),
        ("InvalidIdentityToken", "the identity token of this job is not accepted"),
        ("ExpiredTokenException", "the credentials have expired"),
    ],
)
def test_an_identity_that_is_refused_is_told(bare: pytest.MonkeyPatch, tmp_path: Path, code: str, words: str) -> None:
    token = tmp_path / "token"
    token.write_text("header.payload.signature")
    text = f"<ErrorResponse><Error><Code>{code}</Code><Message>foreign words</Message></Error></ErrorResponse>"
    with http_script(Answer(400, text.encode(), {"Content-Type": "text/xml"})) as script:
        bare.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/lens-gate")
        bare.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
        bare.setenv("AWS_ENDPOINT_URL_STS", script.base_url)
        with pytest.raises(PublishFailed, match=words):
            S3Objects(connect(S3Settings(endpoint_url=script.base_url, region="eu-central-1")), BUCKET, "").tag("a")


def test_settings_show_no_secret() -> None:
    assert SECRET not in repr(settings())


def test_files_say_what_they_are_and_other_stores_get_no_checksums_of_newer_clients(bare: pytest.MonkeyPatch) -> None:
    with http_script(OK) as script:
        objects(script).put("a.json.gz", b"x", "none")
        bare.setenv("AWS_ENDPOINT_URL_S3", script.base_url)
        S3Objects(connect(settings()), BUCKET, "").put("a.json.gz", b"x", "none")
        for asked in script.asked:
            assert asked.headers["Content-Type"] == "application/gzip"
            assert asked.headers["Content-Encoding"] is None
            assert not [name for name in asked.headers if "checksum" in name.lower()]
            assert asked.body == b"x"
        assert len(script.asked) == 2


def test_amazons_own_endpoint_is_sent_checksums_and_others_are_not(bare: pytest.MonkeyPatch) -> None:
    amazons, others = connect(S3Settings(region="eu-central-1")), connect(S3Settings(endpoint_url="http://s3.example"))
    assert amazons.meta.config.request_checksum_calculation == "when_supported"
    assert others.meta.config.request_checksum_calculation == "when_required"
