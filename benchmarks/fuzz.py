"""Hostile bytes through the decoders: `python -m benchmarks.fuzz [--first 0] [--inputs 10000000]`.

Recorded transcripts are damaged byte by byte (flip, insert, delete, duplicate, truncate, splice) and by value (swap,
nest), one to four times over, and decoded as a run would. Held of each input: nothing is raised, no more than two
seconds of CPU are used, memory stays below a limit, and the events keep their rules. A share is decoded again in
pieces, which must give the same events, and goes through the bare decoder of server-sent events as well.

An input follows from its number alone, so a range can be run in pieces and by several processes, and a failure be made
again: `--first N --inputs 1`. With `--record FILE` each piece adds a line there, and `--sum` adds them up.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from lens_gate.providers.base import End, Event, Failure, Finish, ModelReturned, NoTokens, Token, Usage
from lens_gate.providers.framing import Frame
from lens_gate.providers.sse import SseDecoder
from tests.recordings.recording import Recording, all_recordings, decode

RECORDINGS = all_recordings()
BLOCK = 1000
"""Inputs that share a generator: making one costs more than a mutation."""

_AFTER_EVENTS = re.compile(rb"(?<=\n\n)|(?<=\r\n\r\n)|(?<=\r\r)")

CPU_LIMIT_S = 2.0
MEMORY_LIMIT = 512 * 1024 * 1024
MOST_BYTES = 64 * 1024
"""Repeated and nested bodies stop growing here."""

PIECES_EVERY = 8
FAILURES_SHOWN = 20

OLD = (b'"', b"null", b"[", b"{", b"}", b"1", b":", b"\n", b"data", b"true")
NEW = (b"", b"{}", b"[[", b"-1", b"1e308", b'"\\ud800"', b"\xff", b"\r", b"\x00", b"false", b"9" * 400)
INSERTED = (
    b"\n\n",
    b"\r",
    b"data: ",
    b"event: error\n",
    b"[DONE]",
    b'"',
    b"\\",
    b"}",
    b"\xef\xbb\xbf",
    b"\xf0\x9f",
    b":",
)

Mutation = Callable[[Random, bytes], bytes]


def _place(rng: Random, body: bytes) -> int:
    return int(rng.random() * (len(body) + 1))


def _span(rng: Random, body: bytes) -> tuple[int, int]:
    one, other = _place(rng, body), _place(rng, body)
    return min(one, other), max(one, other)


def flip(rng: Random, body: bytes) -> bytes:
    """Replace a byte by another."""
    at = _place(rng, body)
    return body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :]


def insert(rng: Random, body: bytes) -> bytes:
    """Put something that means something where it does not belong."""
    at = _place(rng, body)
    return body[:at] + rng.choice(INSERTED) + body[at:]


def delete(rng: Random, body: bytes) -> bytes:
    """Take a piece out."""
    start, end = _span(rng, body)
    return body[:start] + body[end:]


def duplicate(rng: Random, body: bytes) -> bytes:
    """Say a piece twice."""
    start, end = _span(rng, body)
    return body[:end] + body[start:end] + body[end:]


def truncate(rng: Random, body: bytes) -> bytes:
    """Cut the end off."""
    return body[: _place(rng, body)]


def splice(rng: Random, body: bytes) -> bytes:
    """Go on as another transcript."""
    other = rng.choice(RECORDINGS).body
    return body[: _place(rng, body)] + other[_place(rng, other) :]


def swap_values(rng: Random, body: bytes) -> bytes:
    """Replace some values by others."""
    return body.replace(rng.choice(OLD), rng.choice(NEW), rng.randrange(1, 4))


def nest(rng: Random, body: bytes) -> bytes:
    """Open many brackets."""
    at = _place(rng, body)
    return body[:at] + rng.choice((b"[", b'{"a":', b"{")) * rng.randrange(2000) + body[at:]


MUTATIONS: tuple[Mutation, ...] = (flip, insert, delete, duplicate, truncate, splice, swap_values, nest)
SHARES = (24, 20, 12, 12, 10, 12, 9, 1)
"""How often each is chosen; nesting makes long bodies."""


def inputs(first: int, number: int) -> Iterator[tuple[int, Recording, bytes, Random]]:
    """Yield the inputs of a range, each with the generator for what else is drawn."""
    for block in range(first // BLOCK, (first + number - 1) // BLOCK + 1):
        rng = Random(block)
        for index in range(block * BLOCK, (block + 1) * BLOCK):
            recording, body = _mutated(rng)
            if first <= index < first + number:
                yield index, recording, body, Random(index)


def _mutated(rng: Random) -> tuple[Recording, bytes]:
    recording = RECORDINGS[int(rng.random() * len(RECORDINGS))]
    body = recording.body
    for mutation in rng.choices(MUTATIONS, SHARES, k=1 + int(rng.random() ** 2 * 4)):
        body = mutation(rng, body)[:MOST_BYTES]
    return recording, body


def in_pieces(rng: Random, body: bytes) -> list[bytes]:
    """Cut a body as streams come, an event a read; or at four places, or into single bytes."""
    if rng.random() < 0.5:
        return _AFTER_EVENTS.split(body)
    if len(body) < 500 and rng.random() < 0.125:
        return [body[at : at + 1] for at in range(len(body))]
    cuts = sorted(_place(rng, body) for _ in range(4))
    return [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]


def check_events(events: Sequence[Event], size: int) -> None:
    """Hold the events of a body of `size` bytes to the rules of the port; raises AssertionError."""
    outcomes = [event for event in events if isinstance(event, End | Failure)]
    assert len(events) <= size + 1, "more events than bytes"
    assert len(outcomes) <= 1, "more than one outcome"
    assert events[-1:] == outcomes or not outcomes, "something after the outcome"
    for event in events:
        _check_event(event)


def _check_event(event: Event) -> None:
    match event:
        case Token():
            assert event.text.encode(), "a token without text"
            assert event.tokens is None or event.tokens >= 0, "a negative number of tokens"
        case Usage():
            counts = (event.input, event.output, event.cached, event.cache_write, event.reasoning)
            assert all(n is None or (type(n) is int and n >= 0) for n in counts), "usage that is no count"
        case Failure():
            assert 0 < len(event.message) <= 500, "a message of no use"
        case ModelReturned():
            assert 0 < len(event.model) <= 200, "a model's name of no use"
        case Finish():
            assert 0 < len(event.raw) <= 200, "a reason of no use"
        case End() | NoTokens():
            pass


def check_input(recording: Recording, body: bytes, rng: Random, *, again: bool) -> str:
    """Decode one input and hold it to the rules; `again` in pieces too. Return how it came out."""
    events = decode(recording, [body])
    check_events(events, len(body))
    if again:
        pieces = in_pieces(rng, body)
        assert decode(recording, pieces) == events, "other events in pieces"
        frames = _frames([body])
        assert sum(len(frame.data) for frame in frames) <= 2 * len(body), "frames out of nothing"
        assert _frames(pieces) == frames, "other frames in pieces"
    last = events[-1] if events else None
    return "whole" if isinstance(last, End) else "failure" if isinstance(last, Failure) else "open"


def _frames(pieces: Sequence[bytes]) -> list[Frame]:
    decoder = SseDecoder()
    return [*(frame for piece in pieces for frame in decoder.feed(piece)), *decoder.close()]


class TooSlow(Exception):
    """An input used more CPU than it may."""


def _too_slow(*_: object) -> None:
    raise TooSlow(f"more than {CPU_LIMIT_S:g} s of CPU")


@dataclass
class Found:
    """What came of a range."""

    first: int
    inputs: int = 0
    bytes: int = 0
    again: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_ms: float = 0.0
    seconds: float = 0.0
    grown_mib: float = 0.0


def run(first: int, number: int) -> Found:
    """Run a range in this process, whose memory is limited meanwhile."""
    found, peak = Found(first), _peak_mib()
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + MEMORY_LIMIT, before[1]))
    handler = signal.signal(signal.SIGVTALRM, _too_slow)
    began = time.process_time()
    try:
        for index, recording, body, rng in inputs(first, number):
            _one(found, index, recording, body, rng)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, handler)
        resource.setrlimit(resource.RLIMIT_DATA, before)
    found.seconds, found.grown_mib = time.process_time() - began, _peak_mib() - peak
    return found


def _one(found: Found, index: int, recording: Recording, body: bytes, rng: Random) -> None:
    again = index % PIECES_EVERY == 0
    found.inputs, found.bytes, found.again = found.inputs + 1, found.bytes + len(body), found.again + again
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_LIMIT_S)
    began = time.thread_time_ns()
    try:
        found.outcomes[check_input(recording, body, rng, again=again)] += 1
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        found.outcomes["broken"] += 1
        said = f"input {index} ({recording}): {type(error).__name__}: {error}"
        found.failures.append(f"{said}\n  {base64.b64encode(body[:2000]).decode()}")
    found.slowest_ms = max(found.slowest_ms, (time.thread_time_ns() - began) / 1e6)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _data_bytes() -> int:
    """Return what the process has of the memory that RLIMIT_DATA limits."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
    return pages * resource.getpagesize()


def line_of(found: Found) -> str:
    """Return one piece for the record."""
    fields = {**vars(found), "failures": len(found.failures)}
    return json.dumps(fields)


def told(pieces: Sequence[dict[str, float]], outcomes: Counter[str]) -> str:
    """Return the figures of all pieces."""
    total = {name: sum(piece[name] for piece in pieces) for name in ("inputs", "bytes", "again", "failures", "seconds")}
    slowest = max(piece["slowest_ms"] for piece in pieces)
    grown = max(piece["grown_mib"] for piece in pieces)
    named = ", ".join(f"{name} {number}" for name, number in outcomes.most_common())
    return (
        f"{total['inputs']:.0f} inputs of {total['bytes'] / total['inputs']:.0f} bytes on average ({named}); "
        f"{total['again']:.0f} of them in pieces as well\n"
        f"{total['failures']:.0f} failures; slowest {slowest:.1f} ms of CPU; memory grew by at most {grown:.1f} MiB; "
        f"{total['inputs'] / total['seconds']:.0f} inputs per second of CPU"
    )


def summed(path: Path) -> str:
    """Add up a record; a range that was run twice counts once."""
    pieces = {line["first"]: line for line in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    outcomes: Counter[str] = Counter()
    for piece in pieces.values():
        outcomes.update(piece["outcomes"])
    return told(list(pieces.values()), outcomes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--inputs", type=int, default=10_000_000)
    parser.add_argument("--piece", type=int, default=100_000, help="inputs between two lines of the record")
    parser.add_argument("--record", type=Path, default=Path("results/fuzz.jsonl"))
    parser.add_argument("--sum", action="store_true", help="only add up the record")
    options = parser.parse_args()
    broken = False
    if not options.sum:
        options.record.parent.mkdir(parents=True, exist_ok=True)
        end = options.first + options.inputs
        for first in range(options.first, end, options.piece):
            found = run(first, min(options.piece, end - first))
            broken = broken or bool(found.failures)
            print("\n".join(found.failures[:FAILURES_SHOWN]), end="\n" if found.failures else "")
            with options.record.open("a", encoding="utf-8") as record:
                record.write(line_of(found) + "\n")
    print(summed(options.record))
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
