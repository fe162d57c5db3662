"""What `load` is told to do: each arm resolved to its effective requests, and the slots in which they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from lens_gate.config.model import GenericHttp
from lens_gate.load.arms.spread import Length, Spread
from lens_gate.providers.base import ChatRequest, Endpoint, Provider
from lens_gate.vocabulary.requests import Api, Arm, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPlan:
    """One prompt of an arm: templates still hold `{{name}}`, `variables` the values each name may take.

    An empty value tuple means that the value is generated (`generators` says how). `max_tokens` wins over the model's.
    `turns` are what a user says after the first answer, each after a time to `think` (seconds).
    """

    id: str
    weight: float
    messages: tuple[tuple[str, JsonValue], ...]
    system: str | None
    tools: tuple[JsonValue, ...]
    params: Mapping[str, JsonValue]
    headers: Mapping[str, str]
    variables: Mapping[str, tuple[str, ...]]
    generators: Mapping[str, tuple[str, Length]] = field(default_factory=dict)
    max_tokens: Length | None = None
    turns: tuple[str, ...] = ()
    think: Spread | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPlan:
    """One model behind one endpoint; `series` (`provider/model` of the candidate) pairs it across arms.

    `through_target` says that the endpoint is a process started for this arm, whose address is chance.
    """

    series: str
    provider_name: str
    api: Api
    provider: Provider
    endpoint: Endpoint
    model: str
    max_tokens: int | None
    temperature: float | None
    system: str | None
    params: Mapping[str, JsonValue]
    input_usd_per_million: float | None = None
    output_usd_per_million: float | None = None
    generic: GenericHttp | None = None
    through_target: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmPlan:
    """Everything that one arm would send; `requests_hash` is equal exactly when two arms send the same.

    `asked` is set where the series are compared with each other: by series the prompts of each one's own, in the order
    of `prompts`, from whose variables is drawn for all of them.
    """

    arm: Arm
    label: str
    commit: str | None
    config_hash: str
    requests_hash: str
    target: str | None
    series: tuple[SeriesPlan, ...]
    prompts: tuple[PromptPlan, ...]
    asked: Mapping[str, tuple[PromptPlan, ...]] | None = None

    def prompts_of(self, series: SeriesPlan) -> tuple[PromptPlan, ...]:
        """Return the prompts that a series of this arm is asked."""
        return self.prompts if self.asked is None else self.asked[series.series]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRequest:
    """One slot of the schedule; `offset_ns` is its intended send, from the start of the run (0 in a closed loop).

    `follow_up` is the next turn of a conversation, to be sent `pause_s` after this one's answer; a user pauses as long
    before the next request.
    """

    index: int
    offset_ns: int
    arm: Arm
    series: SeriesPlan
    pair: int | None
    slot: int | None
    prompt_id: str
    draw: str
    repetition: int
    phase: Phase
    request: ChatRequest
    prompt_hash: str
    prompt_characters: int
    pause_s: float = 0.0
    follow_up: PlannedRequest | None = None
