"""lens-gate beside the limit of the machine, aiohttp, and other load generators: `python -m benchmarks.load.compare`.

Server and client have a core each. At each rate a run begins with the C client: where that misses a limit, the run is
void and repeated. A client is right at a rate when most runs are, and a client that is wrong at two rates in a row
climbs no further. Every run is appended to --results, and the tables are made of that file, so parts can be run apart.

    python -m benchmarks.load.compare --plan                         # how long it takes
    python -m benchmarks.load.compare --parts rates cost             # measure
    python -m benchmarks.load.compare --report                       # only the tables
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.load.bench import Bench, measured, neighbour
from benchmarks.load.clients import Client, Kind, LimitClient, our_clients
from benchmarks.load.figures import Figures, Load, wrong
from benchmarks.load.peers import absent_peers, installed_peers
from benchmarks.load.processes import Place, fifo_allowed, fifo_share
from benchmarks.load.results import Result, Results
from benchmarks.load.server import Script
from benchmarks.load.tables import SHAPES, report

RATES = (20.0, 100.0, 200.0, 300.0, 500.0, 700.0, 1000.0, 1500.0, 2000.0, 3000.0)
PARTS = ("rates", "cost", "small", "neighbour", "memory")
WRONG_IN_A_ROW = 2
VOIDS_A_RUN = 2
START_UP_S = {Kind.LIMIT: 1.0, Kind.OURS: 3.0, Kind.BY_HAND: 2.0, Kind.PEER: 25.0}


@dataclass(frozen=True)
class Plan:
    """What is measured, and how."""

    bench: Bench
    clients: Sequence[Client]
    results: Results
    rates: Sequence[float]
    runs: int
    seconds: float
    warmup_s: float
    api: str
    tolerance: float
    setting: str

    def load(self, rate: float, seconds: float | None = None) -> Load:
        """Return the load of a rate."""
        return Load(rate, seconds or self.seconds, self.warmup_s, self.api)


def one_run(plan: Plan, part: str, load: Load, run: int, clients: Sequence[Client], bench: Bench | None = None) -> bool:
    """Measure each client once, the C client first; return whether the run counts."""
    bench = bench or plan.bench
    limit: Figures | None = None
    for client in clients:
        found = measured(client, load, bench)
        broken = wrong(found, limit, tolerance=plan.tolerance)
        void = client.kind is Kind.LIMIT and bool(broken) and part == "rates"
        plan.results.add(
            Result(
                part=part,
                client=client.name,
                kind=client.kind,
                api=load.api,
                tls=bench.tls,
                rate=load.rate,
                seconds=load.seconds,
                run=run,
                void=void,
                wrong=broken,
                setting=plan.setting,
                figures=found,
            )
        )
        said = f"void ({', '.join(broken)})" if void else (f"wrong: {', '.join(broken)}" if broken else "right")
        print(f"{part} {load.rate:g}/s run {run}: {client.name}: {said}", flush=True)
        if void:
            return False
        limit = found if client.kind is Kind.LIMIT else limit
    return True


def climb(plan: Plan) -> None:
    """Measure the ladder of rates."""
    behind = dict.fromkeys((client.name for client in plan.clients), 0)
    for rate in plan.rates:
        climbing = [client for client in plan.clients if behind[client.name] < WRONG_IN_A_ROW]
        if not any(client.kind is not Kind.LIMIT for client in climbing):
            return
        before = len(list(plan.results))
        voids, run = 0, 0
        while run < plan.runs and voids <= VOIDS_A_RUN * plan.runs:
            counts = one_run(plan, "rates", plan.load(rate), run, climbing)
            run, voids = run + counts, voids + (not counts)
        taken = [result for result in list(plan.results)[before:] if not result.void]
        for client in climbing:
            verdicts = [not result.wrong for result in taken if result.client == client.name]
            right = sum(verdicts) * 2 > len(verdicts)
            behind[client.name] = 0 if right or client.kind is Kind.LIMIT else behind[client.name] + 1


def cost(plan: Plan) -> None:
    """Measure the CPU of more requests at 500/s: the same run short and long."""
    for run in range(plan.runs):
        for seconds in (plan.seconds / 4, plan.seconds):
            one_run(plan, "cost", plan.load(500.0, seconds), run, plan.clients)


def small(plan: Plan) -> None:
    """Measure what a small run costs as a whole."""
    for run in range(plan.runs):
        one_run(plan, "small", Load(20.0, 2.5, 0.0, plan.api), run, plan.clients)


def beside_a_neighbour(plan: Plan) -> None:
    """Measure at 200/s with a process that takes what it can of the client's core."""
    bench = plan.bench.without_fifo()
    for run in range(plan.runs):
        with neighbour(bench.client):
            one_run(
                plan, "neighbour", plan.load(200.0), run, [c for c in plan.clients if c.kind is not Kind.PEER], bench
            )


def memory(plan: Plan) -> None:
    """Measure the peak memory of 100,000 requests of 200 tokens."""
    bench = replace(plan.bench, script=Script(gap_us=1000, tokens=200))
    one_run(
        plan,
        "memory",
        Load(300.0, 100_000 / 300.0, 0.0, plan.api),
        0,
        [c for c in plan.clients if c.kind is Kind.OURS],
        bench,
    )


ACTIONS: dict[str, Callable[[Plan], None]] = {
    "rates": climb,
    "cost": cost,
    "small": small,
    "neighbour": beside_a_neighbour,
    "memory": memory,
}


def planned_seconds(plan: Plan, part: str) -> float:
    """Estimate how long a part takes: no void runs, and no client that stops climbing."""

    def once(seconds: float, clients: Sequence[Client]) -> float:
        return sum(START_UP_S[client.kind] + plan.warmup_s + seconds for client in clients)

    ours = [client for client in plan.clients if client.kind is Kind.OURS]
    match part:
        case "rates":
            return plan.runs * len(plan.rates) * once(plan.seconds, plan.clients)
        case "cost":
            return plan.runs * (once(plan.seconds, plan.clients) + once(plan.seconds / 4, plan.clients))
        case "small":
            return plan.runs * once(2.5, plan.clients)
        case "neighbour":
            return plan.runs * once(2 * plan.seconds, [c for c in plan.clients if c.kind is not Kind.PEER])
        case _:
            return once(400.0, ours)


def chosen(names: Sequence[str], api: str) -> list[Client]:
    """Return the clients whose names contain one of `names` (all without any), the C client first."""
    others = [*our_clients(), *installed_peers(api)]
    kept = [client for client in others if not names or any(name.lower() in client.name.lower() for name in names)]
    return [LimitClient(), *kept]


def add_places(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where server and client run."""
    cores = sorted(os.sched_getaffinity(0))
    parser.add_argument("--scheduler", choices=("auto", "fifo", "other"), default="auto")
    parser.add_argument("--server-core", type=int, default=cores[0])
    parser.add_argument("--client-core", type=int, default=cores[-1])


def places_of(options: argparse.Namespace) -> tuple[Place, Place]:
    """Return the places of server and client."""
    fifo = options.scheduler == "fifo" or (options.scheduler == "auto" and fifo_allowed())
    return Place(options.server_core, fifo), Place(options.client_core, fifo)


def setting_of(server: Place, client: Place, options: argparse.Namespace) -> str:
    """Say what the figures hold for."""
    scheduler = f"SCHED_FIFO ({fifo_share():.0%} of a core)" if client.fifo else "the usual scheduler"
    wide = f", limits {options.tolerance:g} times as wide" if options.tolerance != 1 else ""
    return f"{scheduler}, server on core {server.core}, client on core {client.core}, {options.seconds:g} s a run{wide}"


def plan_of(options: argparse.Namespace) -> Plan:
    """Read what is asked for."""
    places = places_of(options)
    return Plan(
        bench=Bench(*places, tls=options.tls),
        clients=chosen(options.clients, options.api),
        results=Results(options.results),
        rates=options.rates,
        runs=options.runs,
        seconds=options.seconds,
        warmup_s=options.warmup,
        api=options.api,
        tolerance=options.tolerance,
        setting=setting_of(*places, options),
    )


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--clients", nargs="+", default=[], help="parts of names; the C client always runs")
    parser.add_argument("--rates", nargs="+", type=float, default=RATES)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="measured time of one run")
    parser.add_argument("--warmup", type=float, default=1.0, help="seconds before it that are sent and left out")
    parser.add_argument("--api", choices=tuple(SHAPES), default="openai-chat")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--tolerance", type=float, default=1.0, help="widens every limit, for trials")
    parser.add_argument("--results", type=Path, default=Path("results/load.jsonl"))
    parser.add_argument("--plan", action="store_true", help="print how long each part takes, and measure nothing")
    parser.add_argument("--report", action="store_true", help="print the tables of --results, and measure nothing")
    add_places(parser)
    return parser


def lines_of(plan: Plan, parts: Sequence[str]) -> Iterator[str]:
    """Say how long each part takes."""
    yield f"clients: {', '.join(client.name for client in plan.clients)}"
    yield f"not installed: {', '.join(absent_peers()) or 'none'}"
    for part in parts:
        yield f"{part}: at most about {planned_seconds(plan, part) / 60:.0f} minutes"


def main() -> None:
    options = arguments().parse_args()
    if not options.report:
        plan = plan_of(options)
        print("\n".join(lines_of(plan, options.parts)))
        for part in () if options.plan else options.parts:
            ACTIONS[part](plan)
    print(report(list(Results(options.results)), absent_peers()))


if __name__ == "__main__":
    main()
