"""What a report says of a log that was played again: how much of it, how fast, and whether the lengths came out."""

from __future__ import annotations

from collections.abc import Iterator

from lens_gate.artifacts.run import Replayed, TokensAsked
from lens_gate.reports.escape import plain, shortened
from lens_gate.reports.numbers import NBSP, count, plural, share, three_digits
from lens_gate.reports.rows import LONGEST_NAME


def replayed_lines(replayed: Replayed | None) -> Iterator[str]:
    """Yield the sentences; none for a run that played no log."""
    if replayed is None:
        return
    source = shortened(plain(replayed.source), LONGEST_NAME)
    speed = "at its own pace" if replayed.time_scale == 1 else f"{three_digits(replayed.time_scale)} times as fast"
    yield f"Played {plural(replayed.requests, 'request')} of {source} ({plain(replayed.format)}) {speed}."
    if replayed.unanswered:
        yield f"Left out: {count(replayed.unanswered)} that have neither a prompt nor an answer in the log."
    if replayed.unrouted:
        yield f"Left out: {count(replayed.unrouted)} that went to models which were not measured."
    yield from _lengths("prompts", replayed.input_tokens)
    yield from _lengths("answers", replayed.output_tokens)


def _lengths(what: str, tokens: TokensAsked | None) -> Iterator[str]:
    if tokens is None:
        return
    of_asked = f" ({share(tokens.counted / tokens.asked)} of it)" if tokens.asked else ""
    equal = share(tokens.equal / tokens.requests)
    yield (
        f"Tokens of {what}: {count(tokens.asked)} asked for, {count(tokens.counted)} counted by the servers{of_asked};"
        f"{NBSP}exactly as asked in {equal} of {plural(tokens.requests, 'request')}."
    )
