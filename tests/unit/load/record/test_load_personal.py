from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.load.record.bodies import Body, cleaned
from lens_gate.load.record.personal import Cleaner, PersonalRules, find, luhn

ALL = PersonalRules()
WORDS = st.text(st.characters(categories=("L", "Zs", "Po"), exclude_characters="@+%.-'"), max_size=20)


def kinds(text: str, rules: PersonalRules = ALL) -> list[tuple[str, str]]:
    return [(one.kind, text[one.start : one.end]) for one in find(text, rules)]


def with_check_digit(digits: Sequence[int]) -> list[int]:
    return next([*digits, last] for last in range(10) if luhn([*digits, last]))


def grouped(digits: Sequence[int], separator: str, size: int = 4) -> str:
    text = "".join(map(str, digits))
    return separator.join(text[at : at + size] for at in range(0, len(text), size))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("write to ada@example.com, please", [("email", "ada@example.com")]),
        ("<Žofie.Nová+x@přírodní.example>", [("email", "Žofie.Nová+x@přírodní.example")]),
        ("a_b%c@sub.domain.example.", [("email", "a_b%c@sub.domain.example")]),
        ("+49 30 123456 or +4930123456", [("phone", "+49 30 123456"), ("phone", "+4930123456")]),
        ("+1 (555) 123-4567", [("phone", "+1 (555) 123-4567")]),
        ("(555) 123-4567, 555.123.4567", [("phone", "(555) 123-4567"), ("phone", "555.123.4567")]),
        ("1-800-555-0199", [("phone", "1-800-555-0199")]),
        ("030/1234567 after 10:00", [("phone", "030/1234567")]),
        ("020 7946 0018 10:00", [("phone", "020 7946 0018")]),
        ("ssn: 123-45-6789.", [("ssn", "123-45-6789")]),
        ("123 45 6789", [("ssn", "123 45 6789")]),
        ("5555555555554444", [("credit_card", "5555555555554444")]),
        ("4111 1111 1111 1111 12/26 737", [("credit_card", "4111 1111 1111 1111")]),
        ("no. 12 4111-1111-1111-1111 99", [("credit_card", "4111-1111-1111-1111")]),
        ("4111 1111 1111 1111 2nd of May", [("credit_card", "4111 1111 1111 1111")]),
        ("3782 822463 10005", [("credit_card", "3782 822463 10005")]),
        ("٤١١١ ١١١١ ١١١١ ١١١١", [("credit_card", "٤١١١ ١١١١ ١١١١ ١١١١")]),
        ("4111 1111 1111 1111 5555 5555 5555 4444", [("credit_card", grouped([4, *[1] * 15], " ")),
                                                     ("credit_card", "5555 5555 5555 4444")]),
    ],
)  # fmt: skip
def test_what_looks_like_personal_data_is_found(text: str, found: list[tuple[str, str]]) -> None:
    assert kinds(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T10:00:00+02:00 2026-03-02 10:00:00.123456",
        "01-02-2026 10:00:00, 01/02/2026 100 items, 02.03.2026",
        "1767261600 1767261600123 1767261600123456789 1767261600.123",
        "req_0123456789abcdef 123e4567-e89b-12d3-a456-426614174000 0x0555123456",
        "192.168.10.20:8080 v1.2.3 0.10.5 3.141592653589793 -0.0000012345678",
        "chatcmpl-9aBcD4111111111111111 sha256:4111111111111111ab",
        "4111111111111112 4444444444444444 0000000000000000",
        "000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000",
        "12-123-45-6789 123-45-6789-1 123-45 6789",
        "user@localhost @handle a@b.c not an@ddress @ example.com",
        "page 12 of 345, 6 x 789, $1,234.56, 100-200, 5-10 7-8",
        "+12 3, +1234567, C++17 20, 5+49 30",
        "",
    ],
)
def test_times_numbers_and_ids_are_left_alone(text: str) -> None:
    assert kinds(text) == []


@given(st.lists(st.integers(0, 9), min_size=11, max_size=17), st.sampled_from("23456"), st.sampled_from(["", " ", "-"]))
def test_every_card_with_its_check_digit_is_found_and_no_other_digit_will_do(
    middle: list[int], first: str, separator: str
) -> None:
    card = with_check_digit([int(first), *middle])
    text = grouped(card, separator)
    if len(set(card)) > 1:
        assert ("credit_card", text) in kinds(f"card {text}, thanks", PersonalRules(patterns=("credit_card",)))
    wrong = "".join(map(str, [*card[:-1], (card[-1] + 1) % 10]))
    assert kinds(wrong, PersonalRules(patterns=("credit_card",))) == []


def test_luhn_agrees_with_known_numbers() -> None:
    assert luhn([7, 9, 9, 2, 7, 3, 9, 8, 7, 1, 3])
    assert not luhn([7, 9, 9, 2, 7, 3, 9, 8, 7, 1, 0])


@given(before=WORDS, after=WORDS, name=st.from_regex(r"[^\W_]{1,10}", fullmatch=True))
def test_an_address_is_taken_out_of_text_in_any_script(before: str, after: str, name: str) -> None:
    said = Cleaner(ALL).text(f"{before} {name}@example.org {after}")
    assert "@example.org" not in said
    assert said.startswith(before)


@given(st.text())
def test_nothing_but_what_was_found_is_changed(text: str) -> None:
    found = find(text, ALL)
    assert all(one.end <= two.start for one, two in pairwise(found))
    if not found:
        assert Cleaner(ALL).text(text) == text


@given(st.text())
def test_what_was_cleaned_is_clean(text: str) -> None:
    once = Cleaner(ALL).text(text)
    assert Cleaner(ALL).text(once) == once


@pytest.mark.parametrize("unit", ["1 ", "01 ", "a.", "a@", "+1", "44", "1-", "4111 "])
@pytest.mark.parametrize("start", ["", "+"])
def test_no_text_makes_them_slow(start: str, unit: str) -> None:
    times = []
    for repeated in (1_000, 8_000):
        before = time.process_time()
        find(start + unit * repeated + "x", ALL)
        times.append(time.process_time() - before)
    assert times[1] < 30 * times[0] + 0.1  # eight times the text: a square would be 64


def test_only_the_chosen_patterns_are_looked_for() -> None:
    text = "ada@example.com 123-45-6789"
    assert kinds(text, PersonalRules(patterns=("ssn",))) == [("ssn", "123-45-6789")]


def test_a_pattern_of_one_s_own_comes_first() -> None:
    rules = PersonalRules(custom={"employee": r"E-\d{5}", "none": "x*"})
    assert kinds("E-12345 and ada@example.com", rules) == [("employee", "E-12345"), ("email", "ada@example.com")]


def test_a_hash_tells_equal_values_and_no_more() -> None:
    text = "ada@example.com bob@example.com ada@example.com"
    first = Cleaner(PersonalRules(action="hash", key=b"one")).text(text)
    ada, bob, again = first.split()
    assert ada == again != bob
    assert ada.startswith("[email:")
    assert Cleaner(PersonalRules(action="hash", key=b"two")).text(text) != first


def lines(request: bytes, answer: str, rules: PersonalRules = ALL) -> bytes:
    return cleaned([Body(3, request, answer)], rules)


def test_a_line_holds_request_and_answer_without_what_was_found() -> None:
    request = b'{"messages": [{"role": "user", "content": "I am ada\\u0040example.com"}], "n": 1, "stream": true}'
    assert lines(request, "Call 555-123-4567.") == (
        b'{"index":3,"request":{"messages":[{"role":"user","content":"I am [email]"}],"n":1,"stream":true},'
        b'"answer":"Call [phone].","found":{"email":1,"phone":1}}\n'
    )


def test_names_and_whole_numbers_are_looked_at_as_well() -> None:
    written = lines(b'{"ada@example.com": 4111111111111111, "max_tokens": 64, "t": 0.5, "x": null}', "")
    assert b'{"[email]":"[credit_card]","max_tokens":64,"t":0.5,"x":null}' in written


def test_a_body_that_is_no_json_is_text() -> None:
    assert b'"request":"to [email] \xef\xbf\xbd"' in lines(b"to ada@example.com \xff", "")


def test_block_leaves_the_whole_body_out() -> None:
    rules = PersonalRules(action="block")
    assert lines(b'"hi"', "ada@example.com", rules) == b'{"index":3,"blocked":{"email":1}}\n'
    assert b'"answer":"hello"' in lines(b'"hi"', "hello", rules)


def test_secrets_go_whatever_is_asked() -> None:
    rules = PersonalRules(detect=False, secrets=("sk-live-123",))
    assert lines(b'{"key": "sk-live-123"}', "ada@example.com", rules) == (
        b'{"index":3,"request":{"key":"[secret]"},"answer":"ada@example.com","found":{}}\n'
    )


def test_half_a_pair_of_surrogates_is_written_as_a_question() -> None:
    assert b'"answer":"a?"' in lines(b"{}", "a\ud800")
