"""What an arm sends that is secret, and that a server may quote. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from lens_gate.load.arms.plan import ArmPlan
from lens_gate.providers.base import Endpoint
from lens_gate.vocabulary.secrets import in_address, names_a_secret


def secrets_of(plan: ArmPlan) -> Iterator[str]:
    """Yield what is secret in all that an arm sends, but for what only its place in the configuration tells.

    These are keys, the password of a key, headers that are named like a secret, and what stands in addresses.
    """
    for series in plan.series:
        yield from _of_endpoint(series.endpoint)
        if series.generic is not None:
            yield from in_address(series.generic.path)
    for prompt in chain(plan.prompts, *(plan.asked or {}).values()):
        yield from _of_headers(prompt.headers)


def _of_endpoint(endpoint: Endpoint) -> Iterator[str]:
    password = endpoint.tls.client_key_password if endpoint.tls else None
    yield from (secret.get_secret_value() for secret in (endpoint.api_key, password) if secret is not None)
    yield from _of_headers(endpoint.headers)
    yield from in_address(endpoint.base_url)


def _of_headers(headers: Mapping[str, str]) -> Iterator[str]:
    yield from (value for name, value in headers.items() if names_a_secret(name))
