"""The XML of JUnit, as narrow as its strictest reader: the schema of Jenkins' xUnit plugin refuses unknown attributes.

So no case says `file` and `line`, and times have three decimals. Jenkins also takes what stands before the last dot of
a class for its package, GitLab keeps the first of two cases that share class and name, Azure cuts names at 512
characters, and some readers show the message's attribute only, others its text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from xml.etree import ElementTree as ET

from lens_gate.reports.escape import bare_words, plain, shortened, xml_text

SUITE = "lens-gate"
LONGEST_NAME = 512
"""Characters; Azure cuts longer names."""

_LONGEST_ATTRIBUTE = 4_096
_ROOM_TO_NUMBER = len(" (9999)")


class Result(StrEnum):
    """How a case ended, by the name of its element; one that passed has none."""

    PASSED = "passed"
    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case of a series (None: of the whole): `text` tells the result, `output` the numbers behind it."""

    series: str | None
    name: str
    result: Result
    text: str
    output: str

    @property
    def classname(self) -> str:
        """The provider and the model, which Jenkins shows as package and class; a dot of their own would part them."""
        provider, _, model = (self.series or "").partition("/")
        named = (_name(part).replace(".", "_") for part in (provider or SUITE, model) if part)
        return shortened(".".join(named), LONGEST_NAME)


@dataclass(frozen=True, slots=True)
class Measuring:
    """When and where it was measured, and for how long."""

    start: str
    seconds: float
    hostname: str


@dataclass(frozen=True, slots=True)
class Suite:
    """The cases of one artifact, and the values of its metrics as properties."""

    cases: Sequence[Case]
    values: Mapping[str, str]
    measuring: Measuring


def document(suites: Sequence[Suite]) -> str:
    """Return the XML of all suites; the times of a suite's cases add up to the time of its measuring."""
    root = ET.Element("testsuites", name=SUITE)
    root.extend(map(_suite, suites))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, 0)) for suite in root)))
    root.set("time", _seconds(sum(_milliseconds(suite.measuring) for suite in suites)))
    ET.indent(root, "\t")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(suite: Suite) -> ET.Element:
    results = Counter(case.result for case in suite.cases)
    element = ET.Element(
        "testsuite",
        name=SUITE,
        tests=str(len(suite.cases)),
        failures=str(results[Result.FAILURE]),
        errors=str(results[Result.ERROR]),
        skipped=str(results[Result.SKIPPED]),
        time=_seconds(_milliseconds(suite.measuring)),
        hostname=xml_text(suite.measuring.hostname, limit_bytes=LONGEST_NAME) or "unknown",
    )
    if start := _timestamp(suite.measuring.start):
        element.set("timestamp", start)
    properties = ET.SubElement(element, "properties")
    for name, value in suite.values.items():
        ET.SubElement(properties, "property", name=_name(name), value=_name(value))
    named = zip(suite.cases, _names(suite.cases), _shares(suite), strict=True)
    element.extend(_case(case, name, milliseconds) for case, name, milliseconds in named)
    return element


def _case(case: Case, name: str, milliseconds: int) -> ET.Element:
    element = ET.Element("testcase", name=name, classname=case.classname, time=_seconds(milliseconds))
    if case.result is not Result.PASSED:
        text = xml_text(bare_words(case.text))
        message = shortened(text.partition("\n")[0], _LONGEST_ATTRIBUTE)
        ET.SubElement(element, case.result, type=case.result, message=message).text = text
    if output := xml_text(bare_words(case.output)):
        ET.SubElement(element, "system-out").text = output
    return element


def _names(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the names, numbered where cases share class and name."""
    seen: Counter[tuple[str, str]] = Counter()
    for case in cases:
        name = _name(case.name)
        seen[case.classname, name] += 1
        times = seen[case.classname, name]
        yield name if times == 1 else f"{name} ({times})"


def _shares(suite: Suite) -> Iterator[int]:
    """Yield the milliseconds of each case: all were measured at the same time, and readers add them up."""
    whole, rest = divmod(_milliseconds(suite.measuring), len(suite.cases))
    return (whole + (number < rest) for number in range(len(suite.cases)))


def _milliseconds(measuring: Measuring) -> int:
    return max(0, round(measuring.seconds * 1000))


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"


def _name(text: str) -> str:
    return shortened(plain(text), LONGEST_NAME - _ROOM_TO_NUMBER)


def _timestamp(start_time: str) -> str | None:
    """Return the start without its zone, as the common schema wants it; None where it cannot be read."""
    try:
        return f"{datetime.fromisoformat(start_time):%Y-%m-%dT%H:%M:%S}"
    except ValueError:
        return None
