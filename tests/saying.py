"""What a finding or a check says in its report, with plain blanks."""

from __future__ import annotations

from lens_gate.artifacts.analysis import Coverage, Finding
from lens_gate.artifacts.trend import TrendFinding
from lens_gate.artifacts.verdict import Check
from lens_gate.reports.reasons import message_of, reason_of, told


def said(one: Finding | TrendFinding | Check) -> str:
    """Return the sentences of a finding or a check."""
    text = message_of(one) if isinstance(one, Check) else reason_of(one)
    return text.replace("\u00a0", " ")


def left_open(coverage: Coverage) -> str:
    """Return what is said of all that a series does not cover."""
    told_of = (f"{text}: {told(by.because)}" for text, by in coverage.gaps if by is not None)
    return " ".join(told_of).replace("\u00a0", " ")
