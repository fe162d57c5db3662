"""Whom a transport trusts, and which certificate it shows: real servers with certificates of their own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from lens_gate.load.wire.network import Way, way_to
from lens_gate.load.wire.tls import BadCertificate, Contexts
from lens_gate.load.wire.transport import Head, TransportFailure
from lens_gate.providers.base import HttpRequest, TlsChoice
from lens_gate.vocabulary.requests import ErrorClass
from tests.certificates import PASSWORD, Authority
from tests.fakes.raw_server import HEAD, Writer, chunk, raw_server, write
from tests.transports import KINDS, Came, Kind, exchange


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls") / "other")


async def shown(_: bytes, writer: Writer) -> None:
    """Answer with the name of the certificate that we were shown, and with that of the server that we asked for."""
    certificate = writer.get_extra_info("peercert") or {}
    names = [value for part in certificate.get("subject", ()) for _, value in part]
    await write(writer, HEAD + chunk(b" ".join([b"shown", *(name.encode() for name in names)])) + chunk(b""))


def asked(kind: Kind, server: ssl.SSLContext, *choices: TlsChoice | None) -> tuple[list[bytes], list[bool], int]:
    """Ask a server once by each choice; return the answers, which connections were reused, and how many there were."""

    async def main() -> tuple[list[list[Came]], int]:
        transport = kind.transport(keepalive_s=30)
        async with raw_server(shown, tls=server) as running:
            url = running.base_url.replace("127.0.0.1", "localhost")
            try:
                return [
                    await exchange(transport, HttpRequest(method="POST", url=url, headers={}, body=b"{}", tls=choice))
                    for choice in choices
                ], running.connections
            finally:
                await transport.aclose()

    results, connections = kind.run(main())
    heads = [got[0] for got in results]
    reused = [isinstance(head, Head) and head.connect_ns is None for head in heads]
    bodies = [b"".join(part.data for part in got if not isinstance(part, Head)) for got in results]
    return bodies, reused, connections


def refused(kind: Kind, server: ssl.SSLContext, choice: TlsChoice | None) -> TransportFailure:
    with pytest.raises(TransportFailure) as caught:
        asked(kind, server, choice)
    assert caught.value.error_class is ErrorClass.TLS, caught.value.message
    return caught.value


def test_a_server_of_our_own_authority_is_trusted_and_no_other_is(
    kind: Kind, ours: Authority, other: Authority
) -> None:
    server = ours.server("localhost")
    assert asked(kind, server, TlsChoice(ca_bundle=ours.bundle))[0] == [b"shown"]
    for choice in (None, TlsChoice(ca_bundle=other.bundle)):
        assert refused(kind, server, choice).sent_ns is None


def test_a_server_that_asks_for_a_certificate_gets_it(kind: Kind, ours: Authority) -> None:
    certificate, key = ours.issue("client")
    choice = TlsChoice(ca_bundle=ours.bundle, client_certificate=certificate, client_key=key)
    assert asked(kind, ours.server("localhost", asks=True), choice)[0] == [b"shown client"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_asks_for_a_certificate_in_vain_is_a_failure_of_tls(
    kind: Kind, ours: Authority, version: ssl.TLSVersion
) -> None:
    """The server is no asyncio one: those hang up without a word of TLS, so that nobody can know why."""
    tls = ours.server("localhost", asks=True)
    tls.minimum_version = tls.maximum_version = version

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.settimeout(10)
        with tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as greeted:
            with pytest.raises(ssl.SSLError):
                greeted.do_handshake()
            greeted.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                while socket.socket.recv(greeted, 4096):
                    pass

    async def main(port: int) -> None:
        transport = kind.transport()
        url, choice = f"https://localhost:{port}", TlsChoice(ca_bundle=ours.bundle)
        try:
            await exchange(transport, HttpRequest(method="POST", url=url, headers={}, body=b"{}", tls=choice))
        finally:
            await transport.aclose()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with pytest.raises(TransportFailure) as caught:
            kind.run(main(listener.getsockname()[1]))
        thread.join(15)
    assert caught.value.error_class is ErrorClass.TLS, caught.value.message


def test_a_connection_that_carried_answers_and_breaks_by_tls_was_no_refusal(kind: Kind, ours: Authority) -> None:
    """The request had left whole, and may be billed."""
    tls, answer = ours.server("localhost"), b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.settimeout(10)
        with tls.wrap_socket(connection, server_side=True) as greeted:
            greeted.recv(4096)
            greeted.sendall(answer)
            greeted.recv(4096)
            socket.socket.sendall(greeted, b"\x17\x03\x03\x00\x20" + bytes(32))
            with suppress(OSError):
                while socket.socket.recv(greeted, 4096):
                    pass

    async def main(port: int) -> None:
        transport = kind.transport(keepalive_s=30)
        url, choice = f"https://localhost:{port}", TlsChoice(ca_bundle=ours.bundle)
        request = HttpRequest(method="POST", url=url, headers={}, body=b"{}", tls=choice)
        try:
            await exchange(transport, request)
            with pytest.raises(TransportFailure) as caught:
                await exchange(transport, request)
            assert (caught.value.error_class, caught.value.connect_ns) == (ErrorClass.RESET, None)
        finally:
            await transport.aclose()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        kind.run(main(listener.getsockname()[1]))
        thread.join(15)


def test_a_server_by_another_name_is_refused_unless_that_name_is_asked_for(kind: Kind, ours: Authority) -> None:
    server = ours.server("model.internal")
    refused(kind, server, TlsChoice(ca_bundle=ours.bundle))
    assert asked(kind, server, TlsChoice(ca_bundle=ours.bundle, server_name="model.internal"))[0] == [b"shown"]
    refused(kind, ours.server("localhost"), TlsChoice(ca_bundle=ours.bundle, server_name="model.internal"))


def test_connections_of_different_certificates_are_never_mixed(kind: Kind, ours: Authority) -> None:
    one, two = (
        TlsChoice(ca_bundle=ours.bundle, client_certificate=certificate, client_key=key)
        for certificate, key in (ours.issue("team-one"), ours.issue("team-two"))
    )
    bodies, reused, connections = asked(kind, ours.server("localhost", asks=True), one, two, one, two)
    assert bodies == [b"shown team-one", b"shown team-two"] * 2
    assert reused == [False, False, True, True]
    assert connections == 2


def test_a_key_with_a_password_is_opened_by_it(ours: Authority) -> None:
    certificate, key = ours.issue("client")
    locked = ours.locked(key)
    choice = TlsChoice(
        ca_bundle=ours.bundle,
        client_certificate=certificate,
        client_key=locked,
        client_key_password=SecretStr(PASSWORD),
    )
    server = ours.server("localhost", asks=True)
    assert asked(KINDS["fast on asyncio"], server, choice)[0] == [b"shown client"]


def test_each_choice_has_one_context(ours: Authority) -> None:
    contexts = Contexts()
    first = contexts.of(TlsChoice(ca_bundle=ours.bundle))
    assert contexts.of(TlsChoice(ca_bundle=ours.bundle)) is first
    assert contexts.of(None) is contexts.of(None)
    assert contexts.of(None) is not first
    assert first.verify_mode is ssl.CERT_REQUIRED
    assert first.check_hostname


def test_what_cannot_be_used_is_told_by_its_key(ours: Authority, tmp_path: Path) -> None:
    (certificate, key), (_, strange) = ours.issue("client"), ours.issue("another")
    locked, empty, umlauts = ours.locked(key), tmp_path / "empty.pem", tmp_path / "umlauts.pem"
    empty.write_bytes(b"")
    umlauts.write_text(f"# Zertifikat für uns\n{Path(ours.bundle).read_text(encoding='ascii')}", encoding="utf-8")
    Contexts().of(TlsChoice(ca_bundle=str(umlauts)))
    for choice, name, words in (
        (TlsChoice(ca_bundle=str(tmp_path / "none.pem")), "ca_bundle", "No such file"),
        (TlsChoice(ca_bundle=str(tmp_path)), "ca_bundle", "cannot be read"),
        (TlsChoice(ca_bundle=str(empty)), "ca_bundle", "no certificates in PEM form"),
        (TlsChoice(client_certificate=str(tmp_path / "none.pem")), "client_certificate", "No such file"),
        (TlsChoice(client_certificate=certificate, client_key="/none/key"), "client_key", "No such file"),
        (TlsChoice(client_certificate=certificate, client_key=strange), "client_key", "not the key to"),
        (TlsChoice(client_certificate=certificate), "client_certificate", "do not hold a certificate and its key"),
        (TlsChoice(client_certificate=str(empty), client_key=key), "client_certificate", "do not hold"),
        (TlsChoice(client_certificate=certificate, client_key=locked), "client_key", "protected by a password"),
        (
            TlsChoice(client_certificate=certificate, client_key=locked, client_key_password=SecretStr("wrong-pass")),
            "client_key_password",
            "does not open",
        ),
    ):
        with pytest.raises(BadCertificate) as caught:
            Contexts().of(choice)
        assert caught.value.key == name
        assert words in caught.value.message
        assert "wrong-pass" not in f"{caught.value.message} {caught.value.hint}"


def gone(server: ssl.SSLContext, choice: TlsChoice | None) -> Way:
    async def main() -> Way:
        async with raw_server(shown, tls=server) as running:
            return await way_to(running.base_url.replace("127.0.0.1", "localhost"), Contexts(), tls=choice)

    return asyncio.run(main())


def test_the_way_to_an_endpoint_goes_by_the_same_certificates(ours: Authority) -> None:
    certificate, key = ours.issue("client")
    server = ours.server("model.internal", asks=True)
    choice = TlsChoice(
        ca_bundle=ours.bundle, client_certificate=certificate, client_key=key, server_name="model.internal"
    )
    way = gone(server, choice)
    assert (way.failure, way.status, way.tls_version) == (None, 200, "TLSv1.3")
    assert way.tls_ns is not None
    assert way.tls_ns > 0
    untrusting = gone(server, None)
    assert "certificate verify failed" in (untrusting.failure or "").lower().replace("_", " ")
    assert untrusting.tls_ns is None
