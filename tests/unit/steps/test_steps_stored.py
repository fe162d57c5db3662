"""Stored runs are found in files and folders, and only those that say something about this run count."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from lens_gate.analysis.past import Judged
from lens_gate.artifacts.assemble import embed
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Samples
from lens_gate.errors import ArtifactCorrupt, ArtifactProblem, NoBaseline
from lens_gate.steps.recorded.stored import read_stored
from tests.builders import SERIES, a_benchmark, a_run, a_sample, a_validity, a_validity_check, an_analysis


def a_day(number: int, **changes: Any) -> Run:
    start = f"2026-03-{number:02}T10:00:00Z"
    samples = [a_sample(index=index) for index in range(3)]
    return a_run(samples, benchmark=a_benchmark(id=f"run-{number}", start_time=start), **changes)


def store(path: Path, run: Run) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(dumps(run)) if path.suffix == ".gz" else dumps(run))
    return path


def read(folder: Path, *sources: str, judged: Run | None = None) -> Any:
    return read_stored(sources, folder, series=[SERIES], judged=None if judged is None else Judged.of(judged))


def test_nothing_named_is_nothing_stored(tmp_path: Path) -> None:
    assert read(tmp_path) is None


def test_a_folder_gives_its_runs_oldest_first_and_the_samples_of_the_newest_alone(tmp_path: Path) -> None:
    for number, name in ((3, "c.json"), (1, "b.json.gz"), (2, "a.json")):
        store(tmp_path / "main" / name, a_day(number))

    found = read(tmp_path, "main")

    assert found.run.benchmark.id == "run-3"
    assert len(found.samples) == 3
    assert [run.id for run in found.earlier] == ["run-1", "run-2"]
    assert found.notes == ()


def test_other_files_of_a_folder_are_ignored_and_named(tmp_path: Path) -> None:
    store(tmp_path / "main/run.json", a_day(1))
    (tmp_path / "main/analysis.json").write_bytes(dumps(an_analysis()))
    (tmp_path / "main/other.json").write_text("{")
    (tmp_path / "main/folder.json").mkdir()
    (tmp_path / "main/notes.txt").write_text("not looked at")
    (tmp_path / "main/run.samples.jsonl.gz").write_bytes(b"not looked at")

    found = read(tmp_path, "main")

    assert found.run.benchmark.id == "run-1"
    assert found.notes == (
        "2 files beside the stored runs hold no run, and were ignored: analysis.json and other.json.",
    )


@pytest.mark.parametrize(
    ("count", "note"),
    [
        (1, "1 file beside the stored runs holds no run, and was ignored: 0.json."),
        (3, "3 files beside the stored runs hold no run, and were ignored: 0.json, 1.json, and 2.json."),
        (5, "5 files beside the stored runs hold no run, and were ignored: 0.json, 1.json, 2.json, and 2 more."),
    ],
)
def test_three_ignored_files_are_named_at_most(tmp_path: Path, count: int, note: str) -> None:
    store(tmp_path / "main/run.json", a_day(1))
    for number in range(count):
        (tmp_path / f"main/{number}.json").write_text("{")
    assert read(tmp_path, "main").notes == (note,)


def test_several_files_and_folders_are_one_history(tmp_path: Path) -> None:
    store(tmp_path / "one.json", a_day(4))
    store(tmp_path / "main/two.json", a_day(2))

    found = read(tmp_path, "one.json", "main")

    assert found.run.benchmark.id == "run-4"
    assert [run.id for run in found.earlier] == ["run-2"]


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    store(tmp_path / "main/1.json", a_day(1))
    store(tmp_path / "main/2.json", a_day(2, validity=a_validity(a_validity_check(ok=False))))
    store(tmp_path / "main/3.json", a_day(3))

    found = read(tmp_path, "main", judged=a_day(3))

    assert found.run.benchmark.id == "run-1"
    assert found.notes == ("Of the stored runs, 1 counts; left out: 1 invalid, 1 the run itself.",)


def test_samples_of_the_newest_run_may_lie_beside_it(tmp_path: Path) -> None:
    samples = Samples.of(a_sample(index=index) for index in range(20_001))
    reference, data = embed(samples, sidecar_name="new.samples.jsonl.gz")
    store(tmp_path / "main/new.json", a_day(2).model_copy(update={"samples": reference}))
    store(tmp_path / "main/old.json", a_day(1).model_copy(update={"samples": reference}))
    assert data is not None
    (tmp_path / "main/new.samples.jsonl.gz").write_bytes(data)

    assert len(read(tmp_path, "main").samples) == 20_001


class TestNothingUsable:
    def test_a_missing_file_is_no_baseline(self, tmp_path: Path) -> None:
        store(tmp_path / "here.json", a_day(1))
        with pytest.raises(NoBaseline, match="no baseline file") as caught:
            read(tmp_path, "here.json", "gone.json")
        assert caught.value.place == str(tmp_path / "gone.json")

    def test_an_empty_folder_is_no_baseline(self, tmp_path: Path) -> None:
        (tmp_path / "main").mkdir()
        with pytest.raises(NoBaseline, match="no run is stored"):
            read(tmp_path, "main")

    def test_only_unfit_runs_are_no_baseline_and_say_why(self, tmp_path: Path) -> None:
        store(tmp_path / "main/1.json", a_day(1, validity=a_validity(a_validity_check(ok=False))))
        with pytest.raises(NoBaseline, match="none counts; left out: 1 invalid") as caught:
            read(tmp_path, "main")
        assert "--against-ref" in str(caught.value.hint)

    def test_a_named_file_must_be_a_run(self, tmp_path: Path) -> None:
        store(tmp_path / "run.json", a_day(1))
        (tmp_path / "other.json").write_bytes(dumps(an_analysis()))
        (tmp_path / "broken.json").write_text("{")
        with pytest.raises(ArtifactProblem, match="of kind analysis"):
            read(tmp_path, "run.json", "other.json")
        with pytest.raises(ArtifactCorrupt):
            read(tmp_path, "run.json", "broken.json")

    def test_a_single_named_run_is_taken_as_it_is(self, tmp_path: Path) -> None:
        store(tmp_path / "run.json", a_day(1, validity=a_validity(a_validity_check(ok=False))))

        assert read(tmp_path, "run.json").run.benchmark.id == "run-1"
