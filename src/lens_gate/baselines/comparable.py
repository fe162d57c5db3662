"""Whether a stored run may be compared with another one; each difference is a sentence of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lens_gate.vocabulary.index import IndexEntry, RunRow
from lens_gate.vocabulary.stored_runs import MOST_CACHE_DIFFERENCE, Aspect


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is known of a run that is to be compared; None, or a series that is absent, is unknown, and no difference.

    `series` are its models as `provider/model`, `returned` and `cached` (percent) are by series, `platform` is the kind
    of machine that measured.
    """

    series: frozenset[str]
    returned: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cached: Mapping[str, float] = field(default_factory=dict)
    endpoints: frozenset[str] | None = None
    region: str | None = None
    platform: str | None = None
    sent: str | None = None
    config_hash: str | None = None

    @classmethod
    def of(cls, entry: IndexEntry, row: RunRow) -> Subject:
        """Take it from what a store keeps of a run."""
        named = {f"{one.provider}/{one.model}": one for one in row.series}
        return cls(
            series=frozenset(named),
            returned={name: one.returned for name, one in named.items() if one.returned},
            cached={name: one.cached_percent for name, one in named.items() if one.counted_by_server},
            endpoints=frozenset(row.endpoints) or None,
            region=row.region,
            platform=row.platform or None,
            sent=row.sent,
            config_hash=entry.config_hash,
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """In what two runs differ, and the sentence for people."""

    aspect: Aspect
    sentence: str


class _Check(Protocol):
    def __call__(self, then: Subject, now: Subject) -> str | None: ...


def differences(then: Subject, now: Subject) -> tuple[Difference, ...]:
    """Return everything in which a stored run (`then`) differs from the run that is judged."""
    said = ((aspect, check(then, now)) for aspect, check in _CHECKS.items())
    return tuple(Difference(aspect, sentence) for aspect, sentence in said if sentence is not None)


def schema_difference(entry: IndexEntry, newest: int) -> Difference | None:
    """Return the difference of a run whose format is newer than what is understood here; None where it is not."""
    if entry.schema_version <= newest:
        return None
    return Difference(
        Aspect.SCHEMA,
        f"It was written in version {entry.schema_version} of the format, and this lens-gate reads up to {newest}.",
    )


def _models(then: Subject, now: Subject) -> str | None:
    if then.series & now.series:
        return None
    return f"It measured {_listed(then.series)}, and this run {_listed(now.series)}."


def _returned(then: Subject, now: Subject) -> str | None:
    both = sorted(then.returned.keys() & now.returned.keys())
    other = [name for name in both if not set(then.returned[name]) & set(now.returned[name])]
    if not other:
        return None
    name = other[0]
    return f"{name} was answered by {_listed(then.returned[name])} then, and by {_listed(now.returned[name])} now."


def _endpoints(then: Subject, now: Subject) -> str | None:
    if then.endpoints is None or now.endpoints is None or then.endpoints == now.endpoints:
        return None
    return f"It asked {_listed(then.endpoints)}, and this run {_listed(now.endpoints)}."


def _region(then: Subject, now: Subject) -> str | None:
    if then.region is None or now.region is None or then.region == now.region:
        return None
    return f"It was measured from the region {then.region}, and this run from {now.region}."


def _runner(then: Subject, now: Subject) -> str | None:
    if then.platform is None or now.platform is None or then.platform == now.platform:
        return None
    return f"It was measured on {then.platform}, and this run on {now.platform}."


def _prompts(then: Subject, now: Subject) -> str | None:
    if then.sent is None or now.sent is None or then.sent == now.sent:
        return None
    return "It sent other requests: prompts, parameters, models or address differ."


def _config(then: Subject, now: Subject) -> str | None:
    if then.config_hash is None or now.config_hash is None or then.config_hash == now.config_hash:
        return None
    return "It was made with another configuration."


def _cache(then: Subject, now: Subject) -> str | None:
    both = sorted(then.cached.keys() & now.cached.keys())
    apart = [name for name in both if abs(then.cached[name] - now.cached[name]) > MOST_CACHE_DIFFERENCE]
    if not apart:
        return None
    name = apart[0]
    return (
        f"The server read {then.cached[name]:.0f} % of the input of {name} from its cache then, "
        f"and {now.cached[name]:.0f} % now."
    )


_CHECKS: Mapping[Aspect, _Check] = {
    Aspect.MODEL: _models,
    Aspect.RETURNED_MODEL: _returned,
    Aspect.ENDPOINT: _endpoints,
    Aspect.REGION: _region,
    Aspect.RUNNER: _runner,
    Aspect.PROMPTS: _prompts,
    Aspect.CONFIG: _config,
    Aspect.CACHE: _cache,
}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
