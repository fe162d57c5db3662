from __future__ import annotations

from dataclasses import replace

from lens_gate.artifacts.samples import Sample
from lens_gate.load.limits.watch import Watch
from lens_gate.load.record.recorder import unsent
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Arm, ErrorClass, Phase, Status
from tests.fakes.transport import a_request, a_series


def ended(error: ErrorClass, series: str = "line/one", *, arm: Arm = Arm.CANDIDATE, http: int | None = None) -> Sample:
    sample = unsent(a_request(series=a_series(series), arm=arm), intended_ns=0, phase=Phase.MEASURE)
    status = Status.OK if error is ErrorClass.NONE else Status.FAILED
    return replace(sample, status=status, error_class=error, http_status=http)


OK = ended(ErrorClass.NONE, http=200)
REFUSED = ended(ErrorClass.AUTHENTICATION, http=401)
UNREACHABLE = ended(ErrorClass.CONNECT)


def after(*samples: Sample, series: tuple[str, ...] = ("line/one",), patience: int = 3) -> Watch:
    watch = Watch(frozenset(series), patience)
    for sample in samples:
        watch.ended(sample)
    return watch


def test_a_key_that_is_refused_at_the_first_answer_ends_the_run() -> None:
    assert after(REFUSED).verdict() is Ending.AUTHENTICATION


def test_one_refusal_after_an_answer_is_an_error_like_any_other() -> None:
    assert after(OK, REFUSED, OK, REFUSED, REFUSED).verdict() is None


def test_a_key_that_expires_ends_the_run_after_some_refusals_in_a_row() -> None:
    assert after(OK, REFUSED, REFUSED, REFUSED).verdict() is Ending.AUTHENTICATION


def test_a_key_refused_in_one_arm_ends_the_run_although_the_other_is_answered() -> None:
    assert after(OK, ended(ErrorClass.AUTHENTICATION, arm=Arm.BASE, http=403)).verdict() is Ending.AUTHENTICATION


def test_an_endpoint_is_unreachable_after_some_failed_connections() -> None:
    assert after(UNREACHABLE, UNREACHABLE).verdict() is None
    assert after(UNREACHABLE, ended(ErrorClass.TLS), ended(ErrorClass.CONNECT_TIMEOUT)).verdict() is Ending.UNREACHABLE


def test_an_address_without_such_a_path_or_model_is_given_up_after_some_answers() -> None:
    absent = ended(ErrorClass.NOT_FOUND, http=404)
    assert after(absent, absent).verdict() is None
    assert after(absent, absent, absent).verdict() is Ending.UNREACHABLE
    assert after(OK, *[absent] * 9).verdict() is None


def test_an_endpoint_that_has_answered_before_is_not_unreachable() -> None:
    assert after(ended(ErrorClass.API_ERROR, http=500), *[UNREACHABLE] * 9).verdict() is None


def test_a_request_that_broke_without_an_answer_proves_nothing() -> None:
    assert after(ended(ErrorClass.RESET), UNREACHABLE, UNREACHABLE, UNREACHABLE).verdict() is Ending.UNREACHABLE


def test_a_shed_request_is_no_answer() -> None:
    shed = replace(REFUSED, status=Status.SHED)
    assert after(shed).given_up == {}


def test_one_series_is_given_up_and_the_others_go_on() -> None:
    watch = after(REFUSED, ended(ErrorClass.NONE, "line/two", http=200), series=("line/one", "line/two"))
    assert watch.given_up == {"line/one": Ending.AUTHENTICATION}
    assert watch.verdict() is None


def test_a_series_that_was_not_asked_yet_keeps_the_run_going() -> None:
    assert after(REFUSED, REFUSED, series=("line/one", "line/two")).verdict() is None


def test_the_run_ends_when_all_series_are_given_up() -> None:
    other = ended(ErrorClass.CONNECT, "line/two")
    watch = after(REFUSED, other, other, other, series=("line/one", "line/two"))
    assert watch.verdict() is Ending.AUTHENTICATION
