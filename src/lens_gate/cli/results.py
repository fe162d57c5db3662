"""What `report` tells others of what it read: verdicts, and which jobs have none since they were excused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from lens_gate.artifacts.codec import Artifact
from lens_gate.cli.publishing import places_of, platform_of
from lens_gate.steps.judging.judge import Rules
from lens_gate.steps.publishing.publish import Result
from lens_gate.steps.publishing.unmeasured import Unmeasured
from lens_gate.steps.publishing.what import believed, finished_of
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import Outcome


def results_of(
    found: Sequence[tuple[Artifact, Path]],
    given: Sequence[str],
    judged_by: Rules,
    options: Mapping[str, Any],
    here: World,
) -> tuple[Result, ...]:
    """Return the results in what was read, by the names that were given to them; of another's run what is believed."""
    places, exit_zero = places_of(judged_by, here), options["exit_zero"]
    results = finished_of(found, judged_by, here, suites=given, places=places, exit_zero=exit_zero)
    platform = platform_of(here.environment, click.echo)
    if platform is None or not platform.trusted_half:
        return results
    return tuple(believed(one, platform.measured_without_secrets) for one in results)


def say_unmeasured(results: Sequence[Result], code: int, here: World) -> None:
    """Say loudly of which results nobody has measured anything; where that is all of them, `code` is what it means."""
    left = [one for one in results if isinstance(one, Unmeasured)]
    for one in left:
        here.say(f"warning: {one.suite}: {one.title}. {one.why}\n  {one.missing}")
    if left and len(left) == len(results):
        here.say(f"lens-gate: outcome={Outcome.NOT_MEASURED} exit={code}")
