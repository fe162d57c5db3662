"""The baseline that renews itself: a good run becomes it the first time, and when the frequency says so."""

from __future__ import annotations

from lens_gate.artifacts.verdict import Verdict
from lens_gate.baselines.fitness import Standards
from lens_gate.baselines.renewal import renewal
from lens_gate.config.model import BaselineChoice
from lens_gate.errors import ConditionFailed
from lens_gate.steps.archived.store_address import is_store, named_file, renewed_every
from lens_gate.steps.baselines.keeping import current_of, record, succeeding, unfit
from lens_gate.steps.baselines.uploading import Parcel
from lens_gate.steps.judging.judge import Rules
from lens_gate.steps.line import publishing
from lens_gate.steps.world import World
from lens_gate.vocabulary.stored_runs import Selection


def renew(parcel: Parcel, verdict: Verdict, judged_by: Rules, world: World) -> None:
    """Make a run that was judged the baseline, if that is asked for and its time has come; say what was done and why.

    Nobody ordered this renewal of this run, so that somebody who was faster is no failure. Raises PublishFailed where
    the store cannot be read or written.
    """
    with publishing("the baseline was not renewed", hint="`lens-gate baseline save` makes the run the baseline later."):
        try:
            said = _renewed(parcel, verdict, judged_by, world)
        except ConditionFailed as overtaken:
            said = f"This run does not become the baseline: {overtaken.message}."
    if said is not None:
        world.say(said)


def _renewed(parcel: Parcel, verdict: Verdict, judged_by: Rules, world: World) -> str | None:
    chosen = judged_by.config.regression.baseline
    if chosen is None or not _renewable(chosen, world):
        return None
    store = world.store(chosen.source or "")
    current = current_of(store, chosen.name)
    saved = current.kept.row.start_time if current else None
    decided = renewal(saved=saved, every_s=renewed_every(chosen), now=world.now(), name=chosen.name)
    if not decided.due:
        return decided.note
    packed = parcel.packed
    standards = Standards(min_requests=chosen.min_sample_size, must_match=chosen.must_match)
    compared = verdict.analysis.source == "stored" and judged_by.baselines == (chosen.source,)
    found = unfit(packed, current, standards, world, branch=chosen.branch, compared=compared)
    if found:
        reasons = " ".join(one.sentence for one in found)
        return f"This run does not become the baseline {chosen.name}. {reasons}"
    record(succeeding(packed, current, world), store, name=chosen.name, current=current)
    first = "recorded" if current is None else "renewed"
    return f"This run was {first} as the baseline {chosen.name} in {store.place}."


def _renewable(chosen: BaselineChoice, world: World) -> bool:
    """Whether the configuration names a baseline by its name in a store."""
    source = chosen.source
    if source is None or chosen.select is not Selection.NAMED or named_file(source) is not None:
        return False
    return is_store(source, world.directory)
