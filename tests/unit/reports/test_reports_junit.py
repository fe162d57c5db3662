from __future__ import annotations

import re
from datetime import datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml, TestCase, TestSuite

from lens_gate.artifacts.run import Run
from lens_gate.artifacts.verdict import CheckKind, Verdict
from lens_gate.reports.junit import junit
from lens_gate.reports.junit_xml import LONGEST_NAME
from lens_gate.vocabulary.outcomes import Outcome, Severity
from tests.builders import (
    COMPARISON,
    a_benchmark,
    a_check,
    a_finding,
    a_model_result,
    a_provider_result,
    a_run,
    a_validity,
    a_validity_check,
    a_verdict,
    an_analysis,
    an_effect,
    an_error_count,
    an_unmeasured_job,
    an_unmeasured_latency,
    some_requests,
)
from tests.scenarios import SCENARIOS


def suite_of(artifact: Verdict | Run) -> TestSuite:
    (suite,) = JUnitXml.fromstring(junit(artifact).encode())
    assert isinstance(suite, TestSuite)
    return suite


def cases_of(artifact: Verdict | Run) -> list[TestCase]:
    return list(suite_of(artifact))


def properties_of(artifact: Verdict | Run) -> dict[str, str]:
    return {
        one.attrib["name"]: one.attrib["value"]
        for one in ET.fromstring(junit(artifact)).iterfind("*/properties/property")
    }


def result_of(case: TestCase) -> str:
    return type(case.result[0]).__name__ if case.result else "Passed"


def judged(outcome: Outcome, *, severity: Severity = Severity.ERROR, fail_on: tuple[str, ...] = ()) -> TestCase:
    check = a_check(outcome=outcome, severity=severity, message="why it is so")
    (case,) = cases_of(a_verdict(checks=(check,), fail_on=fail_on))
    return case


def test_what_the_policy_fails_must_weigh_as_an_error() -> None:
    strict = ("inconclusive", "warning")

    assert result_of(judged(Outcome.INCONCLUSIVE, severity=Severity.WARNING, fail_on=strict)) == "Skipped"
    assert result_of(judged(Outcome.INCONCLUSIVE, fail_on=strict)) == "Failure"
    assert result_of(judged(Outcome.REGRESSION, severity=Severity.WARNING, fail_on=strict)) == "Failure"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_suite_adds_up(scenario: str) -> None:
    verdict = SCENARIOS[scenario]()
    suite = suite_of(verdict)
    cases = cases_of(verdict)
    results = [result_of(case) for case in cases]
    assert suite.tests == len(cases) == max(1, len(verdict.checks))
    assert suite.failures == results.count("Failure")
    assert suite.errors == results.count("Error")
    assert suite.skipped == results.count("Skipped")
    assert suite.time == pytest.approx(verdict.analysis.benchmark.duration_seconds)


@pytest.mark.parametrize(
    ("outcome", "severity", "fail_on", "result"),
    [
        (Outcome.PASS, Severity.ERROR, (), "Passed"),
        (Outcome.REGRESSION, Severity.ERROR, (), "Failure"),
        (Outcome.REGRESSION, Severity.WARNING, (), "Skipped"),
        (Outcome.REGRESSION, Severity.WARNING, ("warning",), "Failure"),
        (Outcome.REGRESSION, Severity.INFO, ("warning",), "Skipped"),
        (Outcome.NOT_MEASURED, Severity.ERROR, (), "Error"),
        (Outcome.NOT_MEASURED, Severity.WARNING, (), "Skipped"),
        (Outcome.INCONCLUSIVE, Severity.ERROR, (), "Skipped"),
        (Outcome.INCONCLUSIVE, Severity.ERROR, ("inconclusive",), "Failure"),
        (Outcome.NO_BASELINE, Severity.ERROR, (), "Skipped"),
        (Outcome.NO_BASELINE, Severity.ERROR, ("no_baseline",), "Failure"),
        (Outcome.NOTHING_TO_COMPARE, Severity.ERROR, (), "Skipped"),
    ],
)
def test_each_outcome_has_its_result(
    outcome: Outcome, severity: Severity, fail_on: tuple[str, ...], result: str
) -> None:
    assert result_of(judged(outcome, severity=severity, fail_on=fail_on)) == result


@pytest.mark.parametrize("outcome", [Outcome.REGRESSION, Outcome.NOT_MEASURED, Outcome.INCONCLUSIVE])
def test_the_reason_is_in_the_attribute_and_in_the_text(outcome: Outcome) -> None:
    (result,) = judged(outcome).result
    assert "Why it is so." in result.message
    assert "Why it is so." in result.text


def test_a_verdict_without_checks_is_still_one_case_with_its_reason() -> None:
    (case,) = cases_of(SCENARIOS["nothing_to_compare"]())
    assert result_of(case) == "Skipped"
    assert case.result[0].message.startswith("Nothing to compare")


def test_a_rule_is_placed_in_the_text_for_an_attribute_would_make_jenkins_refuse_the_file() -> None:
    element = ET.fromstring(junit(SCENARIOS["error_budget"]()))
    assert "at lens-gate.yaml:41" in (element.findtext(".//failure") or "")


def test_the_suite_says_when_and_where_it_was_measured() -> None:
    suite = suite_of(a_verdict())
    assert datetime.fromisoformat(suite.timestamp) == datetime(2026, 3, 2, 10, 0)  # noqa: DTZ001 the schema has no zone
    assert suite.hostname == "runner-1"
    unreadable = an_analysis(benchmark=a_benchmark(start_time="some day"))
    assert suite_of(a_verdict(unreadable)).timestamp is None


def test_metric_values_are_properties_and_output() -> None:
    verdict = SCENARIOS["regression"]()
    properties = properties_of(verdict)
    assert properties["outcome"] == "regression"
    assert properties["openai/gpt-small mean_ttft base mean [ms]"] == "500"
    assert properties["openai/gpt-small mean_ttft change of a typical pair [%]"] == "14.8"
    assert all("baseline: " in case.system_out for case in cases_of(verdict))


def test_a_value_that_is_unknown_is_no_property() -> None:
    finding = a_finding(base_value=None, effect=an_effect(None))
    assert set(properties_of(a_verdict(an_analysis(finding)))) == {
        "outcome",
        "exit_code",
        "spent_usd",
        "openai/gpt-small mean_ttft candidate mean [ms]",
    }


def test_no_two_cases_share_class_and_name() -> None:
    rules = [a_finding(hypothesis=None, method=method) for method in ("t-test", "ks", "mann-whitney")]
    names = [(case.classname, case.name) for case in cases_of(a_verdict(an_analysis(*rules)))]
    assert len(set(names)) == 3


ALLOWED = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
}
"""Of the elements that we write, the attributes that the schema of Jenkins' xUnit plugin knows (junit-10.xsd)."""
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "testcase": {"failure", "error", "skipped", "system-out"},
}
SUREFIRE_TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?")


def require_what_jenkins_takes(text: str) -> None:
    for element in ET.fromstring(text).iter():
        assert set(element.attrib) <= ALLOWED[element.tag]
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
        if element.tag in {"testsuites", "testsuite"}:
            assert SUREFIRE_TIME.fullmatch(element.attrib["time"])
            assert {"tests", "failures", "errors", "name"} <= set(element.attrib)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_written_that_the_schema_of_jenkins_refuses(scenario: str) -> None:
    require_what_jenkins_takes(junit(SCENARIOS[scenario](), a_run(), an_unmeasured_job()))


@pytest.mark.parametrize("seconds", [0.0, 1e-7, 0.1234567, 299.9999, 86_400.0])
def test_times_have_three_decimals_and_those_of_the_cases_add_up(seconds: float) -> None:
    findings = [a_finding(series=f"openai/model-{number}") for number in range(7)]
    verdict = a_verdict(an_analysis(*findings, benchmark=a_benchmark(duration_seconds=seconds)))
    require_what_jenkins_takes(junit(verdict))
    times = [case.get("time") or "" for case in ET.fromstring(junit(verdict)).iter("testcase")]
    assert len(times) == 7
    assert all(re.fullmatch(r"[0-9]+\.[0-9]{3}", time) for time in times)
    assert sum(map(float, times)) == pytest.approx(seconds, abs=0.0006)


@pytest.mark.parametrize(
    ("series", "classname"),
    [
        ("openai/gpt-4.1-mini", "openai.gpt-4_1-mini"),
        ("my.proxy/meta/llama-3.3", "my_proxy.meta/llama-3_3"),
        ("alone", "alone"),
    ],
)
def test_the_only_dot_of_a_class_parts_provider_and_model_for_jenkins_splits_at_the_last(
    series: str, classname: str
) -> None:
    finding = a_finding(series=series)
    (case,) = cases_of(a_verdict(an_analysis(finding), checks=(a_check(finding),)))
    assert case.classname == classname


def test_two_models_that_differ_in_a_dot_keep_their_cases_apart() -> None:
    findings = [a_finding(series="openai/gpt-3.5"), a_finding(series="openai/gpt-3_5")]
    names = [(case.classname, case.name) for case in cases_of(a_verdict(an_analysis(*findings)))]
    assert len(set(names)) == 2


@pytest.mark.parametrize("outcome", [Outcome.REGRESSION, Outcome.NOT_MEASURED, Outcome.NO_BASELINE])
def test_a_message_of_64_kilobytes_stays_below_what_readers_take(outcome: Outcome) -> None:
    check = a_check(kind=CheckKind.BUDGET, outcome=outcome, message="é\x00\x1b[31m" * 40_000, place="a.yaml:1")
    text = junit(a_verdict(checks=(check,)))
    require_what_jenkins_takes(text)
    (case,) = ET.fromstring(text).iter("testcase")
    (result,) = [element for element in case if element.tag != "system-out"]
    assert len((result.text or "").encode()) <= 65_536
    assert len(result.get("message") or "") <= 4_096
    assert len(text.encode()) < 200_000


CONTROLS = st.text(
    st.characters(codec="utf-8", categories=("Cc", "Cf", "Zl", "Zp", "Lu", "So"), include_characters="<&>\"']]>")
)


@settings(max_examples=60, deadline=None)
@given(text=CONTROLS)
def test_control_characters_are_stripped_and_what_else_is_said_stays(text: str) -> None:
    said = f"begin {text} end"
    (case,) = cases_of(a_verdict(checks=(a_check(outcome=Outcome.REGRESSION, message=said),)))
    message = case.result[0].message
    assert message.lower().startswith("regression: begin")
    assert message.isprintable()


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60), times=st.sampled_from([1, 40, 400]))
def test_any_text_gives_well_formed_xml_of_bounded_size(text: str, times: int) -> None:
    long = text * times
    finding = a_finding(series=f"openai/{long}", metric=long or "m", hypothesis=None, value_unit=text)
    check = a_check(finding, outcome=Outcome.REGRESSION, message=long, name=long, place=f"{long}:3")
    written = junit(a_verdict(an_analysis(finding), checks=(check, check)))
    require_what_jenkins_takes(written)
    element = ET.fromstring(written.encode())
    for case in element.iter("testcase"):
        assert len(case.get("name") or "") <= LONGEST_NAME
        assert len(case.get("classname") or "") <= LONGEST_NAME
    assert all(len((one.text or "").encode()) <= 65_536 for one in element.iter())


def test_a_run_has_a_case_per_model_and_a_silent_one_is_an_error() -> None:
    silent = a_model_result(
        id="silent",
        requests=some_requests(failed=300),
        latency=an_unmeasured_latency(),
        errors=(an_error_count("connect", 300),),
    )
    mute = a_model_result(id="mute", requests=some_requests(failed=300), latency=an_unmeasured_latency())
    cases = cases_of(a_run(providers=(a_provider_result(a_model_result(), silent, mute),)))
    assert [(case.classname, result_of(case)) for case in cases] == [
        ("openai.gpt-small", "Passed"),
        ("openai.silent", "Error"),
        ("openai.mute", "Error"),
    ]
    assert cases[1].result[0].message == "not measured: none of 300 requests succeeded (connect 300)"
    assert "no error was recorded" in cases[2].result[0].message


def test_a_run_that_is_not_valid_measured_no_model() -> None:
    late = a_validity_check(name="send_lateness", ok=False, effect="invalid", message="sent 900 ms late")
    (case,) = cases_of(a_run(validity=a_validity(late)))
    assert result_of(case) == "Error"
    assert case.result[0].message == "Measurement not valid: sent 900 ms late."


def test_a_run_without_models_is_skipped_where_both_versions_are_the_same_and_else_an_error() -> None:
    equal = COMPARISON.model_copy(update={"equal": True})
    assert [result_of(case) for case in cases_of(a_run(providers=(), comparison=equal))] == ["Skipped"]
    assert [result_of(case) for case in cases_of(a_run(providers=()))] == ["Error"]
