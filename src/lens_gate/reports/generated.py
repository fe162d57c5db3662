"""Documentation that is written from the code, so that the two cannot drift apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from lens_gate.errors import LensGateError
from lens_gate.vocabulary.metric_table import METRICS
from lens_gate.vocabulary.metrics import Direction, Metric, Scope
from lens_gate.vocabulary.outcomes import PRECEDENCE, ExitCode
from lens_gate.vocabulary.requests import MEANINGS, ErrorClass

_WRITTEN = "Written by `make docs` from the code; edit it there."
_DIRECTIONS = {
    Direction.LOWER_IS_BETTER: "lower is better",
    Direction.HIGHER_IS_BETTER: "higher is better",
    Direction.TWO_SIDED: "either direction counts",
}
_EXIT_CODES: Mapping[ExitCode, str] = {
    ExitCode.OK: (
        "pass; also warnings, and inconclusive, nothing_to_compare or no_baseline where the policy does not fail them "
        "(the default): the check is neutral, JUnit says skipped, the last line says which"
    ),
    ExitCode.GATE_FAILED: "the gate failed: a regression, or a breached gate or budget of severity `error`",
    ExitCode.USAGE: "usage or configuration error",
    ExitCode.COULD_NOT_MEASURE: (
        "could not measure: endpoint, authentication, quota, or the run is invalid; also a gated series that was not "
        "measured, unless `min_coverage` allows it"
    ),
    ExitCode.INCONCLUSIVE: "inconclusive, where `--fail-on inconclusive`",
    ExitCode.NO_BASELINE: "a named baseline is unfit; none, or nothing to compare, where `--fail-on` says so",
    ExitCode.CAP_REACHED: "stopped by a cost or time cap before an answer",
    ExitCode.PUBLISH_FAILED: "a store, report or notification could not be written or published",
    ExitCode.DEFECT: "a defect in lens-gate itself: an uncaught exception must not look like a verdict",
    ExitCode.INTERRUPTED: "interrupted; what was measured so far is kept",
}


def generated_docs() -> Mapping[str, Callable[[], str]]:
    """Return each generated file with the function that writes its text."""
    return {
        "docs/metrics.md": metrics_markdown,
        "docs/error-classes.md": error_classes_markdown,
        "docs/exit-codes.md": exit_codes_markdown,
    }


def metrics_markdown() -> str:
    """Return the table of all metrics, those of each series first."""
    return _page(
        "Metrics",
        "The names that configuration, artifacts and reports share. A threshold on a metric maps to the *hypothesis* "
        "of its row; a metric without one is shown, or held against an absolute limit. Rates and shares are "
        "percentages from 0 to 100.",
        (line for scope in Scope for line in _metric_section(scope)),
    )


def error_classes_markdown() -> str:
    """Return the table of all error classes."""
    rows = ((f"`{kind.value}`", _counted_as(kind), MEANINGS[kind]) for kind in ErrorClass)
    return _page(
        "Error classes",
        "How a request can go wrong, in one vocabulary for all providers: `error_class` of the samples, "
        "`errors[].type` of the summaries, `error_type` of the CSV.",
        _table(("class", "counts as", "meaning"), rows),
    )


def exit_codes_markdown() -> str:
    """Return the table of exit codes, which one wins, and which error gives which."""
    codes = ((str(int(code)), f"`{code.name.lower()}`", _EXIT_CODES[code]) for code in ExitCode)
    raised = (
        (f"`{error.__name__}`", str(error.exit_code), (error.__doc__ or "").strip().partition("\n")[0])
        for error in _errors(LensGateError)
    )
    return _page(
        "Exit codes",
        "The contract with every pipeline that calls `lens-gate`. The outcome is also in the artifact and in the last "
        "line on stderr, for wrappers that lose the code.",
        [
            *_table(("code", "name", "meaning"), codes),
            "",
            f"When several apply, the first of these wins: {', '.join(str(int(code)) for code in PRECEDENCE)}.",
            "",
            "## Errors",
            "",
            *_table(("error", "code", "meaning"), raised),
        ],
    )


def _metric_section(scope: Scope) -> Iterator[str]:
    title = {Scope.SERIES: "Of each series (one model of one provider)", Scope.RUN: "Of the whole run"}[scope]
    head = ("name", "unit", "scope", "direction", "definition", "hypothesis", "interval", "elsewhere")
    yield f"## {title}"
    yield ""
    yield from _table(head, (_metric(row) for row in METRICS if row.scope is scope))
    yield ""


def _metric(row: Metric) -> tuple[str, ...]:
    return (
        f"`{row.name}`",
        row.unit.value,
        row.scope.value,
        _DIRECTIONS[row.direction],
        row.definition,
        f"`{row.hypothesis.value}`" if row.hypothesis else "none",
        row.interval,
        "; ".join(row.peers),
    )


def _counted_as(kind: ErrorClass) -> str:
    if kind is ErrorClass.NONE:
        return "success"
    if kind.throttled:
        return "throttled"
    if kind is ErrorClass.SHED:
        return "shed"
    if kind.by_us:
        return "nothing"
    return "failed, its latency censored at the limit" if kind.censors_latency else "failed"


def _errors(parent: type[LensGateError]) -> Iterator[type[LensGateError]]:
    """Return the errors of errors.py below one of them, in the order of their tree."""
    for error in parent.__subclasses__():
        if error.__module__ == parent.__module__:
            yield error
            yield from _errors(error)


def _page(title: str, text: str, lines: Iterable[str]) -> str:
    body = "\n".join(lines).rstrip("\n")
    return f"# {title}\n\n{_WRITTEN}\n\n{text}\n\n{body}\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rule = ["---"] * len(head)
    return [f"| {' | '.join(map(_cell, cells))} |" for cells in (head, rule, *rows)]


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|") or " "
