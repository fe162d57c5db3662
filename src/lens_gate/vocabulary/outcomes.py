"""Verdicts and the exit codes they mean: the contract with every pipeline that calls lens-gate."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class Outcome(StrEnum):
    """What a gate may say. An unknown never becomes a pass."""

    PASS = "pass"
    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"
    NOTHING_TO_COMPARE = "nothing_to_compare"
    NO_BASELINE = "no_baseline"
    NOT_MEASURED = "not_measured"


class Severity(StrEnum):
    """How much a breached quality gate or budget weighs; only `error` fails the gate."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Cover(StrEnum):
    """Rare events that a pass may be asked to cover: they take many pairs."""

    TAILS = "tails"
    ERRORS = "errors"


class Remedy(StrEnum):
    """What would answer a question that a pass says nothing of."""

    PAIRS = "pairs"
    BOTH_AT_ONCE = "both_at_once"
    STREAMS = "streams"
    LONGER_ANSWERS = "longer_answers"
    PRICES = "prices"
    TOKEN_COUNTS = "token_counts"
    CACHE_COUNTS = "cache_counts"
    NO_NONCE = "no_nonce"
    MENDING = "mending"


class Decision(StrEnum):
    """Which rules judge: the calibrated ones, or the literal methods of other tools."""

    CALIBRATED = "calibrated"
    CLASSIC = "classic"


class Ending(StrEnum):
    """Why a run stopped sending."""

    COMPLETE = "complete"
    DECIDED = "decided"
    COST_CAP = "cost_cap"
    TIME_CAP = "time_cap"
    AUTHENTICATION = "authentication"
    UNREACHABLE = "unreachable"
    ERROR_RATE = "error_rate"
    INTERRUPTED = "interrupted"


class ExitCode(IntEnum):
    """The process exit codes, as documented in docs/exit-codes.md."""

    OK = 0
    GATE_FAILED = 1
    USAGE = 2
    COULD_NOT_MEASURE = 3
    INCONCLUSIVE = 4
    NO_BASELINE = 5
    CAP_REACHED = 6
    PUBLISH_FAILED = 7
    DEFECT = 70
    INTERRUPTED = 130


PRECEDENCE: tuple[ExitCode, ...] = (
    ExitCode.DEFECT,
    ExitCode.INTERRUPTED,
    ExitCode.USAGE,
    ExitCode.GATE_FAILED,
    ExitCode.COULD_NOT_MEASURE,
    ExitCode.CAP_REACHED,
    ExitCode.NO_BASELINE,
    ExitCode.INCONCLUSIVE,
    ExitCode.PUBLISH_FAILED,
    ExitCode.OK,
)
"""Most important first: a regression on valid series stands although another provider failed."""


def most_important(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the code that wins when several things happened; OK for none."""
    return min(codes, key=PRECEDENCE.index, default=ExitCode.OK)
