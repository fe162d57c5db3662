"""What a run keeps beside its samples outlives a kill, and a run that goes on has it from its beginning."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.codec import load_run
from lens_gate.artifacts.run import Run
from lens_gate.config.load import Source
from lens_gate.steps.recorded.beside import found_beside
from lens_gate.steps.recorded.resuming import read_earlier
from lens_gate.steps.resolving.arms import Arms, RunOrder, resolve
from lens_gate.steps.resolving.order import Overrides
from lens_gate.steps.running.intent import MeasureOptions
from lens_gate.steps.running.measure import measure
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import Ending
from tests.fakes.world import ChatTransport, NoWatcher, a_world

REQUESTS = 64


def arms_of(world: World, *, bodies: bool = False) -> Arms:
    config: dict[str, Any] = {
        "profiler": {"requests": REQUESTS},
        "providers": [{"name": "p", "endpoint": "http://p.example.org/v1", "models": ["m"]}],
        "workload": {"prompts": [{"id": "a", "template": "hi"}]},
    }
    sources = (Source("lens-gate.yaml", json.dumps(config)),)
    return resolve(RunOrder(sources=sources, overrides=Overrides(model="m", rps=400, save_bodies=bodies)), world)


def measured(world: World, name: str, *, earlier: Path | None = None, chunks: bool = True, bodies: bool = False) -> Run:
    how = MeasureOptions(save_chunks=chunks, earlier=read_earlier(earlier) if earlier else None)
    return measure(arms_of(world, bodies=bodies), world.directory / name, world, NoWatcher(), how).run


def part(folder: Path, name: str, *, stop_at: int | None = None, said: list[str] | None = None, **asked: Any) -> Path:
    """Measure one part of a run, to its end or to a stop, and return its artifact."""
    worlds: list[World] = []
    transport = ChatTransport(on_send=lambda sent: worlds[0].stop.request() if sent == stop_at else None)
    worlds.append(a_world(folder, transport=transport, said=said))
    assert measured(worlds[0], name, **asked).ending is (Ending.COMPLETE if stop_at is None else Ending.INTERRUPTED)
    return folder / name


def broken_off(folder: Path, name: str, *, at: int, **asked: Any) -> Path:
    """Measure the beginning of a run, which leaves nothing but its journal and what lies beside that."""

    def fail(sent: int) -> None:
        if sent == at:
            raise ZeroDivisionError

    before = set(folder.glob("*.journal.jsonl.gz"))
    with pytest.raises(ZeroDivisionError):
        measured(a_world(folder, transport=ChatTransport(on_send=fail)), name, **asked)
    (journal,) = set(folder.glob("*.journal.jsonl.gz")) - before
    return journal


def indices(path: Path) -> list[int]:
    return [json.loads(line)["index"] for line in gzip.decompress(path.read_bytes()).splitlines()]


def kept_by(artifact: Path) -> tuple[str, ...]:
    return load_run(artifact.read_bytes(), name=artifact.name).kept


def sampled(artifact: Path) -> list[int]:
    return sorted(int(index) for index in read_earlier(artifact).samples.numbers["index"])


def test_an_interrupted_run_that_goes_on_has_the_chunks_and_bodies_of_both_parts(tmp_path: Path) -> None:
    first = part(tmp_path, "first.json", stop_at=9, bodies=True)
    done = part(tmp_path, "run.json", earlier=first, bodies=True)
    assert kept_by(done) == ("chunks", "bodies")
    for kind in kept_by(done):
        assert sorted(indices(tmp_path / f"run.{kind}.jsonl.gz")) == list(range(REQUESTS))
    assert indices(tmp_path / "run.chunks.jsonl.gz")[: len(sampled(first))] == indices(
        tmp_path / "first.chunks.jsonl.gz"
    )


def test_the_same_output_may_be_named_again(tmp_path: Path) -> None:
    part(tmp_path, "run.json", stop_at=9)
    done = part(tmp_path, "run.json", earlier=tmp_path / "run.json")
    assert sorted(indices(tmp_path / "run.chunks.jsonl.gz")) == list(range(REQUESTS))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.chunks.jsonl.gz", done.name]


def test_a_run_that_is_broken_off_twice_loses_nothing_that_was_written(tmp_path: Path) -> None:
    first = broken_off(tmp_path, "run.json", at=9, bodies=True)
    second = broken_off(tmp_path, "run.json", at=6, earlier=first, bodies=True)
    assert second.name != first.name
    written = {kind: indices(second.with_name(second.name.replace("journal", kind))) for kind in ("chunks", "bodies")}
    assert all(sorted(lines) == sampled(second) for lines in written.values())
    assert len(sampled(second)) > len(sampled(first)) > 0
    done = part(tmp_path, "run.json", earlier=second, bodies=True)
    for kind in ("chunks", "bodies"):
        lines = indices(tmp_path / f"run.{kind}.jsonl.gz")
        assert lines[: len(written[kind])] == written[kind]
        assert sorted(lines) == sampled(done)


def test_a_part_may_be_begun_again_and_leaves_what_the_attempt_before_it_wrote(tmp_path: Path) -> None:
    first = broken_off(tmp_path, "run.json", at=9)
    second = broken_off(tmp_path, "run.json", at=6, earlier=first)
    again = part(tmp_path, "run.json", earlier=first)
    assert second.exists()
    assert sorted(indices(tmp_path / "run.chunks.jsonl.gz")) == sampled(again)


def test_the_end_that_a_kill_cut_off_is_left_out_and_told(tmp_path: Path) -> None:
    first = broken_off(tmp_path, "run.json", at=9)
    chunks = first.with_name(first.name.replace("journal", "chunks"))
    lines = indices(chunks)
    with chunks.open("ab") as file:
        file.write(gzip.compress(b'{"index": 99, "chunks": []}\n')[:-5])
    said: list[str] = []
    part(tmp_path, "run.json", earlier=first, said=said)
    assert f"{chunks}: its end was cut off while it was written, and is left out" in said
    after = indices(tmp_path / "run.chunks.jsonl.gz")
    assert after[: len(lines)] == lines
    assert 99 not in after


def test_what_is_not_there_any_more_is_told(tmp_path: Path) -> None:
    first = part(tmp_path, "first.json", stop_at=9)
    (tmp_path / "first.chunks.jsonl.gz").unlink()
    said: list[str] = []
    done = part(tmp_path, "run.json", earlier=first, said=said)
    assert f"warning: the chunks of the earlier part do not lie beside {first}, and are left out" in said
    assert set(indices(tmp_path / "run.chunks.jsonl.gz")) == set(range(REQUESTS)) - set(sampled(first))
    assert kept_by(done) == ("chunks",)


def test_a_part_that_is_not_to_keep_any_has_those_of_the_earlier_one(tmp_path: Path) -> None:
    first = part(tmp_path, "first.json", stop_at=9)
    done = part(tmp_path, "run.json", earlier=first, chunks=False)
    assert indices(tmp_path / "run.chunks.jsonl.gz") == indices(tmp_path / "first.chunks.jsonl.gz")
    assert kept_by(done) == ("chunks",)


def test_a_file_of_another_run_beside_the_artifact_is_none_of_ours(tmp_path: Path) -> None:
    part(tmp_path, "first.json")
    part(tmp_path, "first.json", stop_at=9, chunks=False)
    assert kept_by(tmp_path / "first.json") == ()
    part(tmp_path, "run.json", earlier=tmp_path / "first.json")
    later = set(range(REQUESTS)) - set(sampled(tmp_path / "first.json"))
    assert set(indices(tmp_path / "run.chunks.jsonl.gz")) == later


@pytest.mark.parametrize(
    ("name", "sibling"),
    [
        ("run.r1-2.journal.jsonl.gz", "run.r1-2.chunks.jsonl.gz"),
        ("run.samples.jsonl.gz", "run.chunks.jsonl.gz"),
        ("run.json.gz", "run.chunks.jsonl.gz"),
    ],
)
def test_the_files_of_a_part_share_its_name(tmp_path: Path, name: str, sibling: str) -> None:
    (tmp_path / sibling).touch()
    assert found_beside(("chunks", "bodies"), tmp_path / name) == {"chunks": tmp_path / sibling}
