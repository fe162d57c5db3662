"""Numbers that the library of the extra `pii` can check, in texts."""

from __future__ import annotations

import sys
import time
from itertools import chain, pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.load.record.identifiers import SHAPES, identifiers
from lens_gate.load.record.personal import PATTERNS, Cleaner, PersonalRules, find
from lens_gate.vocabulary.personal import CheckedPattern, OwnPattern, PersonalPattern

FINDERS = {name: identifiers(name) for name in SHAPES}
EVERY = PersonalRules(patterns=get_args(PersonalPattern), phone_regions=("DE", "ES", "US"))
WORDS = st.text(st.characters(categories=("L", "Zs", "Po", "Nd"), exclude_characters="@+%.-'"), max_size=20)

NUMBERS = [
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "DE89370400440532013000"),
    ("iban", "GB82-WEST-1234-5698-7654-32"),
    ("iban", "fr14 2004 1010 0505 0001 3m02 606"),
    ("iban", "NO9386011117947"),
    ("bitcoin", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    ("bitcoin", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
    ("au_tfn", "123 456 782"),
    ("be_nn", "85.07.30-033.28"),
    ("be_nn", "85073003328"),
    ("br_cpf", "390.533.447-05"),
    ("br_cpf", "39053344705"),
    ("ca_sin", "130-692-544"),
    ("ch_ahv", "756.9217.0769.85"),
    ("ch_ahv", "7569217076985"),
    ("cl_rut", "12.531.909-2"),
    ("cn_ric", "11010519491231002X"),
    ("cz_rc", "710319/2745"),
    ("de_idnr", "36 574 261 809"),
    ("de_idnr", "36574261809"),
    ("dk_cpr", "211062-5629"),
    ("ee_ik", "36805280109"),
    ("es_nif", "54362315K"),
    ("es_nif", "X-5253868-R"),
    ("fi_hetu", "131052-308T"),
    ("fr_nir", "2 95 10 99 126 111 93"),
    ("fr_nir", "253072B07300470"),
    ("gb_nhs", "943 476 5870"),
    ("gr_amka", "01013099997"),
    ("ie_pps", "6433435F"),
    ("in_aadhaar", "2341 2341 2346"),
    ("in_pan", "AAPPV8261K"),
    ("is_kennitala", "120174-3399"),
    ("it_codicefiscale", "RCCMNL83S18D969H"),
    ("jp_mynumber", "6214 9832 0257"),
    ("kr_rrn", "971013-9019902"),
    ("lt_asmens", "33309240064"),
    ("mx_curp", "BOXW310820HNERXN09"),
    ("my_nric", "770305-02-1234"),
    ("no_fodselsnummer", "151086 95088"),
    ("pk_cnic", "34201-0891231-8"),
    ("pl_pesel", "44051401359"),
    ("pt_cc", "00000000 0 ZZ4"),
    ("ro_cnp", "1630615123457"),
    ("se_personnummer", "880320-0016"),
    ("se_personnummer", "198803200016"),
    ("si_emso", "0101006500006"),
    ("th_pin", "1-2345-45678-78-1"),
    ("tr_tckimlik", "17291716060"),
    ("us_itin", "912-90-3456"),
    ("za_idnr", "7503305044089"),
]
UNCHECKED = {"dk_cpr", "in_pan", "is_kennitala", "my_nric", "pk_cnic", "us_itin"}
"""Of which the last character is no check digit, or not of all such numbers."""


def kinds(text: str, *names: str) -> list[tuple[str, str]]:
    return [(one.kind, text[one.start : one.end]) for one in find(text, PersonalRules(patterns=names))]


def test_every_name_of_the_configuration_is_looked_for() -> None:
    assert set(SHAPES) == set(get_args(CheckedPattern)) == {name for name, _ in NUMBERS}
    assert set(PATTERNS) == set(get_args(OwnPattern))


@pytest.mark.parametrize(("name", "number"), NUMBERS)
def test_a_number_is_found_in_a_sentence_after_a_word_and_before_one(name: str, number: str) -> None:
    for text in (number, f"It is {number}, thanks.", f"{name}:{number} is mine", f'{{"id":"{number}"}}'):
        assert kinds(text, name) == [(name, number)]


@pytest.mark.parametrize(("name", "number"), [one for one in NUMBERS if one[0] not in UNCHECKED])
def test_another_last_character_is_no_such_number(name: str, number: str) -> None:
    others = "0123456789" if number[-1].isdigit() else "ABCDEFGHJKLMNPRSTUVWXYZ"
    found = [last for last in others if last != number[-1] and kinds(f"it is {number[:-1]}{last}.", name)]
    assert found == []


@pytest.mark.parametrize(("name", "number"), NUMBERS)
def test_a_part_of_something_longer_is_no_such_number(name: str, number: str) -> None:
    for text in (f"ő{number}", f"{number}7", f"{number}_", f"12.{number}", f"{number}.5", f"a-{number}", f"{number}-b"):
        assert (name, number) not in kinds(text, name)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T10:00:00.123456+02:00, 01.02.2026, 01/02/2026, 2026-03-02 10:00:00",
        "1767261600 1767261600123456789 1767261600.123 3.141592653589793 0.0000012345678",
        "123e4567-e89b-12d3-a456-426614174000 0x0555123456 sha256:e3b0c44298fc1c149afbf4c8996fb924",
        "192.168.10.20:8080 v1.2.3 10.20.30.40/24 00:1a:2b:3c:4d:5e",
        "DE89 3704 0044 0532 0130 01, DE89 of 3704, XX89370400440532013000, AA11 BB22 CC33 DD44 EE55",
        "1 234 567 890, 12 345 678, 1,234,567.89, 555 123 4567 890",
        "chatcmpl-9aBcDEFGHIJKLMNOPQRS req_011CSHoEeqs5C35K2UUqR7Fy gpt-4o-2024-08-06",
        "",
    ],
)
def test_times_ids_and_wrong_numbers_are_left_alone(text: str) -> None:
    assert kinds(text, *SHAPES) == []


def test_only_what_is_named_is_found_and_the_usual_patterns_need_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("stdnum", "stdnum.iban", "phonenumbers"):
        monkeypatch.setitem(sys.modules, module, None)
    text = "ada@example.com DE89370400440532013000"
    assert [one.kind for one in find(text, PersonalRules())] == ["email"]
    with pytest.raises(ImportError):
        identifiers("iban")


@pytest.mark.parametrize("name", SHAPES)
@given(data=st.data())
def test_whatever_has_the_shape_is_found_or_not(name: str, data: st.DataObject) -> None:
    """The library fails on some of what cannot exist."""
    text = data.draw(st.from_regex(f"(?ai:{SHAPES[name].written})", fullmatch=True))
    assert len(list(FINDERS[name](text))) <= 1


def test_a_number_of_a_place_that_does_not_exist_is_none() -> None:
    assert kinds("217192199101019237", "cn_ric") == []


@given(st.text() | st.text("0123456789 -./+()ABDEXbc"))
def test_parts_do_not_overlap_and_nothing_else_is_changed(text: str) -> None:
    found = find(text, EVERY)
    assert all(one.end <= two.start for one, two in pairwise(found))
    cleaner, between = Cleaner(EVERY), [0, *(place for one in found for place in one[:2]), len(text)]
    kept = [text[start:end] for start, end in zip(between[::2], between[1::2], strict=True)]
    labels = [f"[{one.kind}]" for one in found]
    assert cleaner.text(text) == "".join(chain(*zip(kept, labels, strict=False), kept[-1:]))
    assert cleaner.counts.total() == len(found)


@given(st.lists(st.tuples(WORDS, st.sampled_from(NUMBERS)), min_size=1, max_size=4), WORDS)
def test_what_was_found_is_nowhere_in_what_is_kept(parts: list[tuple[str, tuple[str, str]]], end: str) -> None:
    text = "; ".join([*(f"{before} ({number})" for before, (_, number) in parts), end])
    cleaned = Cleaner(EVERY).text(text)
    assert [number for _, (_, number) in parts if number in cleaned] == []


UNITS = ["1 ", "12345678901 ", "AA11 ", "DE89 ", "DE89A A A A A A A A ", "12-", "123 456 789 ", "bc1q", "1A"]


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_makes_them_slow(unit: str) -> None:
    times = []
    for repeated in (200, 1_600):
        before = time.process_time()
        find(unit * repeated + "x", PersonalRules(patterns=tuple(SHAPES)))
        times.append(time.process_time() - before)
    assert times[1] < 30 * times[0] + 0.1  # eight times the text: a square would be 64
