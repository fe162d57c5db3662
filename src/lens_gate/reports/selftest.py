"""A self-test in a table and plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from lens_gate.artifacts.selftest import Network, Rung, Selftest, Streaming
from lens_gate.reports.escape import plain
from lens_gate.reports.numbers import NOTHING, plural, quantity, share, usd
from lens_gate.reports.sheet import Section, Sheet, Table

_HEAD = ("requests/s", "first token", "its p99", "gap", "its p99", "sent late", "its p99", "of a core", "")


def selftest_sheet(result: Selftest) -> Sheet:
    """Return the self-test as a sheet: its sentence first, then what was measured at each rate, then the endpoint."""
    return Sheet(title=headline(result), text=tuple(_reading(result)), sections=tuple(_sections(result)))


def headline(result: Selftest) -> str:
    """Say in one sentence what this machine can be trusted with."""
    if not result.rungs:
        return "The instrument was not tested."
    if result.ceiling_rps is None:
        return _nothing_right(result)
    if result.wrong_rps is None:
        return f"This machine measures truly up to {_rate(result.ceiling_rps)} at least: no higher rate was tried."
    if result.limited_by == "simulator":
        return (
            f"This machine measures truly up to {_rate(result.ceiling_rps)} at least: at {_rate(result.wrong_rps)} the"
            " simulator beside it was too slow to tell."
        )
    return (
        f"This machine measures truly up to {_rate(result.ceiling_rps)}; at {_rate(result.wrong_rps)} {_why(result)}."
    )


def _nothing_right(result: Selftest) -> str:
    """Say that no rate was right, and which ones were tried where there was no time for all."""
    if not result.cut_short:
        return f"This machine does not measure truly, not even at {_rate(result.wrong_rps)}: {_why(result)}."
    tried = " and ".join(f"{rate:,.0f}" for rate in sorted({rung.rate_rps for rung in result.rungs}))
    return (
        f"How truly this machine measures was not measured: there was time to try {tried} requests per second only, and"
        f" {_why(result)}. Try again without --quick, and with fewer other things going on."
    )


def _rate(rate: float | None) -> str:
    return f"{rate:,.0f} requests per second" if rate is not None else NOTHING


def _why(result: Selftest) -> str:
    tried = [rung for rung in result.rungs if rung.rate_rps == result.wrong_rps]
    return "; ".join(tried[-1].because) if tried else "no rate was right"


def _reading(result: Selftest) -> Iterator[str]:
    if not result.rungs:
        return
    limits = result.limits
    yield (
        f"True means: times to first token at most {limits.ttft_bias_ms:g} ms too long in the median and"
        f" {limits.ttft_p99_ms:g} ms in 99 % of requests, sends at most {limits.send_p99_ms:g} ms late, and"
        f" {share(limits.achieved)} of the rate; one try of two will do. Measured with the {result.transport} transport"
        " against a simulator on this machine that logs what it writes, and when."
    )
    if result.ceiling_rps is not None:
        yield (
            "This is what one process can do. With `--processes 2` each of two sends half of a run, on a machine with"
            " a core for each and one more."
        )


def _sections(result: Selftest) -> Iterator[Section]:
    if result.rungs:
        rows = tuple(_row(rung) for rung in result.rungs)
        yield Section(title="Measured minus true", table=Table(_HEAD, rows))
    for network in result.network:
        yield Section(title=f"The way to {plain(network.endpoint)}", points=tuple(_way(network)))
    for streaming in result.streaming:
        yield Section(title=f"One request to {plain(streaming.series)}", points=(_streamed(streaming),))


def _row(rung: Rung) -> tuple[str, ...]:
    times = (
        rung.ttft_bias_ms,
        rung.ttft_p99_ms,
        rung.gap_bias_ms,
        rung.gap_p99_ms,
        rung.send_median_ms,
        rung.send_p99_ms,
    )
    cpu = NOTHING if rung.cpu_share is None else share(rung.cpu_share)
    return (f"{rung.rate_rps:,.0f}", *(quantity(one, "ms") for one in times), cpu, "right" if rung.right else "wrong")


def _way(network: Network) -> Iterator[str]:
    times = (
        ("name looked up in", network.dns_ms),
        ("connected in", network.connect_ms),
        (f"{network.tls_version or 'TLS'} agreed in", network.tls_ms),
        ("answered a request without a key in", network.answer_ms),
    )
    known = [f"{words} {quantity(value, 'ms')}" for words, value in times if value is not None]
    if known:
        status = f" (status {network.status})" if network.status is not None else ""
        yield f"Medians of {plural(network.tries, 'connection')}: {', '.join(known)}{status}."
    if network.through_proxy:
        yield "A proxy is set for this address, and these times go around it: runs are slower by its part."
    if network.failure:
        yield f"It failed: {plain(network.failure)}."


def _streamed(one: Streaming) -> str:
    cost = f" It cost {usd(one.cost_usd)}." if one.cost_usd is not None else ""
    if one.buffered:
        return (
            f"The stream arrived in one piece: a proxy buffers it, and no time to first token can be measured there."
            f" Switch off response buffering on the way.{cost}"
        )
    if one.error is not None:
        return f"It failed: {plain(one.error)}.{cost}"
    pieces = f"{plural(one.chunks, 'piece')} in {plural(one.reads, 'read')}"
    return f"The stream arrived as it was written, {pieces}, the first after {quantity(one.ttft_ms, 'ms')}.{cost}"
