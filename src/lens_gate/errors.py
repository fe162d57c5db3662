"""Every error that lens-gate raises on purpose, and the exit code that each one means.

LensGateError
├── UsageProblem ............... 2   the command line asks for something impossible
├── ConfigProblem .............. 2   the configuration is wrong; names file, line and next step
│   ├── MissingVariable ........ 2   a ${VAR} that is needed now is not set
│   └── NoSuchSecret ........... 2   the secret manager has nothing under this path or field
├── ArtifactProblem ............ 2   an artifact cannot be read
│   ├── ArtifactCorrupt ........ 2   empty, truncated or foreign bytes
│   └── ArtifactTooNew ......... 2   written by a newer lens-gate
├── SecurityRefusal ............ 2   the request would send a secret where it must not go
├── NotAvailableYet ............ 2   a later mode of the product
├── CouldNotMeasure ............ 3   endpoint, authentication, quota, target
│   ├── AuthenticationRefused .. 3   the endpoint refused the key; the run stopped early
│   ├── TargetNotReady ......... 3   a `target` never answered on its ready_url
│   └── SecretNotFetched ....... 3   a secret manager refused, or cannot be reached
├── NoBaseline ................. 5   no usable baseline, or one of another model
├── CapReached ................. 6   a cost or time cap ended the run before an answer
└── PublishFailed .............. 7   a store, report or notification could not be written, or a store not be read
    ├── ConditionFailed ........ 7   somebody else wrote the key in between; the writer may read again and retry
    ├── ConditionsIgnored ...... 7   the store takes every write, whatever its condition
    └── StoreProblem ........... 7   what a store holds cannot be used: damaged, or of another version of lens-gate
        ├── StoreDamaged ....... 7   what a store holds is damaged: the run itself can replace it
        └── NotStored .......... 7   the store has nothing under this key

Anything else that escapes is a defect of lens-gate and exits with 70, never with 1: a crash must not look like a
verdict.
"""

from __future__ import annotations

from typing import ClassVar


class LensGateError(Exception):
    """A failure with a message for the user: what happened, and what to do next.

    `place` names where (a file with its line, a URL, a flag); `hint` is the next step.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, place: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        """Render as `place: message. hint`, the form every log and terminal shows."""
        text = f"{self.place}: {self.message}" if self.place else self.message
        return f"{text}\n  {self.hint}" if self.hint else text


class UsageProblem(LensGateError):
    """The command line asks for something impossible."""

    exit_code = 2


class ConfigProblem(LensGateError):
    """The configuration is wrong."""

    exit_code = 2
    parts: tuple[ConfigProblem, ...] = ()
    """The problems, where it tells several."""


class MissingVariable(ConfigProblem):
    """An environment variable that a used part of the configuration names is not set."""


class NoSuchSecret(ConfigProblem):
    """The secret manager has no secret, or no field, of the name that the configuration gives."""


class ArtifactProblem(LensGateError):
    """An artifact cannot be used."""

    exit_code = 2


class ArtifactCorrupt(ArtifactProblem):
    """The bytes are empty, truncated, or not an artifact."""


class ArtifactTooNew(ArtifactProblem):
    """The artifact was written by a newer lens-gate."""


class SecurityRefusal(LensGateError):
    """The request would send a secret to a place that the trusted configuration does not name."""

    exit_code = 2


class NotAvailableYet(LensGateError):
    """A part of a later mode of the product."""

    exit_code = 2


class CouldNotMeasure(LensGateError):
    """The endpoint, the authentication, the quota or the target stood in the way."""

    exit_code = 3


class AuthenticationRefused(CouldNotMeasure):
    """The endpoint refused the key, so the run stopped before spending more."""


class TargetNotReady(CouldNotMeasure):
    """A target process ended, or never answered on its ready_url."""


class SecretNotFetched(CouldNotMeasure):
    """A secret manager does not know us, denies a secret, or cannot be reached."""


class NoBaseline(LensGateError):
    """There is no baseline that may be compared with this run."""

    exit_code = 5


class CapReached(LensGateError):
    """A cost or time cap ended the run before an answer."""

    exit_code = 6


class PublishFailed(LensGateError):
    """A file, store, report or notification could not be written, or a store not be read."""

    exit_code = 7


class ConditionFailed(PublishFailed):
    """A conditional write found other bytes than it was told to replace: somebody else was faster."""


class ConditionsIgnored(PublishFailed):
    """The store takes every write, whatever its condition, so that it cannot keep baselines."""


class StoreProblem(PublishFailed):
    """What a store holds cannot be used: it is damaged, or was written by another version of lens-gate.

    A file that somebody named is an ArtifactProblem: they can name another one.
    """


class StoreDamaged(StoreProblem):
    """What a store holds is damaged: truncated, or not what lens-gate wrote there."""


class NotStored(StoreProblem):
    """The store has nothing under this key."""
