"""Which series can be measured at all: the decision to stop a run early, apart from the sending. Pure."""

from __future__ import annotations

from collections import Counter

from lens_gate.artifacts.samples import Sample
from lens_gate.load.arms.plan import PlannedRequest
from lens_gate.load.limits.error_rate import AbortRule, ErrorRates
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Arm, ErrorClass, Status

_UNREACHABLE = frozenset({ErrorClass.CONNECT, ErrorClass.CONNECT_TIMEOUT, ErrorClass.TLS, ErrorClass.NOT_FOUND})

Lane = tuple[Arm, str]


class Watch:
    """Gives up a series in both arms as soon as either arm of it cannot be measured.

    A refused key (401, 403) gives it up at the first answer of an arm, and after `patience` refusals in a row later on,
    for a key that expired. So does an endpoint to which the first `patience` connections of an arm failed, or that
    answered as often that it has no such path or model (404), and, with an `abort` rule, a share of errors that the
    rule calls too much. A series that is given up is sent no further request; the run ends when all its `series` have
    been given up, also those that were not asked yet; where none are named, with the first. `words` says why, where the
    last error does not.
    """

    def __init__(self, series: frozenset[str], patience: int, abort: AbortRule | None = None) -> None:
        self._series = series
        self._patience = patience
        self._error_rates = ErrorRates(abort)
        self._answered: set[Lane] = set()
        self._in_a_row: Counter[tuple[Lane, Ending]] = Counter()
        self.given_up: dict[str, Ending] = {}
        self.words: dict[str, str] = {}

    def answered(self, planned: PlannedRequest) -> None:
        """Take note of an answer with a status of success, which is decoded later."""
        self._answered.add((planned.arm, planned.series.series))

    def ended(self, sample: Sample) -> None:
        """Take note of how a request ended."""
        if sample.status is Status.SHED:
            return
        lane = (sample.arm, sample.series)
        trouble = _trouble(sample.error_class)
        if trouble is not None:
            self._in_a_row[lane, trouble] += 1
            if self._hopeless(lane, trouble):
                self.given_up.setdefault(sample.series, trouble)
        elif sample.http_status is not None:
            self._answered.add(lane)
            self._in_a_row[lane, Ending.AUTHENTICATION] = 0
        excess = self._error_rates.ended(sample)
        if excess is not None and sample.series not in self.given_up:
            self.given_up[sample.series] = Ending.ERROR_RATE
            self.words[sample.series] = str(excess)

    def _hopeless(self, lane: Lane, trouble: Ending) -> bool:
        fresh = lane not in self._answered
        enough = self._in_a_row[lane, trouble] >= self._patience
        return fresh or enough if trouble is Ending.AUTHENTICATION else fresh and enough

    def verdict(self) -> Ending | None:
        """Return why the run must end, None while some series may still be measured."""
        if not self.given_up or not self._series <= self.given_up.keys():
            return None
        return next(iter(self.given_up.values()))


def _trouble(error: ErrorClass) -> Ending | None:
    if error is ErrorClass.AUTHENTICATION:
        return Ending.AUTHENTICATION
    return Ending.UNREACHABLE if error in _UNREACHABLE else None
