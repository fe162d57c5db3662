"""What a run is told on the command line, and how that changes the configuration (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lens_gate.config.guards import Privacy
from lens_gate.config.model import Config, Model, Provider, Regression
from lens_gate.config.resilience import Abort, Resilience
from lens_gate.config.workload import ClosedLoop, FixedRate, Replay, WorkloadType
from lens_gate.errors import UsageProblem
from lens_gate.vocabulary.outcomes import Cover
from lens_gate.vocabulary.transports import KernelStamping, TransportKind

AgainstKind = Literal["ref", "config", "model", "endpoint", "self"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """The other arm: how it is named, and its name."""

    kind: AgainstKind
    value: str


ITSELF = Against(kind="self", value="itself")
"""The same configuration once more, on purpose: what two arms differ by that do not differ is noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Options that win over the configuration file; None leaves it as it is."""

    provider: str | None = None
    model: str | None = None
    endpoint: str | None = None
    duration_s: float | None = None
    warmup_s: float | None = None
    requests: int | None = None
    rps: float | None = None
    concurrency: int | None = None
    seed: int | None = None
    max_cost_usd: float | None = None
    save_bodies: bool = field(default=False, repr=False)
    abort_error_rate: float | None = None
    replay: Replay | None = None
    transport: TransportKind | None = None
    slo: str | None = None
    kernel_timestamps: KernelStamping | None = None
    defer_decoding: bool | None = None
    processes: int | None = None
    cover: tuple[Cover, ...] | None = field(default=None, repr=False)
    time_cap_s: float | None = field(default=None, repr=False)

    @property
    def options(self) -> Mapping[str, str]:
        """The options that were given, by the keys of the configuration that they stand for."""
        given = {name: getattr(self, name) for name in _OPTIONS}
        return {_OPTIONS[name][0]: _OPTIONS[name][1] for name, one in given.items() if one is not None}

    def text(self) -> str:
        """Return a canonical form, which enters the hash of the configuration."""
        return repr(self)


_OPTIONS: Mapping[str, tuple[str, str]] = {
    "duration_s": ("profiler.duration", "--duration"),
    "warmup_s": ("profiler.warmup", "--warmup"),
    "requests": ("profiler.requests", "--requests"),
    "rps": ("workload.type", "--rps"),
    "concurrency": ("workload.type", "--concurrency"),
    "seed": ("profiler.seed", "--seed"),
    "max_cost_usd": ("profiler.max_cost_usd", "--max-cost"),
    "abort_error_rate": ("resilience.abort.error_rate", "--abort-error-rate"),
    "transport": ("profiler.transport", "--transport"),
    "slo": ("metrics.slo", "--slo"),
    "kernel_timestamps": ("profiler.kernel_timestamps", "--kernel-timestamps"),
    "defer_decoding": ("profiler.defer_decoding", "--defer-decoding"),
    "processes": ("profiler.processes", "--processes"),
    "time_cap_s": ("resilience.timeouts.run", "--time-cap"),
}
"""By override: the key that it wins over, and the option."""


def overridden(config: Config, overrides: Overrides) -> Config:
    """Return the configuration as the command line wants it."""
    profiler = {
        "duration": overrides.duration_s,
        "warmup": overrides.warmup_s,
        "requests": overrides.requests,
        "seed": overrides.seed,
        "max_cost_usd": overrides.max_cost_usd,
        "transport": overrides.transport,
        "kernel_timestamps": overrides.kernel_timestamps,
        "defer_decoding": overrides.defer_decoding,
        "processes": overrides.processes,
    }
    given: dict[str, float | str | None] = {name: value for name, value in profiler.items() if value is not None}
    if overrides.requests is not None and overrides.duration_s is None:
        given["duration"] = None
    return config.model_copy(
        update={
            "profiler": config.profiler.model_copy(update=given),
            "resilience": _resilience(config.resilience, overrides),
            "metrics": config.metrics.model_copy(update={} if overrides.slo is None else {"slo": overrides.slo}),
            "workload": config.workload.model_copy(update=_arrival(overrides)),
            "providers": _providers(config.providers, overrides),
            "privacy": _privacy(config.privacy, overrides),
            "regression": _regression(config.regression, overrides),
        }
    )


def _privacy(privacy: Privacy | None, overrides: Overrides) -> Privacy | None:
    return (privacy or Privacy()).model_copy(update={"save_bodies": True}) if overrides.save_bodies else privacy


def _regression(regression: Regression, overrides: Overrides) -> Regression:
    return regression if overrides.cover is None else regression.model_copy(update={"cover": overrides.cover})


def _resilience(resilience: Resilience, overrides: Overrides) -> Resilience:
    if overrides.time_cap_s == 0:
        raise UsageProblem("--time-cap 0s leaves no time to send anything", hint="Give a time, such as 10m.")
    if overrides.time_cap_s is not None:
        timeouts = resilience.timeouts.model_copy(update={"run": overrides.time_cap_s})
        resilience = resilience.model_copy(update={"timeouts": timeouts})
    if overrides.abort_error_rate is None:
        return resilience
    given = {"error_rate": overrides.abort_error_rate}
    abort = Abort.model_validate(given) if resilience.abort is None else resilience.abort.model_copy(update=given)
    return resilience.model_copy(update={"abort": abort})


def _arrival(overrides: Overrides) -> dict[str, object]:
    if overrides.rps is not None and overrides.concurrency is not None:
        raise UsageProblem(
            "--rps and --concurrency contradict each other",
            hint="Give --rps for an open loop (the default) or --concurrency for a closed one.",
        )
    if overrides.replay is not None:
        return {"type": WorkloadType.REPLAY, "replay": overrides.replay, "stages": ()}
    if overrides.rps is not None:
        return {"type": WorkloadType.FIXED, "fixed": FixedRate(requests_per_second=overrides.rps), "stages": ()}
    if overrides.concurrency is not None:
        return {"type": WorkloadType.CLOSED, "closed": ClosedLoop(concurrency=overrides.concurrency), "stages": ()}
    return {}


def _providers(providers: tuple[Provider, ...], overrides: Overrides) -> tuple[Provider, ...]:
    chosen = [p for p in providers if p.enabled and overrides.provider in (None, p.name)]
    if not chosen and overrides.provider is not None:
        known = ", ".join(p.name for p in providers) or "none"
        raise UsageProblem(
            f"no enabled provider is named {overrides.provider!r}", hint=f"The configuration has: {known}."
        )
    if overrides.endpoint is not None:
        only = one_provider(chosen, "--endpoint")
        chosen = [only.model_copy(update={"endpoint": overrides.endpoint})]
    if overrides.model is not None:
        chosen = with_model(chosen, overrides.model)
    return tuple(chosen)


def one_provider(providers: Sequence[Provider], option: str) -> Provider:
    """Return the only provider, or say that one has to be chosen."""
    if len(providers) != 1:
        names = ", ".join(p.name for p in providers) or "none"
        raise UsageProblem(f"{option} needs exactly one provider, and there are: {names}", hint="Add --provider.")
    return providers[0]


def with_model(providers: Sequence[Provider], name: str) -> list[Provider]:
    """Keep only the model `name` (or `provider/name`); one that is not configured joins the only provider."""
    if found := _having(providers, name):
        return found
    only = one_provider(providers, f"--model {name}, which is not in the configuration,")
    return [only.model_copy(update={"models": (_like(only.models[0], name),)})]


def providers_of(config: Config, name: str) -> tuple[str, ...]:
    """Return the names of the providers in use that have the model `name` (or `provider/name`)."""
    return tuple(p.name for p in _having(config.providers, name))


def _having(providers: Sequence[Provider], name: str) -> list[Provider]:
    """Return the enabled providers that have this model, each with nothing but it."""
    return [
        p.model_copy(update={"models": (m,)})
        for p in providers
        for m in p.models
        if p.enabled and name in (m.id, f"{p.name}/{m.id}")
    ]


def _like(model: Model, name: str) -> Model:
    """Return a model of another name with the same parameters; a configured price does not carry over."""
    return model.model_copy(update={"id": name, "input_usd_per_million": None, "output_usd_per_million": None})


def base_by_model(candidate: Config, everything: Config, name: str) -> Config:
    """Return the base configuration for `--against-model name`: the candidate's with another model.

    The candidate must have exactly one model. Parameters of the other are its own where it is configured, else the
    candidate's; the candidate's own provider keeps what the command line made of it.
    """
    models = [m for p in candidate.providers for m in p.models]
    if len(models) != 1:
        names = ", ".join(m.id for m in models) or "none"
        raise UsageProblem(
            f"--against-model needs exactly one candidate model, and there are: {names}", hint="Add --model."
        )
    mine = candidate.providers[0]
    found = _having(everything.providers, name)
    if len(found) > 1:
        names = " or ".join(f"--against-model {p.name}/{p.models[0].id}" for p in found)
        raise UsageProblem(f"more than one provider has the model {name}", hint=f"Write {names}.")
    other = [mine.model_copy(update={"models": p.models}) if p.name == mine.name else p for p in found]
    return candidate.model_copy(update={"providers": tuple(other or with_model([mine], name))})


def base_by_endpoint(candidate: Config, endpoint: str) -> Config:
    """Return the base configuration for `--against-endpoint`: the same provider at an address, without a target."""
    only = one_provider(candidate.providers, "--against-endpoint")
    there = only.model_copy(update={"endpoint": endpoint})
    return candidate.model_copy(update={"providers": (there,), "target": None})


def without_model(config: Config, name: str) -> Config:
    """Leave out the model that is the other arm, so that it is not compared with itself."""
    providers = tuple(
        p.model_copy(update={"models": rest})
        for p in config.providers
        if (rest := tuple(m for m in p.models if name not in (m.id, f"{p.name}/{m.id}")))
    )
    return config.model_copy(update={"providers": providers}) if providers else config
