"""Reading what the truth server and the C client wrote: one row for each request, one event for each write or read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAGIC = b"LGTRUTH1"
HEADER = 32
COLUMNS = 8


@dataclass(frozen=True)
class Truth:
    """What the server did; all times are nanoseconds of CLOCK_MONOTONIC, rows in the order of arrival.

    `ids` are the clients' own, 0 where they sent none; the server tells clients `serial` (row + 1) as the input tokens.
    `lost` counts the streams whose client was gone, or read so little that nothing more could be written.
    """

    ids: Ints
    received_ns: Ints
    connection: Ints
    tokens: Ints
    first_ns: Ints
    last_ns: Ints
    writes: Ints
    events: Ints
    lost: int

    @property
    def ttft_ms(self) -> Floats:
        """From the arrival of a request to the write of its first token."""
        return (self.first_ns - self.received_ns) / 1e6

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Which answers were written to their end."""
        return np.equal(self.writes, self.tokens)

    def __len__(self) -> int:
        return len(self.ids)


def read_records(path: Path) -> tuple[Ints, Ints, int]:
    """Return the rows, the events (row, nanoseconds), and how many streams were lost."""
    data = path.read_bytes()
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError(f"{path} is no log of this benchmark")
    rows, events, lost = np.frombuffer(data[len(MAGIC) : HEADER], dtype=np.int64)
    split = HEADER + rows * COLUMNS * 8
    records = np.frombuffer(data[HEADER:split], dtype=np.int64).reshape(rows, COLUMNS)
    return records, np.frombuffer(data[split:], dtype=np.int64).reshape(events, 2), int(lost)


def write_records(path: Path, records: Ints, events: Ints, lost: int) -> None:
    """Write the same format from Python."""
    header = np.array([len(records), len(events), lost], dtype=np.int64)
    path.write_bytes(MAGIC + header.tobytes() + records.astype(np.int64).tobytes() + events.astype(np.int64).tobytes())


def read_truth(path: Path) -> Truth:
    """Read the server's log."""
    records, events, lost = read_records(path)
    ids, received, connection, tokens, first, last, writes, _ = records.T
    return Truth(ids, received, connection, tokens, first, last, writes, events, lost)
