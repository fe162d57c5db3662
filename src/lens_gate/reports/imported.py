"""What `lens-gate import` says: what was written where, why two arms are no pairs, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lens_gate.artifacts.run import Run
from lens_gate.reports.escape import plain, shell_word
from lens_gate.reports.facts import results, valid
from lens_gate.reports.numbers import count, plural


def imported_lines(runs: Mapping[str, Run], *, apart: str | None) -> Iterator[str]:
    """Yield the lines; `runs` are by the name of their file, the base's own last, and `apart` is why it is one."""
    for name, run in runs.items():
        yield f"{plain(name)}: {_requests(run)} ({plain(run.transport)})."
        yield f"  {valid(run.validity)}"
    if apart is not None:
        yield f"These are two runs and no pairs, because {plain(apart)}."
        yield "Only requests that were sent as pairs can be judged as a duet. The second run can be the stored baseline"
        yield "of the first; then all that drifted between the two counts as well."
    yield f"Next: lens-gate gate {' --baseline '.join(map(shell_word, runs))}{_stored(runs, apart)}"


def _stored(runs: Mapping[str, Run], apart: str | None) -> str:
    """Return what is yet to be named where one version was imported alone."""
    alone = apart is None and all(run.comparison is None for run in runs.values())
    return " --baseline STORED_RUN.json" if alone else ""


def _requests(run: Run) -> str:
    """Return `300 requests of 1 model, 296 successful`, of both versions where there are two."""
    now, before = results(run.providers), results(run.base_providers)
    models = [*now.values(), *before.values()]
    total, good = (sum(getattr(model.requests, name) for model in models) for name in ("total", "successful"))
    both = " in two versions, sent as pairs" if before else ""
    return f"{plural(total, 'request')} to {plural(len(now), 'model')}{both}, {count(good)} successful"
