"""Which transport a run goes by."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from lens_gate.errors import ConfigProblem
from lens_gate.load.wire.build import build_transport
from lens_gate.load.wire.choice import TransportOrder, choose, kernel_stamps
from lens_gate.load.wire.fast.transport import FastTransport
from lens_gate.load.wire.on_httpx.transport import HttpxTransport
from lens_gate.load.wire.proxies import Proxies
from lens_gate.load.wire.tls import client_context
from lens_gate.vocabulary.transports import KernelStamping, TransportKind

AUTO, FAST, HTTPX = TransportKind.AUTO, TransportKind.FAST, TransportKind.HTTPX
URLS = ("http://one.example/v1", "https://two.example/v1")


def an_order(kind: TransportKind, *urls: str) -> TransportOrder:
    urls = urls or URLS
    encrypted = any(url.startswith("https:") for url in urls)
    return TransportOrder(kind=kind, urls=urls, certificates=(None,) if encrypted else ())


@pytest.mark.parametrize(
    ("asked", "proxied", "expected", "said"),
    [
        (AUTO, "", FAST, None),
        (AUTO, "two", HTTPX, "two.example is asked through the proxy"),
        (FAST, "", FAST, None),
        (FAST, "one", FAST, "one.example is left aside"),
        (HTTPX, "", HTTPX, None),
        (HTTPX, "one", HTTPX, None),
    ],
)
def test_it_is_the_fast_one_unless_a_proxy_must_be_used(
    asked: TransportKind, proxied: str, expected: TransportKind, said: str | None
) -> None:
    choice = choose(
        an_order(asked), Proxies({"all": "http://proxy:3128"}, lambda host: not host.startswith(proxied or "-"))
    )
    assert choice.kind is expected
    assert (choice.remark is None) == (said is None)
    assert said is None or said in (choice.remark or "")


def by_http2(kind: TransportKind, url: str = URLS[1]) -> TransportOrder:
    return TransportOrder(kind=kind, urls=URLS, http2=(url,))


def test_http2_takes_the_transport_that_can_and_says_so() -> None:
    assert choose(by_http2(HTTPX), Proxies()).remark is None
    choice = choose(by_http2(AUTO), Proxies())
    assert (choice.kind, choice.remark) == (HTTPX, "two.example is asked by HTTP/2, so the httpx transport is used")
    assert isinstance(build_transport(by_http2(AUTO), {}, Proxies(), lambda _: None), HttpxTransport)


@pytest.mark.parametrize(
    ("order", "place", "said"),
    [
        (by_http2(FAST), "profiler.transport", "speaks HTTP/1.1 only"),
        (by_http2(AUTO, URLS[0]), "providers.http2", "one.example cannot be asked by HTTP/2"),
        (by_http2(HTTPX, URLS[0]), "providers.http2", "one.example cannot be asked by HTTP/2"),
    ],
)
def test_http2_is_refused_where_it_cannot_be(order: TransportOrder, place: str, said: str) -> None:
    with pytest.raises(ConfigProblem, match=said) as caught:
        choose(order, Proxies())
    assert caught.value.place == place


def test_http2_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lens_gate.load.wire.build.find_spec", lambda _: None)
    with pytest.raises(ConfigProblem, match="needs the package h2") as caught:
        build_transport(by_http2(AUTO), {}, Proxies(), lambda _: None)
    assert "lens-gate[http2]" in (caught.value.hint or "")
    assert isinstance(build_transport(an_order(HTTPX), {}, Proxies(), print), HttpxTransport)


@pytest.mark.parametrize(
    ("asked", "rate", "possible", "expected"),
    [
        (KernelStamping.AUTO, 500.0, True, True),
        (KernelStamping.AUTO, 501.0, True, False),
        (KernelStamping.AUTO, None, True, False),
        (KernelStamping.AUTO, 10.0, False, False),
        (KernelStamping.ON, 9000.0, True, True),
        (KernelStamping.OFF, 10.0, True, False),
    ],
)
def test_the_kernels_stamps_are_used_where_they_help(
    asked: KernelStamping, rate: float | None, possible: bool, expected: bool
) -> None:
    order = TransportOrder(kind=FAST, urls=URLS, stamping=asked, rate=rate)
    assert kernel_stamps(order, supported=possible) is expected


def test_stamps_that_the_kernel_does_not_make_cannot_be_asked_for() -> None:
    order = TransportOrder(kind=FAST, urls=URLS, stamping=KernelStamping.ON)
    with pytest.raises(ConfigProblem, match="does not stamp") as caught:
        kernel_stamps(order, supported=False)
    assert caught.value.place == "profiler.kernel_timestamps"


def test_what_is_built_is_what_was_chosen_and_says_so() -> None:
    said: list[str] = []
    proxies = Proxies.of({"http_proxy": "http://proxy:1", "no_proxy": "near.example"})
    assert isinstance(build_transport(an_order(AUTO, "http://near.example"), {}, proxies, said.append), FastTransport)
    assert said == []
    built = build_transport(an_order(AUTO, "http://far.example"), {}, proxies, said.append)
    assert isinstance(built, HttpxTransport)
    assert (built.name, len(said)) == ("httpx", 1)


def test_a_proxy_that_cannot_be_used_is_told_before_anything_is_sent_unless_none_is_used() -> None:
    proxies = Proxies.of({"all_proxy": "socks4://proxy:1"})
    with pytest.raises(ConfigProblem, match="a kind that cannot be used: socks4"):
        build_transport(an_order(AUTO), {}, proxies, print)
    assert isinstance(build_transport(an_order(FAST), {}, proxies, print), FastTransport)


def test_certificates_that_the_environment_names_are_read_where_they_are_needed(tmp_path: Path) -> None:
    named = {"SSL_CERT_FILE": str(tmp_path / "missing.pem")}
    build_transport(an_order(FAST, "http://one.example"), named, Proxies(), print)
    with pytest.raises(ConfigProblem, match="No such file") as caught:
        build_transport(an_order(FAST), named, Proxies(), print)
    assert caught.value.place == "SSL_CERT_FILE"
    (tmp_path / "missing.pem").write_text("no certificate")
    with pytest.raises(ConfigProblem):
        build_transport(an_order(FAST), named, Proxies(), print)


def test_servers_are_always_checked() -> None:
    context = client_context({})
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert len(context.get_ca_certs()) > 50
