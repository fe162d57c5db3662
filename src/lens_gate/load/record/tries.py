"""The attempts of one request, and the one sample that they amount to. Pure."""

from __future__ import annotations

from dataclasses import replace

from lens_gate.artifacts.samples import Attempt, Sample


class Tries:
    """Collects the attempts of one request in their order."""

    def __init__(self) -> None:
        self._ended: list[tuple[Sample, int]] = []

    def __len__(self) -> int:
        """Return how many there were."""
        return len(self._ended)

    def add(self, sample: Sample, *, backoff_ns: int) -> None:
        """Add an attempt that ended; `backoff_ns` is the wait before it."""
        self._ended.append((sample, backoff_ns))

    def sample(self) -> Sample:
        """Return the request as a whole: due when it was due, sent and ended as its last attempt was.

        So its service time is that of one attempt, its response time holds all attempts and the waits between them,
        and its cost is that of all; unknown (None) where that of one is.
        """
        last = self._ended[-1][0]
        if len(self._ended) == 1:
            return last
        costs = [sample.cost_usd for sample, _ in self._ended]
        known = [cost for cost in costs if cost is not None]
        return replace(last, attempts=len(costs), cost_usd=sum(known) if len(known) == len(costs) else None)

    def rows(self) -> tuple[Attempt, ...]:
        """Return a row for each attempt of a request that was tried more than once, else none."""
        if len(self._ended) < 2:
            return ()
        return tuple(
            Attempt(
                index=sample.index,
                attempt=number,
                sent_ns=sample.sent_ns,
                end_ns=sample.end_ns,
                backoff_ns=backoff_ns,
                http_status=sample.http_status,
                error_class=sample.error_class,
            )
            for number, (sample, backoff_ns) in enumerate(self._ended, start=1)
        )
