"""What follows from a request alone is computed once for all the slots that send it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import ref

from lens_gate.load.arms.plan import PlannedRequest, SeriesPlan
from lens_gate.providers.base import ChatRequest

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class _Known(Generic[Found]):
    request: ref[ChatRequest]
    series: SeriesPlan
    found: Found


class PerRequest(Generic[Found]):
    """Remembers what was found of a series and a request, as long as the request object lives.

    A schedule gives out the same request again where it draws the same prompt and values.
    """

    def __init__(self) -> None:
        self._known: dict[int, _Known[Found]] = {}

    def __len__(self) -> int:
        """Return how many requests are remembered."""
        return len(self._known)

    def of(self, planned: PlannedRequest, find: Callable[[], Found]) -> Found:
        """Return what was found of `planned`, or else what `find` returns."""
        series, request = planned.series, planned.request
        known = self._known.get(id(request))
        if known is not None and known.series is series:
            return known.found
        found = find()
        key = id(request)
        # It is forgotten before another object can be given the same id.
        self._known[key] = _Known(ref(request, lambda _: self._known.pop(key, None)), series, found)
        return found
