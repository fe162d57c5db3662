"""The step `import`: what other tools measured becomes runs, and pairs only where they were sent as pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from lens_gate.analysis.imported import Merged, alone, arm_of_merged, both, merged
from lens_gate.analysis.interleaved import Apart, duet_in
from lens_gate.artifacts.assemble import embed
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.foreign.formats import Format, common_format, translate, unpacked
from lens_gate.artifacts.foreign.recording import Names, Recording, Source
from lens_gate.artifacts.run import Run
from lens_gate.errors import UsageProblem
from lens_gate.steps.imported_run import Material, imported_run
from lens_gate.steps.world import World
from lens_gate.stores.files import read_file, write_file, write_named
from lens_gate.vocabulary.requests import Arm

NOT_NAMED = Names()
BASE_SUFFIX = "-base"
"""What the name of the base's own run gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOrder:
    """What is to be imported: the files, those of the other arm, and what they do not say themselves."""

    files: tuple[Path, ...]
    base: tuple[Path, ...] = ()
    form: Format | None = None
    names: Names = NOT_NAMED
    part: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The runs that were written, by where: one, or where two arms are no pairs the candidate's and the base's.

    `apart` then says why, as a clause.
    """

    runs: Mapping[Path, Run]
    apart: str | None = None


def import_files(order: ImportOrder, output: Path, world: World) -> Imported:
    """Translate the files, and write one run of them, or two.

    Nothing is written where anything cannot be read. Raises ArtifactCorrupt, ArtifactProblem, UsageProblem and
    PublishFailed.
    """
    form, files, base_files = _sources(order)
    candidate = translate(files, form, order.names, part=order.part)
    base = translate(base_files, form, order.names, part=order.part) if base_files else ()
    materials, apart = _materials(candidate, base)
    paths = (output, base_path(output))
    runs = {path: _written(material, path, world) for path, material in zip(paths, materials, strict=False)}
    return Imported(runs=runs, apart=apart)


def base_path(output: Path) -> Path:
    """Return where the base's own run goes: beside the candidate's."""
    stem, dot, rest = output.name.partition(".")
    return output.with_name(f"{stem}{BASE_SUFFIX}{dot}{rest}")


def _sources(order: ImportOrder) -> tuple[Format, list[Source], list[Source]]:
    """Read all files before any is translated, and tell their one format."""
    files, base = ([unpacked(str(path), read_file(path)) for path in paths] for paths in (order.files, order.base))
    return order.form or common_format([*files, *base]), files, base


def _materials(candidate: Sequence[Recording], base: Sequence[Recording]) -> tuple[tuple[Material, ...], str | None]:
    """Return what the runs are made of, and why the arms are apart where they are two."""
    mine = merged(candidate)
    if base:
        theirs = merged(base)
        _require_one_arm(mine, theirs)
        return _paired_or_apart(both(mine, theirs), {Arm.CANDIDATE: (mine, candidate), Arm.BASE: (theirs, base)})
    split = {arm: (rows, candidate) for arm in (Arm.CANDIDATE, Arm.BASE) if (rows := arm_of_merged(mine, arm))}
    if len(split) == 1:
        return (Material(merged=alone(mine), recordings={Arm.CANDIDATE: candidate}),), None
    return _paired_or_apart(mine, split)


def _require_one_arm(*sides: Merged) -> None:
    if any(len(set(side.samples.texts["arm"].strings())) > 1 for side in sides):
        raise UsageProblem(
            "the files hold both arms already, and --base names another one",
            hint="Leave --base out, or give files of one arm each.",
        )


def _paired_or_apart(
    together: Merged | None, split: Mapping[Arm, tuple[Merged, Sequence[Recording]]]
) -> tuple[tuple[Material, ...], str | None]:
    found = duet_in(together) if together else Apart(reason="the files name no times on a common clock")
    match found:
        case Merged():
            recordings = {arm: recordings for arm, (_, recordings) in split.items()}
            return (Material(merged=found, recordings=recordings),), None
        case Apart(reason=reason):
            sides = (split[Arm.CANDIDATE], split[Arm.BASE])
            return tuple(Material(merged=alone(one), recordings={Arm.CANDIDATE: its}) for one, its in sides), reason
        case _ as never:
            assert_never(never)


def _written(material: Material, path: Path, world: World) -> Run:
    """Write a run, its samples first where they lie beside it."""
    sidecar = path.with_name(f"{path.name.partition('.')[0]}.samples.jsonl.gz")
    run_id = world.new_id()
    reference, data = embed(material.merged.samples, sidecar_name=sidecar.name, run=run_id)
    run = imported_run(material, reference, run_id, world)
    if data is not None:
        write_file(sidecar, data)
    write_named(path, dumps(run))
    return run
