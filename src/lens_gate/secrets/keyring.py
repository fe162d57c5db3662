"""The secrets of one invocation: each is fetched once, when it is first needed, and lives in memory alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import SecretStr

from lens_gate.secrets.base import Fetch, Manager, Reference


def unfetched(_: Manager, references: Sequence[Reference]) -> Sequence[SecretStr]:
    """Stand in for secrets where nothing is sent: no manager is asked."""
    return [SecretStr("secret-that-was-not-fetched") for _ in references]


class Keyring:
    """Fetches by `fetch`; `noted` hears each secret, so that whoever prints can leave it out."""

    def __init__(self, fetch: Fetch, noted: Callable[[str], None] = lambda _: None) -> None:
        self._fetch = fetch
        self._noted = noted
        self._held: dict[tuple[Manager, Reference], SecretStr] = {}

    def get(self, manager: Manager, references: Sequence[Reference]) -> tuple[SecretStr, ...]:
        """Return secrets in the order of `references`.

        Raises NoSuchSecret, SecretNotFetched, and UsageProblem where a package is missing.
        """
        new = [one for one in dict.fromkeys(references) if (manager, one) not in self._held]
        if new:
            for reference, secret in zip(new, self._fetch(manager, new), strict=True):
                self._held[manager, reference] = secret
                self._noted(secret.get_secret_value())
        return tuple(self._held[manager, one] for one in references)

    @property
    def known(self) -> frozenset[str]:
        """All that was fetched so far, for whoever takes it out of a text."""
        return frozenset(secret.get_secret_value() for secret in self._held.values())
