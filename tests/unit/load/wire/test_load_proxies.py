"""Which proxy an endpoint is asked through."""

from __future__ import annotations

import pytest

from lens_gate.errors import ConfigProblem
from lens_gate.load.wire.proxies import Proxies

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"HTTPS_PROXY": PROXY, "https_proxy": "http://own:1"}, "http://own:1"),
        ({"HTTPS_PROXY": PROXY, "https_proxy": ""}, None),
        ({"HTTP_PROXY": PROXY}, None),
        ({"ALL_PROXY": "socks5://proxy"}, "socks5://proxy"),
        ({"ALL_PROXY": "proxy:3128"}, PROXY),
        ({"ALL_PROXY": "socks5://proxy", "https_proxy": PROXY}, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "localhost, .example"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "api.Example"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "pi.example"}, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": " , "}, PROXY),
    ],
)
def test_the_environment_names_a_proxy_for_an_address_or_spares_it(
    environment: dict[str, str], proxy: str | None
) -> None:
    assert Proxies.of(environment).of_url("https://API.example:8443/v1") == proxy


@pytest.mark.parametrize("host", ["localhost:8000", "api.localhost", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000"])
def test_this_machine_is_never_asked_through_a_proxy(host: str) -> None:
    assert Proxies.of({"all_proxy": PROXY}).of_url(f"http://{host}/v1") is None
    assert Proxies.of({"all_proxy": PROXY}).of_url("http://10.0.0.1/v1") == PROXY


def test_a_host_is_asked_about_once() -> None:
    asked: list[str] = []

    def spared(host: str) -> bool:
        asked.append(host)
        return False

    proxies = Proxies({"http": PROXY}, spared)
    assert [proxies.to("http", "far.example") for _ in range(3)] == [PROXY] * 3
    assert asked == ["far.example"]


@pytest.mark.parametrize("proxy", ["http://p:1", "https://p", "socks5://u:p@p:1", "SOCKS5H://p", "p:3128"])
def test_proxies_are_of_four_kinds(proxy: str) -> None:
    Proxies.of({"https_proxy": proxy}).require_usable("https://far.example/v1")


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("socks4://me:hidden@p:1", "of a kind that cannot be used: socks4"),
        ("socks5://me:hidden@p:port", "is no address"),
        ("socks5://me:hidden@p:99999", "is no address"),
        ("socks5://me:hidden@p:0", "is no address"),
        ("http://me:hidden@", "is no address"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told_and_not_quoted(proxy: str, said: str) -> None:
    proxies = Proxies.of({"all_proxy": proxy, "no_proxy": "near.example"})
    with pytest.raises(ConfigProblem, match=said) as caught:
        proxies.require_usable("https://far.example/v1")
    assert "far.example" in str(caught.value)
    assert caught.value.place == "https_proxy or all_proxy"
    assert "hidden" not in f"{caught.value} {caught.value.hint}"
    proxies.require_usable("https://near.example/v1")
