"""Numbers of accounts and people that the library python-stdnum (extra `pii`) can check, found in texts. Pure.

A shape says how such a number is written, the library whether it can exist: its check digits, dates and places. Every
place of a text is tried for itself, and a shape is short, so that the time grows with the text and no more. A number
whose one check digit lets a tenth of all numbers pass is found only in the groups that people write it in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from itertools import islice
from typing import Final, NamedTuple

Part = tuple[int, int]
"""Where a match begins and ends in its text."""

Finder = Callable[[str], Iterator[Part]]
"""Finds parts of a text."""

_START, _END = r"(?<![\w+-])(?<!\d[.:/])", r"(?!\w|[.:/]\d|-\w)"
_BEGINS, _ENDS, _LAST = re.compile(_START), re.compile(_END), re.compile(r"[A-Za-z0-9](?![A-Za-z0-9])")


class Shape(NamedTuple):
    """The module of the library that checks a number, and how the number is written, in either case of letters."""

    module: str
    written: str


def _groups(*sizes: int) -> str:
    """Return groups of digits that are no part of a longer row of groups."""
    written = "[ -]".join(rf"\d{{{size}}}" for size in sizes)
    return rf"(?<!\d[ -]){written}(?![ -]\d)"


SHAPES: Final[Mapping[str, Shape]] = {
    "iban": Shape("iban", r"[A-Z]{2}\d\d(?:[ -]?[A-Z\d]){11,30}"),
    "bitcoin": Shape("bitcoin", r"bc1[02-9ac-hj-np-z]{11,71}|[13][1-9A-Z]{25,34}"),
    "au_tfn": Shape("au.tfn", _groups(3, 3, 3)),
    "be_nn": Shape("be.nn", r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d|\d{6} ?\d{3} ?\d\d"),
    "br_cpf": Shape("br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d\d|\d{11}"),
    "ca_sin": Shape("ca.sin", _groups(3, 3, 3)),
    "ch_ahv": Shape("ch.ssn", r"756(?:\.\d{4}\.\d{4}\.\d\d|\d{10})"),
    "cl_rut": Shape("cl.rut", r"(?:\d{1,2}\.\d{3}\.\d{3}|\d{7,8})-[\dK]"),
    "cn_ric": Shape("cn.ric", r"\d{17}[\dX]"),
    "cz_rc": Shape("cz.rc", r"\d{6}/\d{3,4}"),
    "de_idnr": Shape("de.idnr", r"\d\d \d{3} \d{3} \d{3}|\d{11}"),
    "dk_cpr": Shape("dk.cpr", r"\d{6}-\d{4}"),
    "ee_ik": Shape("ee.ik", r"[1-8]\d{10}"),
    "es_nif": Shape("es.nif", r"(?:\d|[KLMXYZ]-?)\d{7}-?[A-Z]"),
    "fi_hetu": Shape("fi.hetu", r"\d{6}[-+A-FU-Y]\d{3}[\dA-Y]"),
    "fr_nir": Shape("fr.nir", r"[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d"),
    "gb_nhs": Shape("gb.nhs", _groups(3, 3, 4)),
    "gr_amka": Shape("gr.amka", r"\d{11}"),
    "ie_pps": Shape("ie.pps", r"\d{7}[A-W][AHW]?"),
    "in_aadhaar": Shape("in_.aadhaar", _groups(4, 4, 4)),
    "in_pan": Shape("in_.pan", r"[A-Z]{3}P[A-Z]\d{4}[A-Z]"),
    "is_kennitala": Shape("is_.kennitala", r"[0-7]\d{5}-\d{4}"),
    "it_codicefiscale": Shape("it.codicefiscale", r"[A-Z]{6}[\dL-V]{2}[A-T][\dL-V]{2}[A-Z][\dL-V]{3}[A-Z]"),
    "jp_mynumber": Shape("jp.in_", _groups(4, 4, 4)),
    "kr_rrn": Shape("kr.rrn", r"\d{6}-\d{7}"),
    "lt_asmens": Shape("lt.asmens", r"[1-8]\d{10}"),
    "mx_curp": Shape("mx.curp", r"[A-Z]{4}\d{6}[A-Z]{6}[\dA-Z]\d"),
    "my_nric": Shape("my.nric", r"\d{6}-\d\d-\d{4}"),
    "no_fodselsnummer": Shape("no.fodselsnummer", r"\d{6} ?\d{5}"),
    "pk_cnic": Shape("pk.cnic", r"\d{5}-\d{7}-\d"),
    "pl_pesel": Shape("pl.pesel", r"\d{11}"),
    "pt_cc": Shape("pt.cc", r"\d{8} ?\d ?[A-Z][A-Z\d]\d"),
    "ro_cnp": Shape("ro.cnp", r"\d{13}"),
    "se_personnummer": Shape("se.personnummer", r"(?:\d\d)?\d{6}[-+]\d{4}|(?:19|20)\d{10}"),
    "si_emso": Shape("si.emso", r"\d{13}"),
    "th_pin": Shape("th.pin", r"\d-\d{4}-\d{5}-\d\d-\d"),
    "tr_tckimlik": Shape("tr.tckimlik", r"\d{11}"),
    "us_itin": Shape("us.itin", r"9\d\d-\d\d-\d{4}"),
    "za_idnr": Shape("za.idnr", r"\d{13}|\d{6} \d{4} \d\d \d"),
}


def identifiers(name: str) -> Finder:
    """Return what finds the numbers of this name; imports the library."""
    module, written = SHAPES[name]
    is_valid: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    shape = re.compile(rf"(?ai:{written})")
    starts = re.compile(rf"{_START}(?=({shape.pattern}))")

    def found(text: str) -> Iterator[Part]:
        for match in starts.finditer(text):
            start, limit = match.span(1)
            # A word of a sentence may follow a number in the same shape.
            ends = [one.end() for one in _LAST.finditer(text, start, limit) if _ENDS.match(text, one.end())]
            longest_first = (end for end in reversed(ends) if shape.fullmatch(text, start, end))
            yield from islice(((start, end) for end in longest_first if _can_exist(text[start:end], is_valid)), 1)

    return found


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a part of a text is no part of a longer word, number or address."""
    return bool(_BEGINS.match(text, start) and _ENDS.match(text, end))


def _can_exist(number: str, is_valid: Callable[[str], bool]) -> bool:
    try:
        return is_valid(number)
    except (LookupError, ValueError):
        # The library looks for the county of a place that has none.
        return False
