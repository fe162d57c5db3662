"""What goes over the wire of HTTP/1.1."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.load.wire.http1 import Destination, Invalid, encode, route
from lens_gate.providers.base import HttpRequest


def a_request(
    headers: Mapping[str, str] | None = None, *, url: str = "http://h/v1", method: str = "POST", body: bytes = b"{}"
) -> HttpRequest:
    return HttpRequest(method=method, url=url, headers=headers or {}, body=body)


def encoded(request: HttpRequest) -> bytes:
    return encode(request, route(request.url))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org", "https://example.org:443/v1/chat?x=1&y=%20",
        "http://example.org:8080/a b/\u00e9?q=\u00e9 x",
        "https://[::1]:8443/v1", "http://b\u00fccher.example/v1", "http://user:secret@h.example/v1#part",
        "http://h.example/models/gemini:streamGenerateContent?alt=sse", "HTTP://EXAMPLE.org/A",
    ],
)  # fmt: skip
def test_a_url_leads_where_httpx_would_go(url: str) -> None:
    way, theirs = route(url), httpx.URL(url)
    assert way.target.encode() == theirs.raw_path
    assert way.destination.host.encode() == theirs.raw_host
    assert way.destination.scheme == theirs.scheme
    assert way.destination.port == (theirs.port or {"http": 80, "https": 443}[theirs.scheme])
    assert way.authority.encode() == theirs.netloc


def test_only_https_is_encrypted() -> None:
    assert route("https://h").destination == Destination("https", "h", 443)
    assert [Destination(scheme, "h", 1).encrypted for scheme in ("http", "https")] == [False, True]


@pytest.mark.parametrize(
    "url", ["", "h/v1", "ftp://h", "http://", "http://h:99999", "http://h:x", "http://[::1", "http://a b/", "http://h/\n",
            "http://h\r\nx: y/", "http://h/\x00"]
)  # fmt: skip
def test_a_url_that_leads_nowhere_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        route(url)


def test_a_request_is_written_with_what_frames_it() -> None:
    assert encoded(a_request({"X-A": "1", "Accept-Encoding": "gzip"}, url="http://h:81/v1?a=b")) == (
        b"POST /v1?a=b HTTP/1.1\r\nhost: h:81\r\nX-A: 1\r\naccept-encoding: identity\r\ncontent-length: 2\r\n\r\n{}"
    )


def test_a_request_without_a_body_says_so_only_where_one_is_expected() -> None:
    assert b"content-length: 0" in encoded(a_request(body=b""))
    assert b"content-length" not in encoded(a_request(method="GET", body=b""))


def test_the_host_header_is_that_of_the_url() -> None:
    data = encoded(a_request({"Host": "other.example"}))
    assert data.count(b"host: h\r\n") == data.lower().count(b"host:") == 1


@pytest.mark.parametrize("value", ["a\nb", "a\r\nx: y", "a\x00", "\u2019", " a", "a ", "a\x7f"])
def test_a_header_value_that_would_be_more_than_one_is_refused_without_being_quoted(value: str) -> None:
    with pytest.raises(Invalid) as caught:
        encoded(a_request({"authorization": f"Bearer sk-secret{value}" if value[0] != " " else value}))
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\n", "\u00e9", "content-length", "Transfer-Encoding"])
def test_a_header_name_that_is_none_or_frames_the_request_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        encoded(a_request({name: "2"}))


def test_a_method_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid):
        encoded(a_request(method="POST /x HTTP/1.1\r\n"))


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=3))
def test_no_header_smuggles_a_line(headers: dict[str, str]) -> None:
    try:
        data = encoded(a_request(headers))
    except Invalid:
        return
    lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    own = [name for name in headers if name.lower() not in {"host", "accept-encoding"}]
    assert len(lines) == 4 + len(own)
