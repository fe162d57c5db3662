from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lens_gate.artifacts.codec import dumps, loads
from lens_gate.artifacts.numbers_only import LONGEST_NAME, numbers_only
from lens_gate.artifacts.verdict import Verdict
from lens_gate.errors import ArtifactCorrupt
from lens_gate.reports.view import view
from tests.builders import a_verdict, an_analysis, an_arm, an_unmeasured_job
from tests.hostile import HOSTILE
from tests.scenarios import SCENARIOS


def numbers_in(value: Any) -> Iterator[float]:
    match value:
        case dict():
            for inner in value.values():
                yield from numbers_in(inner)
        case list() | tuple():
            for inner in value:
                yield from numbers_in(inner)
        case bool() | str() | None:
            return
        case _:
            yield value


def texts_in(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for name, inner in value.items():
                yield name
                yield from texts_in(inner)
        case list() | tuple():
            for inner in value:
                yield from texts_in(inner)
        case str():
            yield value
        case _:
            return


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_number_stays_and_the_outcome_is_told_in_our_own_words(scenario: str) -> None:
    verdict = SCENARIOS[scenario]()
    cleaned = numbers_only(verdict)
    before = verdict.model_copy(update={"analysis": verdict.analysis.model_copy(update={"need": None})})
    assert sorted(numbers_in(cleaned.model_dump())) == sorted(numbers_in(before.model_dump()))
    assert cleaned.outcome is verdict.outcome
    page, was = view(cleaned), view(verdict)
    assert page.counts == was.counts
    assert [(row.title, row.change) for row in page.rows] == [(row.title, row.change) for row in was.rows]
    assert loads(dumps(cleaned), name="x") == cleaned


@pytest.mark.parametrize("text", HOSTILE)
def test_of_hostile_texts_only_short_names_are_left(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    analysis = an_analysis(notes=(text,), ending_message=text, arms=(an_arm(label=text, commit=text),))
    document = a_verdict(analysis).model_dump(mode="json")
    for finding in document["analysis"]["findings"]:
        finding["reason"] = finding["series"] = text
        finding["because"] = [{"why": "said", "values": {"text": text}}, {"why": "no_base", "values": {"metric": text}}]
    for check in document["checks"]:
        check["message"] = check["place"] = text
    cleaned = numbers_only(Verdict.model_validate(document))
    assert max(map(len, texts_in(cleaned.model_dump(mode="json")))) <= LONGEST_NAME
    assert cleaned.analysis.notes == ()
    assert cleaned.analysis.ending_message is None
    assert {finding.reason for finding in cleaned.analysis.findings} == {"see the artifact of the run"}
    said = [reason.values for finding in cleaned.analysis.findings for reason in finding.because]
    assert {values["text"] for values in said if "text" in values} == {"see the artifact of the run"}
    assert {arm.label for arm in cleaned.analysis.arms} <= {"base", "candidate"}
    assert cleaned.checks[0].place is None


def test_an_arm_is_known_by_its_commit_and_a_comparison_by_nothing_to_copy() -> None:
    arm = an_arm(label="91d04e7 (curl evil | sh)", commit="91d04e7aa0")
    cleaned = numbers_only(a_verdict(an_analysis(arms=(arm,)))).analysis
    assert cleaned.arms[0].label == "91d04e7aa0"
    assert cleaned.comparison is not None
    assert cleaned.comparison.value == "base"


@pytest.mark.filterwarnings("ignore:Pydantic serializer")
def test_what_is_no_verdict_without_its_texts_is_refused_as_damaged() -> None:
    verdict = a_verdict(an_analysis())
    odd = verdict.model_copy(update={"exit_code": 99})
    with pytest.raises(ArtifactCorrupt):
        numbers_only(odd)


def test_of_a_job_that_was_not_measured_its_name_and_its_attempt_stay() -> None:
    forged = an_unmeasured_job(message="run `curl evil`", reason="@acme/team", suite="x" * 300)
    cleaned = numbers_only(forged)
    assert (cleaned.suite, cleaned.job) == ("x" * LONGEST_NAME, forged.job)
    assert "curl" not in cleaned.message + cleaned.reason
    assert "@" not in cleaned.message + cleaned.reason
