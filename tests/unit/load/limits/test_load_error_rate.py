from __future__ import annotations

from dataclasses import replace

from lens_gate.artifacts.samples import Sample
from lens_gate.load.limits.error_rate import AbortRule, ErrorRates, Excess
from lens_gate.load.limits.watch import Watch
from lens_gate.load.record.recorder import unsent
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Arm, ErrorClass, Phase, Status
from tests.fakes.transport import a_request, a_series


def ended(error: ErrorClass = ErrorClass.NONE, *, arm: Arm = Arm.CANDIDATE, series: str = "line/one") -> Sample:
    status = Status.OK if error is ErrorClass.NONE else Status.FAILED
    sample = unsent(a_request(arm=arm, series=a_series(series)), intended_ns=0, phase=Phase.MEASURE)
    return replace(sample, error_class=error, status=status, http_status=500 if error is ErrorClass.API_ERROR else 200)


FAILED, GOOD = ended(ErrorClass.API_ERROR), ended()
HALF = AbortRule(percent=50, min_requests=4, window=6)


def said(rule: AbortRule | None, samples: list[Sample]) -> list[Excess | None]:
    rates = ErrorRates(rule)
    return [rates.ended(sample) for sample in samples]


def test_nothing_is_said_before_enough_have_ended() -> None:
    assert said(HALF, [FAILED] * 4) == [None, None, None, Excess(4, 4)]
    assert said(None, [FAILED] * 40) == [None] * 40


def test_only_the_last_requests_count() -> None:
    # After six good ones: of the last 6 fail 1, 2, and then 3, which is half.
    assert said(HALF, [GOOD] * 6 + [FAILED] * 3)[6:] == [None, None, Excess(3, 6)]


def test_throttled_requests_count_and_those_never_sent_or_cut_off_do_not() -> None:
    throttled = replace(ended(ErrorClass.RATE_LIMIT), status=Status.THROTTLED)
    assert said(HALF, [GOOD, throttled, GOOD, throttled])[-1] == Excess(2, 4)
    shed = [ended(ErrorClass.SHED), ended(ErrorClass.CAPPED), ended(ErrorClass.INTERRUPTED)] * 10
    assert said(HALF, shed) == [None] * 30


def test_arms_and_series_are_counted_apart() -> None:
    mixed = [FAILED, ended(arm=Arm.BASE), FAILED, ended(series="line/two"), FAILED, GOOD, GOOD]
    assert said(AbortRule(percent=75, min_requests=4, window=4), mixed) == [None] * 5 + [Excess(3, 4), None]


def test_a_series_that_fails_too_often_is_given_up_and_the_run_ends_with_the_last_one() -> None:
    watch = Watch(frozenset({"line/one", "line/two"}), 5, HALF)
    for _ in range(4):
        watch.ended(FAILED)
    assert watch.given_up == {"line/one": Ending.ERROR_RATE}
    assert watch.words == {"line/one": "4 of the last 4 requests failed"}
    assert watch.verdict() is None
    for _ in range(5):
        watch.ended(ended(ErrorClass.API_ERROR, series="line/two"))
    assert watch.verdict() is Ending.ERROR_RATE
