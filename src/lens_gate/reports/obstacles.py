"""What stood in the way of a measurement, what helps, and the command that looks closer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lens_gate.artifacts.analysis import Analysis
from lens_gate.reports.escape import plain, shell_command
from lens_gate.reports.onward import own_options
from lens_gate.reports.words import sentence
from lens_gate.vocabulary.outcomes import Ending

NO_SUCCESS = "no request succeeded"

_REMEDIES: Mapping[Ending, str] = {
    Ending.AUTHENTICATION: "See that the key is set, is valid, and may use this model.",
    Ending.UNREACHABLE: "See that the address is right, and that the server is up.",
    Ending.ERROR_RATE: "See what the errors say, and mend that first.",
}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What was in the way (without a full stop), what helps as a sentence (or nothing), and a command to copy."""

    trouble: str
    remedy: str
    command: str


def obstacle(analysis: Analysis, reason: str | None) -> Obstacle:
    """Return what kept a run from being judged; `reason` is that of the worst check, where there is one."""
    if analysis.ending in _REMEDIES:
        told = plain(analysis.ending_message or reason or NO_SUCCESS)
        return Obstacle(told.rstrip("."), _REMEDIES[analysis.ending], _command(analysis))
    broken = (check for check in analysis.validity.checks if not check.ok and check.effect == "invalid")
    told = next((plain(check.message) for check in broken), reason or NO_SUCCESS)
    # A check of the instrument says behind its last semicolon what helps.
    trouble, _, remedy = told.rstrip(".").rpartition("; ")
    return Obstacle(trouble or remedy, sentence(remedy) if trouble else "", _command(analysis))


def _command(analysis: Analysis) -> str:
    """Return what looks closer: at the configuration where a key was refused, else at endpoint and instrument."""
    look = ("validate", "--strict-env") if analysis.ending is Ending.AUTHENTICATION else ("doctor",)
    return shell_command("lens-gate", *look, *own_options(analysis.arms))
