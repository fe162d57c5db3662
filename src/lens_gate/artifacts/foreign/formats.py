"""Which format a file has, and the translation of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import assert_never

from lens_gate.artifacts.compressed import MAGIC, decompress
from lens_gate.artifacts.foreign import aiperf, guidellm, llmperf, table, vllm
from lens_gate.artifacts.foreign.recording import Names, Recording, Source
from lens_gate.errors import ArtifactCorrupt, ArtifactProblem


class Format(StrEnum):
    """What `lens-gate import` reads; `CSV` is our own table."""

    CSV = "csv"
    GUIDELLM = "guidellm"
    AIPERF = "aiperf"
    VLLM = "vllm"
    LLMPERF = "llmperf"


_BEGINNING = 65_536
_MARKS: Mapping[Format, tuple[tuple[bytes, ...], ...]] = {
    Format.GUIDELLM: (guidellm.MARKS,),
    Format.AIPERF: (aiperf.MARKS, aiperf.SUMMARY_MARKS),
    Format.VLLM: (vllm.MARKS,),
    Format.LLMPERF: (llmperf.MARKS, llmperf.SUMMARY_MARKS),
    Format.CSV: (table.MARKS,),
}


def unpacked(name: str, data: bytes) -> Source:
    """Return a file as it was given, unpacked where it is gzipped. Raises ArtifactCorrupt where it is empty."""
    text = decompress(data, name=name) if data.startswith(MAGIC) else data
    if not text.strip():
        raise ArtifactCorrupt("the file is empty", place=name, hint="Copy it again, or repeat the measurement.")
    return Source(name=name, data=text)


def format_of(source: Source) -> Format:
    """Tell the format of a file by what its beginning holds. Raises ArtifactCorrupt where it is none of ours."""
    beginning = source.data[:_BEGINNING]
    for form, alternatives in _MARKS.items():
        if any(all(mark in beginning for mark in marks) for marks in alternatives):
            return form
    raise ArtifactCorrupt(
        "this is no table of lens-gate, and no result of guidellm, aiperf, vLLM or llmperf",
        place=source.name,
        hint="Name its format with --format to see what it lacks.",
    )


def common_format(sources: Sequence[Source]) -> Format:
    """Return the one format of several files. Raises ArtifactProblem where they mix formats."""
    found = {source.name: format_of(source) for source in sources}
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{name} is of {form}" for name, form in found.items())
        raise ArtifactProblem(
            f"the files have different formats: {listed}",
            place="import",
            hint="What was measured by different tools cannot be compared; import one tool's files at a time.",
        )
    return next(iter(found.values()))


def translate(sources: Sequence[Source], form: Format, names: Names, *, part: int | None) -> tuple[Recording, ...]:
    """Read the files of one arm. Raises ArtifactCorrupt and ArtifactProblem, each with its place."""
    found = _translated(sources, form, names, part)
    for recording in found:
        if not recording.requests:
            raise ArtifactProblem("there is no request in it", place=recording.source, hint="Repeat the measurement.")
    return found


def _translated(sources: Sequence[Source], form: Format, names: Names, part: int | None) -> tuple[Recording, ...]:
    match form:
        case Format.CSV:
            return tuple(table.read(source, names) for source in sources)
        case Format.GUIDELLM:
            return tuple(guidellm.read(source, names, part) for source in sources)
        case Format.AIPERF:
            return (aiperf.read(sources, names),)
        case Format.VLLM:
            return tuple(vllm.read(source, names, part) for source in sources)
        case Format.LLMPERF:
            return llmperf.read(sources, names)
        case _ as never:
            assert_never(never)
