from __future__ import annotations

import pytest

from lens_gate.artifacts.assemble import INLINE_LIMIT, embed, samples_of, sidecar_of
from lens_gate.artifacts.codec import dumps, load_run
from lens_gate.artifacts.columns import encode
from lens_gate.artifacts.journal import decode_journal, encode_block, encode_header
from lens_gate.artifacts.run import InlineSamples, Sidecar
from lens_gate.artifacts.samples import Samples
from lens_gate.errors import ArtifactCorrupt
from tests.unit.artifacts.artifact_examples import duet_rows, full_run
from tests.unit.artifacts.sample_strategies import same

NAME = "run.samples.jsonl.gz"
ROWS = Samples.of(duet_rows(pairs=10))
JOURNAL = encode_header(run="r") + encode_block(ROWS)


def no_file(name: str) -> bytes:
    raise AssertionError(name)


def many(count: int) -> Samples:
    return Samples.concatenate([ROWS] * (count // len(ROWS) + 1)).where(slice(count))


def test_few_samples_lie_inline_and_need_no_file() -> None:
    inline, data = embed(ROWS, sidecar_name=NAME)
    assert (inline.requests, data) == (20, None)
    assert same(samples_of(load_run(dumps(full_run(inline)), name="x"), no_file), ROWS)


def test_the_limit_itself_is_inline_and_one_more_is_not() -> None:
    assert isinstance(embed(many(INLINE_LIMIT), sidecar_name=NAME)[0], InlineSamples)
    samples = many(INLINE_LIMIT + 1)
    sidecar, data = embed(samples, sidecar_name=NAME, run="bench-1", run_head={"a": 1})
    assert isinstance(sidecar, Sidecar)
    assert data is not None
    assert (sidecar.file, sidecar.bytes, sidecar.requests) == (NAME, len(data), INLINE_LIMIT + 1)
    assert decode_journal(data, name=NAME).header.run == "bench-1"
    files = {NAME: data}
    assert same(samples_of(load_run(dumps(full_run(sidecar)), name="x"), files.__getitem__), samples)


def test_a_journal_is_described_by_streaming_it() -> None:
    pieces = [JOURNAL[start : start + 100] for start in range(0, len(JOURNAL), 100)]
    sidecar = sidecar_of(pieces, file=NAME, requests=20)
    assert sidecar == sidecar_of([JOURNAL], file=NAME, requests=20)
    assert same(samples_of(full_run(sidecar), lambda _: JOURNAL), ROWS)


@pytest.mark.parametrize("other", [JOURNAL[:-1], JOURNAL + b"\x00", JOURNAL[:-1] + b"\x01", b""])
def test_a_sidecar_of_other_content_is_refused(other: bytes) -> None:
    run = full_run(sidecar_of([JOURNAL], file=NAME, requests=20))
    with pytest.raises(ArtifactCorrupt, match=f"{NAME}: the run was written with a file of {len(JOURNAL)} bytes"):
        samples_of(run, lambda _: other)


def test_a_sidecar_with_another_number_of_requests_is_refused() -> None:
    run = full_run(sidecar_of([JOURNAL], file=NAME, requests=21))
    with pytest.raises(ArtifactCorrupt, match="the run says 21 requests, its samples hold 20"):
        samples_of(run, lambda _: JOURNAL)


def test_cells_are_not_gone_through_once_more_when_a_run_takes_them() -> None:
    columns = encode(ROWS)
    assert InlineSamples(requests=20, columns=columns).columns["index"] is columns["index"]


def test_inline_samples_of_another_number_are_refused() -> None:
    run = full_run(InlineSamples(requests=3, columns=encode(ROWS)))
    with pytest.raises(ArtifactCorrupt, match=f"{run.benchmark.id}: the run says 3 requests"):
        samples_of(run, no_file)
