"""What is known of a run before its first request: the head of its journal, under the names of the run."""

from __future__ import annotations

from pydantic import Field, JsonValue, ValidationError

from lens_gate.artifacts.envelope import Fingerprint, Frozen, Provenance
from lens_gate.artifacts.instrument import Instrument
from lens_gate.artifacts.run import ArmIdentity, Beside, Comparison, Finite, Plan, Spend, Uncovered
from lens_gate.errors import ArtifactCorrupt


class RunHead(Frozen):
    """The fields of Run that are known at its start, and what its summaries need.

    `start_time` is the time of day at the zero of all times in the samples; of `spend` the cap and the prices count.
    `validity_limits` are the section of the configuration by which the instrument is judged.
    """

    provenance: Provenance
    fingerprint: Fingerprint
    name: str
    start_time: str
    config: JsonValue
    plan: Plan
    arms: tuple[ArmIdentity, ...]
    comparison: Comparison | None
    uncovered: tuple[Uncovered, ...]
    spend: Spend
    transport: str
    percentiles: tuple[Finite, ...]
    resolution_seconds: Finite
    validity_limits: dict[str, JsonValue] = Field(default_factory=dict)
    instrument: Instrument | None = None
    kept: tuple[Beside, ...] = ()


def read_head(head: JsonValue, *, name: str) -> RunHead:
    """Read the head of a journal; ArtifactCorrupt where it does not describe a run. `name` is the file."""
    try:
        return RunHead.model_validate(head)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "run_head"
        raise ArtifactCorrupt(
            f"the head of this journal does not describe a run (`{where}`: {first['msg']})",
            place=name,
            hint="Give a journal that `lens-gate run` left, read by the version that wrote it.",
        ) from error
