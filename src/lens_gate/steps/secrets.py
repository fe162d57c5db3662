"""All that must not be written or shown of a run, whatever it was called (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lens_gate.load.record.redaction import secrets_of
from lens_gate.steps.arms import Arms
from lens_gate.vocabulary.secrets import in_address


def secrets_in(arms: Arms, environment: Mapping[str, str]) -> frozenset[str]:
    """Return every secret that a run sends or reads: see `secrets_of` and `confidential`."""
    sent = (secret for plan in (arms.candidate, arms.base) if plan is not None for secret in secrets_of(plan))
    read = (environment.get(name, "") for name in arms.confidential)
    return frozenset(secret for secret in (*sent, *read, *_of_proxies(environment)) if secret)


def _of_proxies(environment: Mapping[str, str]) -> Iterator[str]:
    for name, address in environment.items():
        if name.lower().endswith("_proxy"):
            yield from in_address(address)
