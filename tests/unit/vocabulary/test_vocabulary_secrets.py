"""What counts as a secret, and that nothing of one stays in a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.vocabulary.secrets import (
    REDACTED,
    SHORTEST,
    address_of,
    blotting,
    blotting_excerpts,
    holds_a_secret,
    in_address,
    names_a_secret,
    pieces_of,
)

SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="[]"), min_size=SHORTEST).filter(
    lambda text: len(text.strip()) >= SHORTEST and text.strip() not in REDACTED
)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "X-Auth",
        "Cookie",
        "X-Password",
        "PASSPHRASE",
        "DB_PASSWD",
        "X-Signature",
        "GW_SIG",
        "sig",
        "PWD",
        "apikey",
        "access_token",
        "client_secret",
        "X-Session",
        "AWS_CREDENTIALS",
    ],
)
def test_a_secret_is_known_by_the_name_of_what_holds_it(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize("name", ["SIGNAL", "design", "X-Request-Id", "PATH", "api-version"])
def test_an_ordinary_name_is_none_of_a_secret(name: str) -> None:
    assert not names_a_secret(name)


def test_the_folders_of_a_shell_are_no_secrets_though_a_password_may_be_called_so() -> None:
    assert not holds_a_secret("PWD")
    assert not holds_a_secret("OLDPWD")
    assert all(holds_a_secret(name) for name in ("DB_PWD", "pwd", "OPENAI_API_KEY"))
    assert names_a_secret("PWD")


def test_user_password_and_every_value_of_a_query_may_be_secret_in_an_address() -> None:
    found = set(in_address("https://me:pass@host/v1?code=a%2Bb&flag&api-version=2024-02-01"))
    assert found >= {"me", "pass", "a%2Bb", "a+b", "2024-02-01"}
    assert not any("host" in secret or "v1" in secret for secret in found)


def test_an_address_that_cannot_be_read_is_secret_as_a_whole() -> None:
    assert list(in_address("http://[::1/v1?code=1")) == ["http://[::1/v1?code=1"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:pass@host:80/v1?code=1#there", "http://host:80/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("http://host/[redacted]/v1", "http://host/[redacted]/v1"),
        ("", "://"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret_and_showing_it_again_changes_nothing(
    url: str, shown: str
) -> None:
    assert address_of(url) == shown
    assert not url or address_of(shown) == shown


def test_a_secret_is_found_in_each_of_its_spellings() -> None:
    blot = blotting(["Bearer a/b+c==d", 'say "please"'])
    assert blot("a/b+c==d a%2Fb%2Bc%3D%3Dd a/b c==d") == "[redacted] [redacted] [redacted]"
    assert blot(r"{\"said\": \"say \"please\"\"}".replace('say "please"', r"say \"please\"")).count("please") == 0


def test_short_values_are_left_because_they_would_blot_out_ordinary_words() -> None:
    assert pieces_of(["short", "12345", "", "a b c"]) == ()
    assert blotting(["short"])("a short word") == "a short word"


def test_the_shape_of_a_key_is_blotted_out_where_that_is_asked_for() -> None:
    said = "sk-0123456789abcdef and known-one"
    assert blotting(["known-one"])(said) == "sk-0123456789abcdef and [redacted]"
    assert blotting(["known-one"], shapes=True)(said) == "[redacted] and [redacted]"


@given(SECRETS, st.text())
def test_no_text_keeps_a_secret(secret: str, around: str) -> None:
    told = blotting([secret])(f"{around}\0{secret}\0{around}")
    assert secret.strip() not in told.replace(REDACTED, "\1")


@given(st.text("abcdefghij", min_size=12, max_size=40), st.integers(SHORTEST, 40), st.text("klm ", max_size=9))
def test_an_excerpt_that_ends_inside_a_secret_keeps_nothing_of_it(secret: str, size: int, before: str) -> None:
    told = blotting_excerpts([secret])(f"{before}{secret[:size]}")
    assert told == f"{before}{REDACTED}"


def test_an_excerpt_that_ends_with_a_few_characters_of_a_secret_is_left() -> None:
    blot = blotting_excerpts(["secretive-value", "other-one-value"])
    assert blot("a secre") == "a secre"
    assert blot("all is well") == "all is well"
    assert blotting_excerpts([])("all is well") == "all is well"
