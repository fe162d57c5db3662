"""What an arm would send, as data and as a hash: equal arms are found before a single request is paid.

No secret enters: of a header that carries a credential only the name counts, and the key itself never does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from math import isfinite
from urllib.parse import urlsplit, urlunsplit

from pydantic import JsonValue

from lens_gate.load.arms.pairing import paired_prompts, paired_series, uncovered
from lens_gate.load.arms.plan import ArmPlan, PromptPlan, SeriesPlan
from lens_gate.load.arms.prompts import canonical
from lens_gate.load.arms.spread import Length
from lens_gate.providers.base import Endpoint
from lens_gate.vocabulary.secrets import names_a_secret

__all__ = ["requests_hash", "same_requests", "uncovered"]


def requests_hash(
    series: Sequence[SeriesPlan], prompts: Sequence[PromptPlan], *, shaping: Mapping[str, JsonValue] | None = None
) -> str:
    """Return the sha256 (hex) over all that is sent to each series with each prompt, in whatever order they stand.

    How often each prompt is sent counts too: another mix is another workload. `shaping` is what a run does to all
    requests alike, where it does something.
    """
    everything = sum(prompt.weight for prompt in prompts)
    sent = {
        "series": sorted((_series(one) for one in series), key=canonical),
        "prompts": [
            {**_prompt(one), "share": round(one.weight / everything, 9)}
            for one in sorted(prompts, key=lambda one: one.id)
        ],
        **({"shaping": dict(shaping)} if shaping else {}),
    }
    return hashlib.sha256(canonical(sent)).hexdigest()


def same_requests(a: ArmPlan, b: ArmPlan) -> bool:
    """Say whether every pair of the two arms would send the same to the same thing: nothing to compare.

    What only one arm has forms no pairs and does not make them differ; `uncovered` lists it. Weights do not either,
    because both arms are sent the prompts that are drawn once.
    """
    return (
        a.target == b.target
        and all(_series(pair.candidate) == _series(pair.base) for pair in paired_series(a, b))
        and all(_content(pair.candidate) == _content(pair.base) for pair in paired_prompts(a, b))
    )


def _series(series: SeriesPlan) -> dict[str, JsonValue]:
    generic = series.generic
    return {
        "endpoint": "target" if series.through_target else _without_credentials(series.endpoint),
        "api": series.api.value,
        "generic": None if generic is None else [generic.method, generic.path, generic.body],
        "model": series.model,
        "max_tokens": series.max_tokens,
        "temperature": series.temperature,
        "system": series.system,
        "params": dict(series.params),
        "headers": _headers(series.endpoint.headers),
        **_server_name(series.endpoint),
        **({"http2": True} if series.endpoint.http2 else {}),
    }


def _server_name(endpoint: Endpoint) -> dict[str, JsonValue]:
    """Return the name that chooses among the servers of one address; certificates are credentials, and do not count."""
    name = endpoint.tls.server_name if endpoint.tls else None
    return {} if name is None else {"server_name": name}


def _content(prompt: PromptPlan) -> dict[str, JsonValue]:
    return {
        "messages": [[role, content] for role, content in prompt.messages],
        "system": prompt.system,
        "tools": list(prompt.tools),
        "params": dict(prompt.params),
        "headers": _headers(prompt.headers),
        **({} if prompt.max_tokens is None else {"max_tokens": _length(prompt.max_tokens)}),
        **({"turns": list(prompt.turns)} if prompt.turns else {}),
        **({} if prompt.think is None else {"think": _length(prompt.think)}),
    }


def _length(length: Length) -> JsonValue:
    """Return a length as data; an infinite bound is no JSON."""
    if isinstance(length, int):
        return length
    bounds: list[JsonValue] = [length.low, length.high if isfinite(length.high) else None]
    return [length.shape, length.mean, length.stddev, *bounds]


def _prompt(prompt: PromptPlan) -> dict[str, JsonValue]:
    return {
        "id": prompt.id,
        **_content(prompt),
        "variables": {name: list(values) for name, values in prompt.variables.items()},
        "generators": {name: [kind, _length(words)] for name, (kind, words) in prompt.generators.items()},
    }


def _headers(headers: Mapping[str, str]) -> dict[str, JsonValue]:
    return {name.lower(): None if names_a_secret(name) else value for name, value in headers.items()}


def _without_credentials(endpoint: Endpoint) -> str:
    parts = urlsplit(endpoint.base_url)
    query = "&".join(item for item in parts.query.split("&") if not names_a_secret(item.partition("=")[0]))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), query, ""))
