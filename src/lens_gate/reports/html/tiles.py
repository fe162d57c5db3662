"""The facts under the verdict: how it was measured, whether that is valid, and what it cost, in a few words each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.run import ModelResult, Run, Spend, Validity
from lens_gate.reports.facts import basis_of, known_usd, measured_anything, pairs_used, partners, results
from lens_gate.reports.numbers import NOTHING, duration, plural, quantity, share_of, usd, usd_as_set
from lens_gate.vocabulary.requests import Arm


@dataclass(frozen=True, slots=True)
class Tile:
    """One fact: what it is about, the fact, and what stands behind it."""

    title: str
    value: str
    note: str


def tiles(measured: Analysis | Run) -> tuple[Tile, ...]:
    """Return the facts of a run or its analysis."""
    return (_how(measured), _measurement(measured), _errors(measured), _cost(measured), _spent(measured))


def _how(measured: Analysis | Run) -> Tile:
    if isinstance(measured, Run):
        both = "both versions at the same time" if measured.base_providers else "this version alone"
        return Tile("How", both, "not judged")
    match measured.source:
        case "duet":
            return Tile("How", f"duet, {pairs_used(measured.coverage)}", "both versions at the same time")
        case "stored":
            basis = basis_of(measured)
            runs = plural(basis.runs, "stored run") if basis else "a stored run"
            return Tile("How", f"against {runs}", "both days are in the difference")
        case "none" if any(arm.arm is Arm.BASE for arm in measured.arms):
            return Tile("How", "both versions", "without a comparison")
        case "none":
            return Tile("How", "this version alone", "no other one to compare with")
        case _ as never:
            assert_never(never)


def _measurement(measured: Analysis | Run) -> Tile:
    validity, providers = measured.validity, (*measured.providers, *measured.base_providers)
    if validity.valid and not measured_anything(providers):
        return Tile("Measurement", "nothing measured", "no request succeeded")
    broken = sum(not check.ok for check in validity.checks)
    warned = f", {plural(broken, 'warning')}" if broken else ""
    value = f"valid{warned}" if validity.valid else "not valid"
    return Tile("Measurement", value, _lateness(validity) if validity.valid else "says nothing about the endpoint")


def _lateness(validity: Validity) -> str:
    late = next((check.value for check in validity.checks if check.name == "send_lateness_p99"), None)
    if late is None:
        return f"{plural(len(validity.checks), 'question')} asked of the instrument"
    return f"99 of 100 sent within {quantity(late, 'ms')} of plan"


def _errors(measured: Analysis | Run) -> Tile:
    now, before = _both(measured)
    total = sum(model.requests.total for model in now)
    return Tile("Errors", _change(_failed, now, before), f"of {plural(total, 'request')}{' each' if before else ''}")


def _failed(models: Sequence[ModelResult]) -> str:
    total = sum(model.requests.total for model in models)
    return share_of(total - sum(model.requests.successful for model in models), total)


def _cost(measured: Analysis | Run) -> Tile:
    now, before = _both(measured)
    if len(now) == 1:
        return Tile("Cost of an answer", _change(_of_an_answer, now, before), "mean of all answers")
    return Tile("Cost of all answers", _change(_of_all_answers, now, before), plural(len(now), "model"))


def _of_an_answer(models: Sequence[ModelResult]) -> str:
    value = models[0].cost.average_per_request_usd
    return NOTHING if value is None else usd(value)


def _of_all_answers(models: Sequence[ModelResult]) -> str:
    known = [model.cost.total_usd for model in models if model.cost.total_usd is not None]
    return usd(sum(known)) if known else NOTHING


def _both(measured: Analysis | Run) -> tuple[Sequence[ModelResult], Sequence[ModelResult]]:
    """Return the results of this version, and those of the other one for the same models."""
    found = partners(measured.providers, measured.base_providers)
    return tuple(results(measured.providers).values()), tuple(found.values())


def _change(
    told: Callable[[Sequence[ModelResult]], str], now: Sequence[ModelResult], before: Sequence[ModelResult]
) -> str:
    new, old = told(now), told(before) if before else ""
    if not old:
        return new
    return f"{new}, unchanged" if new == old else f"{old} → {new}"


def _spent(measured: Analysis | Run) -> Tile:
    models = [
        model for providers in (measured.providers, measured.base_providers) for model in results(providers).values()
    ]
    stored = isinstance(measured, Analysis) and measured.source == "stored"
    counted = results(measured.providers).values() if stored else models
    total = sum(model.requests.total for model in counted)
    took = duration(measured.benchmark.duration_seconds)
    return Tile("This run", _money(measured.spend), f"{plural(total, 'request')} in {took}")


def _money(spend: Spend) -> str:
    known = known_usd(spend)
    of_cap = f" of {usd_as_set(spend.cap_usd)}" if spend.cap_usd is not None else ""
    return f"{NOTHING if known is None else usd(known)}{of_cap}"
