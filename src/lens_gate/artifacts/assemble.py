"""Where the samples of a run lie: inline while they are few, in a file beside the artifact when they are many."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import assert_never

from pydantic import JsonValue

from lens_gate.artifacts.columns import decode, encode
from lens_gate.artifacts.journal import decode_journal, encode_blocks, encode_header
from lens_gate.artifacts.run import InlineSamples, Run, Sidecar
from lens_gate.artifacts.samples import Samples
from lens_gate.errors import ArtifactCorrupt

INLINE_LIMIT = 20_000

_HINT = "Keep the samples file of the same run beside it, under the name that the run gives."


def embed(
    samples: Samples, *, sidecar_name: str, run: str = "", run_head: JsonValue = None
) -> tuple[InlineSamples | Sidecar, bytes | None]:
    """Return what the run says of its samples, and the bytes of the sidecar where they are more than INLINE_LIMIT.

    `sidecar_name` is a bare file name; `run` and `run_head` go into the head of the sidecar.
    """
    if len(samples) <= INLINE_LIMIT:
        return InlineSamples(requests=len(samples), columns=encode(samples)), None
    data = b"".join([encode_header(run=run, run_head=run_head), *encode_blocks(samples)])
    return sidecar_of([data], file=sidecar_name, requests=len(samples)), data


def sidecar_of(pieces: Iterable[bytes], *, file: str, requests: int) -> Sidecar:
    """Describe a sidecar that was written already, such as the journal of a run, from its bytes in any pieces."""
    digest = hashlib.sha256()
    size = 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    return Sidecar(file=file, sha256=digest.hexdigest(), bytes=size, requests=requests)


def samples_of(run: Run, read_sidecar: Callable[[str], bytes]) -> Samples:
    """Return the samples of a run; `read_sidecar` reads a file beside it, by the bare name that the run gives.

    Raises ArtifactCorrupt where the sidecar is not the one that the run was written with.
    """
    match run.samples:
        case InlineSamples(requests=requests, columns=columns):
            return _counted(decode(columns, name=run.benchmark.id), requests, run.benchmark.id)
        case Sidecar() as sidecar:
            return _sidecar_samples(sidecar, read_sidecar(sidecar.file))
        case _ as unreachable:
            assert_never(unreachable)


def require_sidecar(sidecar: Sidecar, data: bytes, *, place: str) -> None:
    """Raise ArtifactCorrupt where these bytes are not the sidecar that the run was written with."""
    if sidecar_of([data], file=sidecar.file, requests=sidecar.requests) != sidecar:
        raise ArtifactCorrupt(
            f"the run was written with a file of {sidecar.bytes} bytes and sha256 {sidecar.sha256[:12]}…, "
            f"this one has {len(data)} bytes and other content",
            place=place,
            hint=_HINT,
        )


def _sidecar_samples(sidecar: Sidecar, data: bytes) -> Samples:
    require_sidecar(sidecar, data, place=sidecar.file)
    return _counted(decode_journal(data, name=sidecar.file).samples, sidecar.requests, sidecar.file)


def _counted(samples: Samples, requests: int, name: str) -> Samples:
    if len(samples) != requests:
        raise ArtifactCorrupt(
            f"the run says {requests} requests, its samples hold {len(samples)}", place=name, hint=_HINT
        )
    return samples
