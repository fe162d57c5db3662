"""What the simulator may be told: the behaviour of each model, and how the server stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from lens_gate.config.types import Share


class LoadWave(BaseModel):
    """A slow sine in all times of all models: exp(amplitude * sin), whose phase comes from the seed alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amplitude: NonNegativeFloat = 0.1
    period_s: PositiveFloat = 60.0


class PrefixCache(BaseModel):
    """A prompt cache by prefix: whole blocks that an earlier prompt to the same model began with are read.

    A prompt below `min_tokens` is never cached. A prompt cached for a share s gets its first token in
    1 - s * (1 - ttft_factor) of the time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_tokens: PositiveInt = 256
    block_tokens: PositiveInt = 64
    ttft_factor: Share = 0.4


class ModelBehaviour(BaseModel):
    """The distributions that one model's answers are drawn from.

    `ttft_ms` and `inter_token_ms` are medians of lognormals with the sigmas beside them; `output_tokens` is the mean of
    a lognormal, rounded and kept between its limits. With `prompt_sigma` a prompt has a length of its own, the same in
    every repetition. `opening_share` is how much of the time to the first token passes before head and opening frames
    leave. Rates are shares between 0 and 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ttft_ms: NonNegativeFloat = 40.0
    ttft_sigma: NonNegativeFloat = 0.25
    tail_probability: Share = 0.02
    tail_factor: PositiveFloat = 4.0
    inter_token_ms: NonNegativeFloat = 4.0
    inter_token_sigma: NonNegativeFloat = 0.3
    output_tokens: PositiveFloat = 24.0
    output_sigma: NonNegativeFloat = 0.25
    output_min: PositiveInt = 4
    output_max: PositiveInt = 4096
    prompt_sigma: NonNegativeFloat = 0.0
    tokens_per_frame: PositiveInt = 1
    reasoning_tokens: NonNegativeInt = 0
    opening_share: Share = 0.5
    load_wave: LoadWave | None = LoadWave()
    cache: PrefixCache | None = PrefixCache()
    error_rate: Share = 0.0
    throttle_rate: Share = 0.0


DEFAULT_MODEL = "sim-small"
"""The behaviour of every model whose name is not known."""

BASE_MODELS: Mapping[str, ModelBehaviour] = MappingProxyType(
    {
        DEFAULT_MODEL: ModelBehaviour(),
        "sim-large": ModelBehaviour(ttft_ms=120.0, inter_token_ms=8.0, output_tokens=60.0),
        "sim-thinker": ModelBehaviour(ttft_ms=60.0, reasoning_tokens=32),
        "sim-instant": ModelBehaviour(
            ttft_ms=0.0,
            ttft_sigma=0.0,
            tail_probability=0.0,
            inter_token_ms=0.0,
            inter_token_sigma=0.0,
            output_tokens=32.0,
            output_sigma=0.0,
            load_wave=None,
            cache=None,
        ),
    }
)
"""The models that every simulator has."""


class SimulatorSettings(BaseModel):
    """How one simulator stands: where it listens, whom it lets in, what its models do, and where it writes its log.

    `models` adds to BASE_MODELS or replaces them. No `api_keys` means that any key, or none, will do. `stall_s` is how
    long a stalled stream stays silent and how late slow headers are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    models: Mapping[str, ModelBehaviour] = Field(default_factory=dict)
    api_keys: frozenset[str] = Field(default=frozenset(), repr=False)
    rate_limit_rps: PositiveFloat | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    log_path: Path | None = None
    stall_s: PositiveFloat = 300.0

    def behaviour(self, base_name: str) -> ModelBehaviour:
        """Return what the model of this name (without its effects) does."""
        return self.models.get(base_name) or BASE_MODELS.get(base_name) or BASE_MODELS[DEFAULT_MODEL]

    def model_names(self) -> tuple[str, ...]:
        """Return the names that a list of models shows."""
        return tuple(dict.fromkeys((*BASE_MODELS, *self.models)))
