"""The cost cap: dollars are reserved at their upper bound before a request is sent, and settled when it has ended.

So a run can stop short of its cap, never beyond it. Without a cap the same ledger only adds up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from math import floor

from pydantic import JsonValue

from lens_gate.errors import ConfigProblem
from lens_gate.load.plan import ArmPlan, PromptPlan, SeriesPlan
from lens_gate.load.pricing import PriceList
from lens_gate.load.prompts import canonical, chat_request
from lens_gate.load.spread import Spread
from lens_gate.providers.base import ChatRequest
from lens_gate.vocabulary.requests import ErrorClass

_PER_USD = 10**12
"""Money is counted in whole millionths of a millionth of a dollar, because sums of floats drift past a cap."""

_FRAME_TOKENS = 64
_TOOL_TOKENS = 2048
_OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
_ANSWER_COUNTS = ("n", "best_of", "candidateCount", "candidate_count")
_OUR_TOOL_TYPES = ("function", "custom")
_OUR_TOOL_KEYS = frozenset({"name", "function", "functionDeclarations", "function_declarations"})
_MEDIA_TYPES = ("image", "audio", "video", "file", "document")
_MEDIA_KEYS = frozenset({"inline_data", "inlineData", "file_data", "fileData"})
_LIMIT_HOLDERS = ("generationConfig", "generation_config")
_LISTED_TIERS = frozenset({"auto", "default", "flex", "standard_only"})
"""Service tiers that cost no more than the list says."""

_UNBILLED = frozenset(
    {
        ErrorClass.CONNECT,
        ErrorClass.CONNECT_TIMEOUT,
        ErrorClass.TLS,
        ErrorClass.AUTHENTICATION,
        ErrorClass.RATE_LIMIT,
        ErrorClass.OVERLOADED,
        ErrorClass.QUOTA,
        ErrorClass.NOT_FOUND,
        ErrorClass.INVALID_REQUEST,
        ErrorClass.SHED,
    }
)

_WHOLE = frozenset({ErrorClass.NONE, ErrorClass.REFUSED, ErrorClass.EMPTY, ErrorClass.BUFFERED})
"""Answers that came to their end, so that the usage they told is what is billed."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money held back for one request in flight, in the ledger's own unit."""

    number: int
    amount: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a ledger stands, in its own unit: what was charged, what is held back now, and what was at most."""

    spent: int = 0
    held: int = 0
    peak: int = 0


def used_up(cap_usd: Fraction) -> Standing:
    """Return how a ledger may stand at worst of which nobody knows more than its cap."""
    return Standing(spent=floor(cap_usd * _PER_USD))


class Budget:
    """The ledger of one run, in US dollars; `cap_usd` of None adds up without refusing."""

    def __init__(self, cap_usd: float | Fraction | None) -> None:
        self.cap_usd = None if cap_usd is None else float(cap_usd)
        self._cap = None if cap_usd is None else floor(Fraction(cap_usd) * _PER_USD)
        self._spent = 0
        self._held: dict[int, int] = {}
        self._total_held = 0
        self._peak = 0
        self._numbers = count()

    @property
    def spent_usd(self) -> float:
        """What has been charged so far."""
        return self._spent / _PER_USD

    @property
    def reserved_usd(self) -> float:
        """What is held back for the requests in flight."""
        return self._total_held / _PER_USD

    @property
    def peak_reserved_usd(self) -> float:
        """The largest sum that was ever held back."""
        return self._peak / _PER_USD

    def reserve(self, upper_bound: float | None) -> Reservation | None:
        """Hold back `upper_bound` dollars; None if spent, held and this together would pass the cap.

        An unknown bound (None) is refused under a cap, and holds nothing without one.
        """
        if self._cap is not None and upper_bound is None:
            return None
        amount = _units(upper_bound or 0.0)
        if self._cap is not None and self._spent + self._total_held + amount > self._cap:
            return None
        reservation = Reservation(next(self._numbers), amount)
        self._held[reservation.number] = amount
        self._total_held += amount
        self._peak = max(self._peak, self._total_held)
        return reservation

    def settle(self, reservation: Reservation, actual: float | None) -> None:
        """End a reservation: charge `actual` dollars, or all that was held where the bill is unknown (None).

        Raises KeyError if it was settled before.
        """
        held = self._held.pop(reservation.number)
        self._total_held -= held
        self._spent += held if actual is None else _units(actual)

    def charge(self, usd: float | None) -> None:
        """Book what was spent before; an unknown sum (None) is nothing, since no cap allowed it."""
        self._spent += _units(usd or 0.0)

    @property
    def standing(self) -> Standing:
        """How this ledger stands."""
        return Standing(self._spent, self._total_held, self._peak)

    def add(self, other: Standing) -> None:
        """Book what another ledger of this run charged, and what it still holds back, which nobody can settle."""
        self._spent += other.spent + other.held
        self._peak += other.peak

    def could_fit(self, upper_bound: float | None) -> bool:
        """Say whether `upper_bound` may yet fit, should the requests in flight turn out to cost nothing."""
        if self._cap is None:
            return True
        return upper_bound is not None and self._spent + _units(upper_bound) <= self._cap


def _units(usd: float) -> int:
    """Round up to the ledger's unit, exactly."""
    numerator, denominator = usd.as_integer_ratio()
    return -(-numerator * _PER_USD // denominator)


def billed(error_class: ErrorClass, http_status: int | None, cost: float | None) -> float | None:
    """Return what to settle a request at: its known cost, 0 where no model ran, else None (all that was reserved).

    A stream that broke off may well be billed, and the usage that it did send (a placeholder, a running count) is not
    the bill, so it is charged in full. So is an error inside a 200, whatever its class.
    """
    if error_class in _WHOLE:
        return cost
    turned_away = error_class in _UNBILLED and (http_status is None or http_status >= 300)
    return 0.0 if turned_away else None


def input_tokens_bound(request: ChatRequest) -> int | None:
    """Return how many input tokens `request` can have at most, None if images, audio, files or a search add to them.

    A tokenizer makes no more tokens than there are UTF-8 bytes. Counted are the bytes of all that is sent as JSON,
    whose braces and names pay for the frame of each message, plus 64 for the frame of the whole and 2,048 for the
    hidden instructions of tools.
    """
    passed_through = [value for name, value in request.params.items() if name != "tools"]
    if any(map(_holds_media, [*(message.content for message in request.messages), *passed_through])):
        return None
    if any(map(_runs_at_the_provider, _tools(request))):
        return None
    turns = [[message.role, message.content] for message in request.messages]
    sent = canonical([request.system, turns, list(request.tools), dict(request.params)])
    tools = bool(request.tools) or "tools" in request.params
    return len(sent) + _FRAME_TOKENS + (_TOOL_TOKENS if tools else 0)


def _tools(request: ChatRequest) -> list[JsonValue]:
    passed = request.params.get("tools")
    return [*request.tools, *(passed if isinstance(passed, list) else [])]


def _runs_at_the_provider(tool: JsonValue) -> bool:
    """Whether a tool is the provider's own (a web search, say), whose results are billed as input of unknown length."""
    if not isinstance(tool, dict):
        return True
    if "type" in tool:
        return tool["type"] not in _OUR_TOOL_TYPES
    return _OUR_TOOL_KEYS.isdisjoint(tool)


def _holds_media(content: JsonValue) -> bool:
    if isinstance(content, list):
        return any(_holds_media(part) for part in content)
    if not isinstance(content, dict):
        return False
    kind = str(content.get("type", ""))
    if any(word in kind for word in _MEDIA_TYPES) or not _MEDIA_KEYS.isdisjoint(content):
        return True
    return any(_holds_media(part) for part in content.values())


def output_tokens_bound(request: ChatRequest) -> int | None:
    """Return how many tokens the answers can have at most, over all of them; None where that is not known.

    Params win over the configured limit, and a null takes it out: then nothing holds what the answers cost.
    """
    limits = _set(request.params, _OUTPUT_LIMITS)
    answers = [number for number in _set(request.params, _ANSWER_COUNTS) if number is not None]
    taken_out = any(request.params.get(name, {}) is None for name in _LIMIT_HOLDERS)
    limits += [] if request.max_tokens is None else [request.max_tokens]
    whole = [number for number in (*limits, *answers) if isinstance(number, int)]
    if taken_out or not limits or len(whole) < len(limits) + len(answers):
        return None
    return max(whole[: len(limits)]) * max(whole[len(limits) :], default=1)


def _set(params: Mapping[str, JsonValue], names: Sequence[str]) -> list[JsonValue]:
    """Return what params set under `names`, at the top and one level below (`generationConfig`)."""
    levels = [params, *(value for value in params.values() if isinstance(value, dict))]
    return [level[name] for level in levels for name in names if name in level]


def _billed_as_listed(request: ChatRequest) -> bool:
    """Whether params leave the price alone: another model, or a dearer tier, is billed by other numbers."""
    tier = request.params.get("service_tier")
    return "model" not in request.params and (tier is None or str(tier) in _LISTED_TIERS)


def upper_bound(
    prices: PriceList, series: SeriesPlan, request: ChatRequest, *, earlier_tokens: int | None = 0
) -> float | None:
    """Return the most dollars that `request` can cost; None where its price, input or output has no bound.

    `earlier_tokens` bounds the answers of earlier turns that it will carry and does not hold yet.
    """
    input_tokens, output_tokens = input_tokens_bound(request), output_tokens_bound(request)
    if input_tokens is None or output_tokens is None or earlier_tokens is None or not _billed_as_listed(request):
        return None
    return prices.bound(series, input_tokens=input_tokens + earlier_tokens, output_tokens=output_tokens)


def require_bounds(arms: Iterable[ArmPlan], prices: PriceList) -> None:
    """Refuse, before anything is sent, what a cost cap could not hold.

    Raises ConfigProblem for a series without a price or a limit of its answers, and for a prompt without a bound.
    """
    for arm in arms:
        for series in arm.series:
            for prompt in arm.prompts_of(series):
                _require_bound(series, prompt, prices)


def _limit_is_sent(series: SeriesPlan) -> bool:
    """Whether the limit of the answers reaches the endpoint: a body template may leave it out."""
    return series.generic is None or b"{{max_tokens}}" in canonical(series.generic.body)


def _require_bound(series: SeriesPlan, prompt: PromptPlan, prices: PriceList) -> None:
    drawn = 1 if isinstance(prompt.max_tokens, Spread) else None
    request = chat_request(series, prompt, dict.fromkeys(prompt.variables, ""), max_tokens=drawn)
    name = f"{series.provider_name}/{series.model}"
    if prices.price(series) is None:
        raise ConfigProblem(
            f"the price of {name} is unknown, so that no cost cap can hold",
            place="profiler.max_cost_usd",
            hint="Set `input_usd_per_million` and `output_usd_per_million` of this model, or leave the cap out.",
        )
    if not _billed_as_listed(request):
        raise ConfigProblem(
            f"the params of {name} choose what is billed (`model` or `service_tier`), so that no cost cap can hold",
            place="profiler.max_cost_usd",
            hint="Write the model as its `id`, and leave the tier or the cap out.",
        )
    if output_tokens_bound(request) is None or not _limit_is_sent(series):
        raise ConfigProblem(
            f"the answers of {name} have no limit, so that no cost cap can hold",
            place="profiler.max_cost_usd",
            hint="Set `max_tokens` of this model, and `{{max_tokens}}` in a generic body, with no null in `params`.",
        )
    if input_tokens_bound(request) is None:
        raise ConfigProblem(
            f"prompt {prompt.id!r} holds media, files or a tool of the provider's own, whose tokens have no bound",
            place="profiler.max_cost_usd",
            hint="Leave this prompt or the cap out.",
        )
