"""From bytes to validated values: JSON, JSON lines, and what is said where they are not as they should be."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lens_gate.artifacts.foreign.recording import DAMAGED, Names, Source
from lens_gate.errors import ArtifactCorrupt, ArtifactProblem

NS_PER_S = 1e9
NS_PER_MS = 1e6

_LONGEST_S = 9e6
"""Samples are exact for 104 days, in nanoseconds."""


class Lenient(BaseModel):
    """A part of somebody else's file: what we do not use may be there or change, what we use must be right."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


Seconds = Annotated[float, Field(ge=0, le=_LONGEST_S)]
Milliseconds = Annotated[float, Field(ge=0, le=1e3 * _LONGEST_S)]
EpochSeconds = Annotated[float, Field(ge=0, le=1e10)]
EpochNanoseconds = Annotated[int, Field(ge=0, le=10**19)]
Count = Annotated[int, Field(ge=0, le=2**40)]

_Kind = TypeVar("_Kind", bound=BaseModel)


def ns(seconds: float) -> int:
    """Return seconds as whole nanoseconds."""
    return round(seconds * NS_PER_S)


def validated(kind: type[_Kind], source: Source, *, lacking: str = DAMAGED) -> _Kind:
    """Read a JSON file as `kind`; `lacking` is the hint where a key is missing. Raises ArtifactCorrupt."""
    try:
        return kind.model_validate_json(source.data)
    except ValidationError as error:
        raise problem(error, place=source.name, lacking=lacking) from error


def validated_lines(kind: type[_Kind], source: Source, *, lacking: str = DAMAGED) -> list[tuple[str, _Kind]]:
    """Read JSON lines as `kind`, each with its place (file and line). Raises ArtifactCorrupt."""
    found = []
    for number, line in enumerate(source.data.split(b"\n"), start=1):
        if line.strip():
            place = f"{source.name}:{number}"
            found.append((place, validated(kind, Source(name=place, data=line), lacking=lacking)))
    return found


def problem(error: ValidationError, *, place: str, lacking: str) -> ArtifactCorrupt:
    """Say what is wrong with the first value that is; keys that are missing are all named."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    missing = [_path(one["loc"]) for one in found if one["type"] == "missing"]
    if missing:
        return ArtifactCorrupt(f"there is no {' and no '.join(missing[:8])}", place=place, hint=lacking)
    first = found[0]
    if first["type"] == "json_invalid":
        return ArtifactCorrupt("the JSON is cut short or damaged", place=place, hint=DAMAGED)
    return ArtifactCorrupt(f"{_path(first['loc'])}: {first['msg']}", place=place, hint=DAMAGED)


def _path(location: Sequence[int | str]) -> str:
    return f"`{'.'.join(str(part) for part in location) or 'file'}`"


def same_length(columns: dict[str, int], source: Source) -> None:
    """Refuse columns of different lengths, given by name."""
    if len(set(columns.values())) > 1:
        told = ", ".join(f"`{name}` has {length}" for name, length in columns.items())
        raise ArtifactCorrupt(f"the columns differ in length: {told}", place=source.name, hint=DAMAGED)


def documents(source: Source) -> list[Source]:
    """Return the JSON objects that were written one a line into the same file; else the file as it is."""
    lines = [line for line in source.data.splitlines() if line.strip()]
    if len(lines) < 2 or not _is_object(lines[0]):
        return [source]
    return [Source(name=f"{source.name}, part {number}", data=line) for number, line in enumerate(lines, start=1)]


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def only_model(models: Collection[str], names: Names, source: Source) -> str:
    """Return the model of a file that can hold one only: what the user calls it, else what the file calls it.

    Raises ArtifactProblem where the file mixes models, or neither names one.
    """
    if len(models) > 1:
        listed = ", ".join(sorted(models)[:5])
        raise ArtifactProblem(
            f"the file mixes requests to {len(models)} models ({listed}), and a series is one model",
            place=source.name,
            hint="Measure one model at a time.",
        )
    model = names.model or next(iter(models), None)
    if model is None:
        raise ArtifactProblem("the file names no model", place=source.name, hint="Name it with --model.")
    return model


_Part = TypeVar("_Part")


def chosen(parts: Sequence[_Part], number: int | None, source: Source) -> _Part:
    """Return the part that was asked for, counted from 1, of a file that may hold several. Raises ArtifactProblem."""
    if not parts:
        raise ArtifactProblem("the file holds no benchmark", place=source.name, hint="Repeat the measurement.")
    if number is None and len(parts) > 1:
        raise ArtifactProblem(
            f"the file holds {len(parts)} benchmarks, and a run is one of them",
            place=source.name,
            hint=f"Choose one with --part 1 to --part {len(parts)}.",
        )
    if number is not None and number > len(parts):
        raise ArtifactProblem(
            f"there is no part {number}: the file holds {len(parts)}",
            place=source.name,
            hint="Parts are counted from 1.",
        )
    return parts[(number or 1) - 1]
