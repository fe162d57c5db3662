"""Which verdicts of a run a later attempt has taken back: a platform keeps the files of all attempts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from lens_gate.artifacts.codec import Artifact
from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.artifacts.verdict import PipelineJob, Verdict
from lens_gate.vocabulary.outcomes import ExitCode, Outcome

_Batch = list[tuple[PipelineJob, Verdict | UnmeasuredJob, Path]]


def replaced(found: Iterable[tuple[Artifact, Path]], *, settled: bool) -> set[Path]:
    """Return which verdicts a later attempt has replaced: one that left as many under their name.

    A job that crashed has left nothing. Where legs share a name, nobody knows which of them ran again: then nothing is
    replaced by what is better, unless it is `settled` that each ended with success in its last attempt.
    """
    lines: dict[tuple[str, str, int], dict[int, _Batch]] = defaultdict(lambda: defaultdict(list))
    for one, path in found:
        if isinstance(one, Verdict | UnmeasuredJob) and (job := one.job) is not None:
            lines[job.suite, job.job, job.run_id][job.attempt].append((job, one, path))
    return {
        path
        for attempts in lines.values()
        for attempt, earlier in attempts.items()
        if any(later > attempt and _replaces(attempts[later], earlier, settled=settled) for later in attempts)
        for _, _, path in earlier
    }


def _replaces(later: _Batch, earlier: _Batch, *, settled: bool) -> bool:
    if len(later) < len(earlier):
        return False
    if settled or all(job.named for job, _, _ in (*later, *earlier)):
        return True
    return all(now <= before for now, before in zip(_worst_first(later), _worst_first(earlier), strict=False))


def _worst_first(batch: _Batch) -> Sequence[tuple[bool, bool]]:
    return sorted((_fails_nothing(one), one.outcome is Outcome.PASS) for _, one, _ in batch)


def _fails_nothing(one: Verdict | UnmeasuredJob) -> bool:
    return isinstance(one, UnmeasuredJob) or one.exit_code is ExitCode.OK
