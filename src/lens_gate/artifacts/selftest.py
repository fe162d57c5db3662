"""`selftest`: how true this machine measures, held against a server that logs what it really wrote, and when."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lens_gate.artifacts.envelope import Envelope, Frozen, Kind
from lens_gate.artifacts.run import Count, Finite


class Rung(Frozen):
    """One rate that was tried. Errors are measured minus true, in milliseconds; None where nothing could be matched.

    `bias` is the median error and `p99` the 99th percentile of its size; a time to first token includes the way over
    loopback both ways. `send` is how late requests were sent, `read` how late the first token was read after it was
    written, `pickup` how late the server took up a request. `achieved` is the sent share of the schedule, `cpu_share`
    that of one core, and `valid` what the run said of itself without knowing the truth. `because` names what was wrong;
    a rate is right where it is empty.
    """

    rate_rps: Finite
    requests: Count
    failed: Count
    ttft_bias_ms: float | None
    ttft_p99_ms: float | None
    gap_bias_ms: float | None
    gap_p99_ms: float | None
    send_median_ms: float | None
    send_p99_ms: float | None
    read_p99_ms: float | None
    pickup_p99_ms: float | None
    achieved: float | None
    cpu_share: float | None
    valid: bool
    because: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether nothing was wrong."""
        return not self.because


class Limits(Frozen):
    """What counts as right, in milliseconds and as a share of the asked rate."""

    ttft_bias_ms: Finite = 2.5
    ttft_p99_ms: Finite = 5.0
    send_p99_ms: Finite = 5.0
    achieved: Finite = 0.97


class Network(Frozen):
    """The way to one endpoint, in milliseconds, each the median over `tries` new connections.

    `answer` is a request without a key, from its sending to the first byte of the refusal. `failure` says what stood
    in the way; the times that were not reached are None.
    """

    endpoint: str
    tries: Count
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    tls_version: str | None = None
    answer_ms: float | None = None
    status: int | None = None
    through_proxy: bool = False
    failure: str | None = None


class Streaming(Frozen):
    """What one paid request to a series showed of the way that its stream takes."""

    series: str
    buffered: bool
    chunks: Count
    reads: Count
    ttft_ms: float | None
    cost_usd: float | None
    error: str | None = None


class Selftest(Envelope):
    """The artifact of `lens-gate selftest`.

    `machine` is a fingerprint of hardware, Python and transport. `ceiling_rps` is the highest rate that was right, None
    where none that was tried was; `wrong_rps` is the lowest that was wrong, None where none was. `limited_by` names who
    was too slow there. Where time ran out (`cut_short`), rates that should have been tried were not.
    """

    kind: Literal[Kind.SELFTEST]
    machine: str
    transport: str
    limits: Limits = Limits()
    rungs: tuple[Rung, ...] = Field(default=())
    ceiling_rps: float | None
    wrong_rps: float | None = None
    limited_by: Literal["lens-gate", "simulator"] | None = None
    cut_short: bool = False
    network: tuple[Network, ...] = ()
    streaming: tuple[Streaming, ...] = ()
