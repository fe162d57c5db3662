"""All that must not be written or shown of a run, whatever it was called (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lens_gate.load.record.redaction import secrets_of
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.world import World
from lens_gate.vocabulary.secrets import in_address


def secrets_in(arms: Arms, world: World) -> frozenset[str]:
    """Return every secret that a run sends, reads or has fetched: see `secrets_of` and `confidential`."""
    sent = (secret for plan in (arms.candidate, arms.base) if plan is not None for secret in secrets_of(plan))
    read = (world.environment.get(name, "") for name in arms.confidential)
    known = (*sent, *read, *world.keyring.known, *_of_proxies(world.environment))
    return frozenset(secret for secret in known if secret)


def _of_proxies(environment: Mapping[str, str]) -> Iterator[str]:
    for name, address in environment.items():
        if name.lower().endswith("_proxy"):
            yield from in_address(address)
