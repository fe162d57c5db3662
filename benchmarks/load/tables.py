"""The tables, from the runs in a results file. Pure but for the numbers' rounding, which is for reading."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from benchmarks.load.clients import Kind
from benchmarks.load.figures import Figures, median_of
from benchmarks.load.results import Result, valid

REFERENCE_RATE = 500.0
Taking = Callable[[Figures], float | None]
SHAPES = {"openai-chat": "OpenAI chat", "anthropic": "Anthropic", "google": "Gemini"}


def report(results: Sequence[Result], absent: Sequence[str] = ()) -> str:
    """Return all tables for which there are runs; `absent` are clients that could not be asked here."""
    settings = sorted({result.setting for result in results})
    voids = Counter(
        f"{result.part} at {result.rate:g}/s" for result in results if result.void and result.kind is Kind.LIMIT
    )
    told = ", ".join(f"{count} of {name}" for name, count in voids.items()) or "none"
    measured = {result.client for result in results}
    missing = ", ".join(name for name in absent if name not in measured)
    parts = [
        f"Setting: {'; '.join(settings)}. Void runs (the C client missed a limit): {told}.",
        *([f"Not installed: {missing}."] if missing else []),
        *_rate_tables(results),
    ]
    parts += [table for part in (_cost, _small, _neighbour, _memory) if (table := part(results))]
    return "\n\n".join(parts)


def _rate_tables(results: Sequence[Result]) -> list[str]:
    grouped: dict[tuple[str, bool], list[Result]] = defaultdict(list)
    for result in valid(results, "rates"):
        grouped[result.api, result.tls].append(result)
    return [_rates(rows, f"{SHAPES[api]}{', TLS' if tls else ''}") for (api, tls), rows in grouped.items()]


def highest_right(results: Iterable[Result]) -> dict[str, float]:
    """Return the highest rate at which most runs of a client were right, and at every lower one too; 0 if none."""
    right: dict[str, dict[float, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        right[result.client][result.rate].append(not result.wrong)
    highest = {}
    for client, rates in right.items():
        highest[client] = 0.0
        for rate, verdicts in sorted(rates.items()):
            if sum(verdicts) * 2 <= len(verdicts):
                break
            highest[client] = rate
    return highest


def _rates(rows: Sequence[Result], title: str) -> str:
    highest, medians = highest_right(rows), _medians(rows)
    kinds = {row.client: row.kind for row in rows}
    best = max((highest[name] for name, kind in kinds.items() if kind is Kind.PEER), default=None)
    reference = min({row.rate for row in rows}, key=lambda rate: abs(rate - REFERENCE_RATE))
    limit = next(
        (
            medians[name, reference]
            for name, kind in kinds.items()
            if (name, reference) in medians and kind is Kind.LIMIT
        ),
        None,
    )
    lines = [
        f"### {title}",
        "",
        f"| client | right up to | × best peer | at {reference:g}/s: TTFT error p50 / p99 | × C | slip p99 | rate |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in sorted(kinds, key=lambda name: list(Kind).index(kinds[name])):
        found = medians.get((name, reference))
        against = _ratio(highest[name], best) if kinds[name] is Kind.OURS else ""
        lines.append(f"| {name} | {highest[name]:g} | {against} | {_at_reference(found, limit)} |")
    return "\n".join([*lines, "", *_ladder(rows)])


def _at_reference(found: Figures | None, limit: Figures | None) -> str:
    if found is None:
        return "not tried | | | "
    times = _ratio(found.ttft_p99_ms, limit.ttft_p99_ms) if limit else ""
    errors = f"{_number(found.ttft_p50_ms)} / {_number(found.ttft_p99_ms)}"
    return f"{errors} | {times} | {_number(found.slip_p99_ms)} | {100 * found.rate_share:.0f} %"


def _ladder(rows: Sequence[Result]) -> list[str]:
    """Return TTFT error p99 and slip p99 at each rate, bold where right."""
    rates, clients = sorted({row.rate for row in rows}), list(dict.fromkeys(row.client for row in rows))
    medians = _medians(rows)
    verdicts: dict[tuple[str, float], list[bool]] = defaultdict(list)
    for row in rows:
        verdicts[row.client, row.rate].append(not row.wrong)
    lines = [
        "TTFT error p99 / send slip p99 in ms, bold where most runs were right:",
        "",
        f"| client | {' | '.join(f'{rate:g}/s' for rate in rates)} |",
        f"| --- |{' --- |' * len(rates)}",
    ]
    for name in clients:
        cells = []
        for rate in rates:
            found, said = medians.get((name, rate)), verdicts[name, rate]
            text = "" if found is None else f"{_number(found.ttft_p99_ms)} / {_number(found.slip_p99_ms)}"
            cells.append(f"**{text}**" if text and sum(said) * 2 > len(said) else text)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _medians(rows: Iterable[Result]) -> Mapping[tuple[str, float], Figures]:
    grouped: dict[tuple[str, float], list[Figures]] = defaultdict(list)
    for row in rows:
        grouped[row.client, row.rate].append(row.figures)
    return {key: median_of(runs) for key, runs in grouped.items()}


def _cost(results: Sequence[Result]) -> str:
    """CPU of 1,000 more requests: the difference of a long and a short run, so that the start-up is not in it.

    Who is wrong at that rate is no measure for others: who reads too late has fewer reads to do.
    """
    by_client: dict[tuple[str, Kind], dict[int, dict[float, Figures]]] = defaultdict(lambda: defaultdict(dict))
    right: dict[str, list[bool]] = defaultdict(list)
    for row in valid(results, "cost"):
        by_client[row.client, row.kind][row.run][row.seconds] = row.figures
        right[row.client].append(not row.wrong)
    costs = {}
    for key, runs in by_client.items():
        known = [cost for pair in runs.values() if math.isfinite(cost := _marginal(pair))]
        if known:
            costs[key] = median(known)
    if not costs:
        return ""
    limit = next((cost for (_, kind), cost in costs.items() if kind is Kind.LIMIT), None)
    others = {name: cost for (name, kind), cost in costs.items() if kind in {Kind.PEER, Kind.BY_HAND}}
    best = min((cost for name, cost in others.items() if sum(right[name]) * 2 > len(right[name])), default=None)
    lines = [
        "### CPU of 1,000 more requests",
        "",
        "| client | right | s | × C | × best other that is right |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {sum(right[name])} of {len(right[name])} | {_number(cost)} | {_ratio(cost, limit)} "
        f"| {_ratio(cost, best)} |"
        for (name, _), cost in costs.items()
    ]
    return "\n".join(lines)


def _marginal(pair: Mapping[float, Figures]) -> float:
    if len(pair) < 2:
        return math.nan
    (_, short), *_, (_, long) = sorted(pair.items())
    more = long.requests - short.requests
    return 1000 * (long.cpu_s - short.cpu_s) / more if more > 0 else math.nan


def _small(results: Sequence[Result]) -> str:
    return _simple(
        valid(results, "small"),
        "50 requests at 20/s, the whole process; the peak is that of its largest process",
        {"wall s": lambda f: f.wall_s, "CPU s": lambda f: f.cpu_s, "peak MiB": lambda f: f.peak_mib},
    )


def _neighbour(results: Sequence[Result]) -> str:
    return _simple(
        valid(results, "neighbour"),
        "A busy neighbour on the client's core, usual scheduler, 200/s",
        {
            "receive lag p50 ms": lambda f: f.lag_p50_ms,
            "receive lag p99 ms": lambda f: f.lag_p99_ms,
            "TTFT error p99 ms": lambda f: f.ttft_p99_ms,
            "send slip p99 ms": lambda f: f.slip_p99_ms,
        },
    )


def _memory(results: Sequence[Result]) -> str:
    return _simple(
        valid(results, "memory"),
        "100,000 requests of 200 tokens",
        {"requests": lambda f: f.requests, "peak MiB": lambda f: f.peak_mib, "CPU s": lambda f: f.cpu_s},
    )


def _simple(rows: Sequence[Result], title: str, columns: Mapping[str, Taking]) -> str:
    if not rows:
        return ""
    grouped: dict[str, list[Figures]] = defaultdict(list)
    for row in rows:
        grouped[row.client].append(row.figures)
    lines = [f"### {title}", "", f"| client | {' | '.join(columns)} |", f"| --- |{' --- |' * len(columns)}"]
    for name, runs in grouped.items():
        found = median_of(runs)
        lines.append(f"| {name} | {' | '.join(_number(take(found)) for take in columns.values())} |")
    return "\n".join(lines)


def _ratio(value: float, by: float | None) -> str:
    return f"{value / by:.2g}" if by else ""


def _number(value: float | None) -> str:
    if value is None:
        return "not told"
    if math.isnan(value):
        return "failed"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
