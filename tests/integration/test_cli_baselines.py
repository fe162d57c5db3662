"""`lens-gate baseline`: what becomes a baseline, what is refused and why, and what each command exits with."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.assemble import embed
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.samples import Samples
from lens_gate.baselines.keys import baseline_key
from lens_gate.stores.file import FileStore
from lens_gate.vocabulary.index import IndexEntry
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import (
    FINGERPRINT,
    PROVENANCE,
    a_benchmark,
    a_model_result,
    a_provider_result,
    a_run,
    a_sample,
    a_validity,
    a_validity_check,
    a_verdict,
    an_analysis,
    an_arm,
    some_requests,
)
from tests.fakes.git import make_repository
from tests.integration.conftest import Invoke
from tests.integration.test_cli_stored import a_day

MAIN = PROVENANCE.model_copy(update={"branch": "main"})


@pytest.fixture(autouse=True)
def _no_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_EVENT_NAME", "CI_PIPELINE_SOURCE", "GITHUB_REF", "CI_COMMIT_BRANCH", "GITHUB_ACTOR"):
        monkeypatch.delenv(name, raising=False)


def of_main(path: Path, number: int, **changes: Any) -> Path:
    """Write the run of a day, made on the branch main."""
    return a_day(path, number, **{"provenance": MAIN, **changes})


def stored(home: Path, name: str = "main") -> IndexEntry | None:
    """Return the entry of a baseline in the default store."""
    listed = FileStore(home / "lens-gate-store").list(baseline_key(name))
    return listed[0].entry if listed else None


@pytest.fixture
def saved(invoke: Invoke, home: Path) -> Path:
    """A run that is the baseline main."""
    path = of_main(home / "day-1.json", 1)
    assert invoke("baseline", "save", "day-1.json").code == 0
    return path


class TestSave:
    def test_a_good_run_becomes_the_baseline_and_lies_in_the_history(self, invoke: Invoke, home: Path) -> None:
        of_main(home / "day-1.json", 1)
        answer = invoke("baseline", "save", "--input", "day-1.json")
        assert answer.code == 0
        assert answer.out == f"day-1 (commit 3f9c2ab41d of main) is now the baseline main in {home}/lens-gate-store\n"
        keys = [one.key for one in FileStore(home / "lens-gate-store").list()]
        assert keys == ["baselines/main.json.gz", keys[1]]
        assert keys[1].startswith("results/2026/03/01/commit-3f9c2ab41d-")

    def test_a_second_one_takes_its_place_and_the_first_stays_in_its_history(
        self, invoke: Invoke, home: Path, saved: Path
    ) -> None:
        of_main(home / "day-2.json", 2)
        answer = invoke("baseline", "save", "day-2.json")
        assert answer.code == 0
        assert answer.out.endswith("in place of day-1\n")
        rows = json.loads(invoke("baseline", "show", "--format", "json").out)
        assert [row["entry"]["id"] for row in rows] == ["day-2", "day-1"]

    def test_the_same_run_once_more_changes_nothing(self, invoke: Invoke, home: Path, saved: Path) -> None:
        answer = invoke("baseline", "save", "day-1.json")
        assert (answer.code, "already" in answer.out) == (0, True)

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            (
                {"validity": a_validity(a_validity_check(ok=False, message="late"))},
                "It cannot be trusted: the run is not",
            ),
            ({"provenance": MAIN.model_copy(update={"event": "pull_request"})}, "a change that nobody has merged yet"),
            ({"arms": (an_arm(requests_hash="other"),)}, "It sent other requests"),
        ],
    )
    def test_what_would_poison_a_baseline_is_refused_with_its_reason(
        self, invoke: Invoke, home: Path, saved: Path, changes: dict[str, Any], sentence: str
    ) -> None:
        of_main(home / "day-2.json", 2, **changes)
        answer = invoke("baseline", "save", "day-2.json")
        assert (answer.code, answer.told["outcome"]) == (5, "no_baseline")
        assert sentence in answer.err
        assert stored(home) is not None
        assert stored(home).id == "day-1"  # type: ignore[union-attr] # told above

    def test_a_run_that_is_slower_than_the_baseline_is_refused_although_nobody_judged_it(
        self, invoke: Invoke, home: Path, saved: Path
    ) -> None:
        of_main(home / "slow.json", 2, level=3.0)
        answer = invoke("baseline", "save", "slow.json")
        assert answer.code == 5
        assert "It failed its gate" in answer.err
        assert "lens-gate baseline accept --name main --reason" in answer.err

    def test_the_verdict_beside_it_counts_and_one_on_another_run_does_not(
        self, invoke: Invoke, home: Path, saved: Path
    ) -> None:
        of_main(home / "day-2.json", 2)
        failed = a_verdict(an_analysis(benchmark=a_benchmark(id="day-2")), outcome=Outcome.REGRESSION)
        (home / "verdict.json").write_bytes(dumps(failed))
        assert invoke("baseline", "save", "day-2.json").code == 5
        of_main(home / "day-3.json", 3)
        assert invoke("baseline", "save", "day-3.json").code == 0
        answer = invoke("baseline", "save", "day-3.json", "--verdict", "verdict.json")
        assert (answer.code, "no verdict on the run" in answer.err) == (2, True)

    def test_a_pipeline_of_a_pull_request_makes_no_baseline(
        self, invoke: Invoke, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        of_main(home / "day-1.json", 1)
        monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
        answer = invoke("baseline", "save", "day-1.json")
        assert (answer.code, "nobody has merged" in answer.err) == (5, True)

    def test_a_branch_and_standards_can_be_asked_for(self, invoke: Invoke, home: Path) -> None:
        of_main(home / "day-1.json", 1)
        answer = invoke("baseline", "save", "day-1.json", "--branch", "next", "--min-requests", "1000")
        assert answer.code == 5
        assert "the baseline is one of next" in answer.err
        assert "a baseline needs 1000" in answer.err

    def test_what_is_no_run_is_no_baseline(self, invoke: Invoke, home: Path) -> None:
        (home / "a.json").write_bytes(dumps(an_analysis()))
        assert invoke("baseline", "save", "a.json").code == 2
        assert invoke("baseline", "save", "missing.json").code == 2
        assert invoke("baseline", "save").code == 2

    def test_a_store_that_cannot_be_written_is_told_and_exits_with_7(self, invoke: Invoke, home: Path) -> None:
        of_main(home / "day-1.json", 1)
        (home / "taken").write_text("a file")
        assert invoke("baseline", "save", "day-1.json", "--store", "taken").code == 7

    @pytest.mark.parametrize(
        "command",
        [
            ("baseline", "accept", "day-1.json", "--reason", "so", "--store", "taken"),
            ("baseline", "sync", "--from", "lens-gate-store", "--to", "taken"),
        ],
    )
    def test_whatever_writes_to_a_store_that_takes_nothing_exits_with_7_and_says_where(
        self, invoke: Invoke, home: Path, saved: Path, command: tuple[str, ...]
    ) -> None:
        (home / "taken").write_text("a file")
        answer = invoke(*command)
        assert answer.code == 7
        assert "taken" in answer.err

    def test_the_samples_of_a_large_run_go_with_it_and_come_back(self, invoke: Invoke, home: Path) -> None:
        samples = Samples.of([a_sample(index=index) for index in range(20_001)])
        reference, data = embed(samples, sidecar_name="large.samples.jsonl.gz", run="large")
        (home / "large.samples.jsonl.gz").write_bytes(data or b"")
        large = a_run(provenance=MAIN).model_copy(update={"samples": reference})
        (home / "large.json").write_bytes(dumps(large))
        assert invoke("baseline", "save", "large.json").code == 0
        (home / "back").mkdir()
        assert invoke("baseline", "show", "--output", "back/main.json").code == 0
        assert (home / "back/large.samples.jsonl.gz").read_bytes() == data
        assert invoke("report", "back/main.json").code == 0


class TestAccept:
    def test_a_regressed_run_is_taken_over_with_who_why_and_until_when(
        self, invoke: Invoke, home: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        of_main(home / "slow.json", 2, level=3.0)
        monkeypatch.setenv("GITHUB_ACTOR", "ada")
        answer = invoke("baseline", "accept", "slow.json", "--reason", "a larger model", "--expires", "30d")
        assert answer.code == 0
        entry = stored(home)
        assert entry is not None
        assert entry.outcome == "regression"
        assert entry.acceptance is not None
        assert (entry.acceptance.by, entry.acceptance.reason) == ("ada", "a larger model")
        assert entry.acceptance.expires is not None
        assert "accepted  by ada on" in invoke("baseline", "show").out

    def test_other_requests_can_be_taken_over_too(self, invoke: Invoke, home: Path, saved: Path) -> None:
        of_main(home / "day-2.json", 2, arms=(an_arm(requests_hash="other"),))
        assert invoke("baseline", "accept", "day-2.json", "--reason", "new prompts").code == 0

    def test_nobody_makes_an_invalid_run_valid_or_a_change_merged(
        self, invoke: Invoke, home: Path, saved: Path
    ) -> None:
        of_main(home / "a.json", 2, validity=a_validity(a_validity_check(ok=False, message="late")))
        of_main(home / "b.json", 3, provenance=MAIN.model_copy(update={"event": "merge_request_event"}))
        for name in ("a.json", "b.json"):
            answer = invoke("baseline", "accept", name, "--reason", "please")
            assert answer.code == 5
            assert "baseline accept" not in answer.err.partition("may not become")[2]

    @pytest.mark.parametrize(
        "more",
        [["--reason", " "], ["--reason", "x", "--expires", "soon"], ["--reason", "x", "--expires", "2020-01-01"], []],
    )
    def test_without_a_reason_or_with_a_time_that_is_over_nothing_is_accepted(
        self, invoke: Invoke, home: Path, more: list[str]
    ) -> None:
        of_main(home / "day-1.json", 1)
        assert invoke("baseline", "accept", "day-1.json", *more).code == 2
        assert stored(home) is None


class TestWhere:
    def test_plain_files_are_no_place_to_save_in(self, invoke: Invoke, home: Path) -> None:
        of_main(home / "runs/1.json", 1)
        (home / "lens-gate.yaml").write_text("regression: {baseline: {source: runs}}")
        answer = invoke("baseline", "save", "runs/1.json")
        assert (answer.code, "names plain files, and no store" in answer.err) == (2, True)
        assert invoke("baseline", "save", "runs/1.json", "--store", "kept").code == 0
        (home / "lens-gate.yaml").write_text("regression: {baseline: {source: new}}")
        assert invoke("baseline", "save", "runs/1.json").code == 0
        assert (home / "new/baselines/main.json.gz").is_file()

    def test_the_spelled_out_file_of_a_store_is_that_run(self, invoke: Invoke, home: Path, saved: Path) -> None:
        of_main(home / "run.json", 20)
        plain = invoke("gate", "run.json", "--baseline", "lens-gate-store/baselines/main.json.gz")
        assert plain.told["outcome"] in {"pass", "inconclusive"}


@pytest.mark.parametrize("address", ["kept/", "git:lens-gate:api", "sqlite:///runs.db"])
def test_every_kind_of_store_at_hand_is_saved_in_judged_by_and_followed(
    invoke: Invoke, home: Path, address: str
) -> None:
    make_repository(home)
    for number in (1, 2):
        of_main(home / f"day-{number}.json", number)
        assert invoke("baseline", "save", f"day-{number}.json", "--store", address).code == 0
    of_main(home / "run.json", 20)
    told = invoke("gate", "run.json", "--baseline", address).told
    assert told["outcome"] in {"pass", "inconclusive"}
    assert json.loads(invoke("trend", "--history", address).out)["runs"] == 2
    rows = json.loads(invoke("baseline", "show", "--store", address, "--format", "json").out)
    assert [row["entry"]["id"] for row in rows] == ["day-2", "day-1"]


class TestShowAndList:
    def test_a_baseline_that_is_not_there_exits_with_5(self, invoke: Invoke) -> None:
        answer = invoke("baseline", "show", "--name", "release")
        assert (answer.code, "there is no baseline release" in answer.err) == (5, True)

    def test_a_former_version_is_got_out_of_the_store_and_made_the_baseline_again(
        self, invoke: Invoke, home: Path, saved: Path
    ) -> None:
        of_main(home / "day-2.json", 2)
        assert invoke("baseline", "save", "day-2.json").code == 0
        keys = [row["key"] for row in json.loads(invoke("baseline", "show", "--format", "json").out)]
        assert keys[1].startswith("baselines/main/")
        shown = invoke("baseline", "show", "--key", keys[1], "--output", "back.json")
        assert (shown.code, "day-1" in shown.out) == (0, True)
        assert "in place of day-2" in invoke("baseline", "save", "back.json").out
        (row,) = json.loads(invoke("baseline", "list", "--last", "1", "--format", "json").out)
        told = json.loads(invoke("baseline", "show", "--key", row["key"], "--format", "json").out)
        assert told[0]["entry"]["id"] == "day-2"

    def test_a_key_without_a_run_exits_with_5(self, invoke: Invoke, home: Path, saved: Path) -> None:
        store = FileStore(home / "lens-gate-store")
        store.put("baselines/main/x.json", b"[]")
        store.put("baselines/main/y.json", b'{"key": "results/2026/03/01/gone.json.gz"}')
        for key, said in (
            ("results/2026/03/01/gone.json.gz", "nothing is stored under"),
            ("baselines/main/x.json", "this does not say which run was the baseline"),
            ("baselines/main/y.json", "nothing is stored under results/2026/03/01/gone.json.gz"),
        ):
            answer = invoke("baseline", "show", "--key", key)
            assert (answer.code, said in answer.err) == (5, True)

    def test_a_listing_opens_nothing_and_names_every_baseline(self, invoke: Invoke, home: Path, saved: Path) -> None:
        assert invoke("baseline", "save", "day-1.json", "--name", "Release/1.0").code == 0
        for path in (home / "lens-gate-store").rglob("*.json.gz"):
            path.write_bytes(b"not read")
        lines = invoke("baseline", "list").out.splitlines()
        assert [line.split()[0] for line in lines] == ["baseline", "Release/1.0", "main"]
        rows = json.loads(invoke("baseline", "list", "--last", "5", "--format", "json").out)
        assert [row["entry"]["id"] for row in rows] == ["day-1"]
        assert invoke("baseline", "list", "--branch", "next").out == ""
        assert "holds none" in invoke("baseline", "list", "--branch", "next").err

    def test_a_damaged_index_exits_with_7_wherever_it_is_read(self, invoke: Invoke, home: Path, saved: Path) -> None:
        for index in (home / "lens-gate-store").rglob("index.json"):
            index.write_text("{")
        commands = ("list",), ("list", "--last", "5"), ("save", "day-1.json"), ("prune", "--older-than", "1d")
        assert [invoke("baseline", *command).code for command in commands] == [7, 7, 7, 7]
        assert invoke("trend", "--history", "lens-gate-store").code == 7
        assert invoke("gate", "day-1.json", "--baseline", "lens-gate-store").code == 5

    def test_a_damaged_baseline_exits_with_5_where_it_is_asked_for_and_a_run_at_hand_replaces_it(
        self, invoke: Invoke, home: Path, saved: Path
    ) -> None:
        of_main(home / "day-2.json", 2)
        path = home / "lens-gate-store/baselines/main.json.gz"
        path.write_bytes(path.read_bytes()[:100])
        for command in (("baseline", "show"), ("gate", "day-2.json", "--baseline", "lens-gate-store")):
            answer = invoke(*command)
            assert answer.code == 5
            assert "lens-gate-store/baselines/main.json.gz: the baseline cannot be read" in answer.err
            assert "`lens-gate baseline save` replaces a damaged baseline" in answer.err
        answer = invoke("baseline", "save", "day-2.json")
        assert (answer.code, "in place of one that could not be read" in answer.out) == (0, True)
        assert invoke("baseline", "show").code == 0


class TestValidate:
    @pytest.mark.parametrize("command", [("validate", "baseline"), ("baseline", "validate")])
    def test_the_documented_command_line_works(self, invoke: Invoke, home: Path, command: tuple[str, str]) -> None:
        model = a_model_result(requests=some_requests(1200, failed=6))
        large = a_run(providers=(a_provider_result(model),), provenance=MAIN)
        (home / "baseline").mkdir()
        (home / "baseline/baseline.json").write_bytes(dumps(large))
        options = ("--input", "baseline/baseline.json", "--min-requests", "1000", "--max-error-rate")
        good = invoke(*command, *options, "1.0")
        assert (good.code, good.out) == (0, "baseline/baseline.json: the run run-1 is fit to be a baseline\n")
        bad = invoke(*command, *options, "0.4")
        assert (bad.code, "0.5 % of its requests to openai/gpt-small failed, and 0.4 % may" in bad.err) == (5, True)
        assert not (home / "lens-gate-store").exists()

    def test_it_asks_what_save_asks(self, invoke: Invoke, home: Path, saved: Path) -> None:
        of_main(home / "slow.json", 2, level=3.0)
        assert "It failed its gate" in invoke("baseline", "validate", "slow.json").err
        of_main(home / "day-3.json", 3)
        failed = a_verdict(an_analysis(benchmark=a_benchmark(id="day-3")), outcome=Outcome.REGRESSION)
        (home / "failed.json").write_bytes(dumps(failed))
        assert invoke("baseline", "validate", "day-3.json").code == 0
        assert invoke("baseline", "validate", "day-3.json", "--verdict", "failed.json").code == 5
        assert "the baseline is one of next" in invoke("baseline", "validate", "day-3.json", "--branch", "next").err

    def test_the_configured_size_counts(self, invoke: Invoke, home: Path) -> None:
        (home / "lens-gate.yaml").write_text("regression: {baseline: {min_sample_size: 1000}}")
        of_main(home / "day-1.json", 1)
        assert invoke("baseline", "validate", "day-1.json").code == 5

    def test_the_configuration_is_validated_without_a_subcommand_as_before(self, invoke: Invoke, home: Path) -> None:
        assert invoke("validate").code == 2


class TestPrune:
    def test_old_runs_go_and_what_a_baseline_stands_on_stays(self, invoke: Invoke, home: Path, saved: Path) -> None:
        store = FileStore(home / "lens-gate-store")
        of_main(home / "day-2.json", 2)
        assert invoke("baseline", "save", "day-2.json").code == 0
        told = invoke("baseline", "prune", "--older-than", "1d", "--dry-run")
        assert told.code == 0
        assert "1 files would be removed" in told.out
        assert "The baseline main stands on it." in told.out
        assert len(store.list("results/")) == 2
        assert invoke("baseline", "prune", "--older-than", "1d").code == 0
        assert [one.entry.id for one in store.list("results/") if one.entry] == ["day-2"]

    def test_a_baseline_that_lost_its_entry_still_keeps_its_run(self, invoke: Invoke, home: Path, saved: Path) -> None:
        (home / "lens-gate-store/baselines/index.json").unlink()
        store = FileStore(home / "lens-gate-store")
        assert [one.entry for one in store.list("baselines/main.")] == [None]
        assert invoke("baseline", "prune", "--older-than", "1d").code == 0
        assert len(store.list("results/")) == 1

    def test_the_configuration_says_how_long(self, invoke: Invoke, home: Path, saved: Path) -> None:
        assert invoke("baseline", "prune").code == 2
        (home / "lens-gate.yaml").write_text("privacy: {retention: {results: 90d}}")
        assert invoke("baseline", "prune").code == 0


class TestSync:
    def test_another_store_gets_what_it_lacks_and_nothing_twice(self, invoke: Invoke, home: Path, saved: Path) -> None:
        told = invoke("baseline", "sync", "--from", "lens-gate-store", "--to", "other", "--dry-run")
        assert (told.code, "2 files would be copied" in told.out) == (0, True)
        assert invoke("baseline", "sync", "--from", "lens-gate-store", "--to", "other").code == 0
        first, second = (FileStore(home / name).list() for name in ("lens-gate-store", "other"))
        assert [replace(one) for one in first] == list(second)
        again = invoke("baseline", "sync", "--from", "lens-gate-store", "--to", "other")
        assert "0 files copied" in again.out

    def test_what_cannot_be_read_is_named_and_exits_with_7(self, invoke: Invoke, home: Path, saved: Path) -> None:
        of_main(home / "day-2.json", 2)
        assert invoke("baseline", "save", "day-2.json", "--name", "next").code == 0
        (damaged,) = (home / "lens-gate-store/results/2026/03/01").glob("*.json.gz")
        damaged.write_bytes(b"half a run")
        answer = invoke("baseline", "sync", "--from", "lens-gate-store", "--to", "other")
        assert (answer.code, "1 of the files could not be copied" in answer.err) == (7, True)
        assert f"not copied: results/2026/03/01/{damaged.name}: " in answer.out
        assert "copied: baselines/next.json.gz" in answer.out

    def test_a_baseline_that_moved_on_is_brought_and_one_that_both_moved_is_not(
        self, invoke: Invoke, home: Path, saved: Path
    ) -> None:
        for number in (2, 3, 4):
            of_main(home / f"day-{number}.json", number)
        pair = ("--from", "lens-gate-store", "--to", "other")
        assert invoke("baseline", "sync", *pair).code == 0
        assert invoke("baseline", "save", "day-2.json").code == 0
        assert invoke("baseline", "sync", *pair).code == 0
        assert "day-2" in invoke("baseline", "show", "--store", "other").out
        assert invoke("baseline", "save", "day-3.json", "--store", "other").code == 0
        assert invoke("baseline", "sync", *pair).code == 0
        assert "day-3" in invoke("baseline", "show", "--store", "other").out
        assert invoke("baseline", "save", "day-4.json").code == 0
        apart = invoke("baseline", "sync", *pair)
        assert (apart.code, "both stores changed the baseline main" in apart.err) == (7, True)
        assert "day-3" in invoke("baseline", "show", "--store", "other").out

    def test_a_store_is_not_synced_with_itself(self, invoke: Invoke, saved: Path) -> None:
        assert invoke("baseline", "sync", "--from", "lens-gate-store", "--to", "lens-gate-store").code == 2


class TestJudging:
    def test_a_run_is_judged_by_the_named_baseline_and_the_runs_before_it(self, invoke: Invoke, home: Path) -> None:
        for number in range(1, 9):
            of_main(home / f"day-{number}.json", number)
            assert invoke("baseline", "save", f"day-{number}.json").code == 0
        of_main(home / "run.json", 20)
        of_main(home / "slow.json", 21, level=3.0)
        same = invoke("gate", "run.json", "--baseline", "lens-gate-store")
        assert same.code == 0
        assert "8 stored runs" in same.out
        assert invoke("gate", "slow.json", "--baseline", "lens-gate-store").code == 1

    def test_without_a_baseline_the_verdict_says_so_and_absolute_gates_still_count(
        self, invoke: Invoke, home: Path, saved: Path
    ) -> None:
        of_main(home / "run.json", 20)
        (home / "lens-gate.yaml").write_text("regression: {baseline: {source: lens-gate-store, name: release}}")
        first = invoke("gate", "run.json", "--output", "v.json")
        assert (first.code, first.told["outcome"]) == (0, "no_baseline")
        verdict = json.loads((home / "v.json").read_bytes())
        assert "No baseline release was saved yet." in " ".join(verdict["analysis"]["notes"])
        assert [remark["why"] for remark in verdict["analysis"]["remarks"]] == ["own_noise"]
        assert "chance moves the median answer by up to" in verdict["checks"][0]["message"]
        assert invoke("gate", "run.json", "--fail-on", "no_baseline").code == 5
        (home / "lens-gate.yaml").write_text(
            "regression: {baseline: {source: lens-gate-store, name: release}}\n"
            "budgets: [{metric: mean_latency, budget: 1}]\n"
        )
        assert invoke("gate", "run.json").code == 1

    def test_a_baseline_of_another_region_is_refused_and_both_regions_are_named(
        self, invoke: Invoke, home: Path
    ) -> None:
        of_main(home / "day-1.json", 1, fingerprint=FINGERPRINT.model_copy(update={"region": "eu"}))
        assert invoke("baseline", "save", "day-1.json").code == 0
        of_main(home / "run.json", 20, fingerprint=FINGERPRINT.model_copy(update={"region": "us"}))
        answer = invoke("gate", "run.json", "--baseline", "lens-gate-store")
        assert (answer.code, answer.told["outcome"]) == (0, "no_baseline")
        assert "the region eu, and this run from us" in " ".join(answer.out.split())
        (home / "lens-gate.yaml").write_text("regression: {baseline: {source: lens-gate-store, must_match: [model]}}")
        assert "the region eu" in " ".join(invoke("gate", "run.json").out.split())
        assert invoke("gate", "run.json").told["outcome"] != "no_baseline"

    @pytest.mark.parametrize("select", ["newest_good", "branch", "rolling"])
    def test_the_history_can_be_asked_instead_of_a_name(self, invoke: Invoke, home: Path, select: str) -> None:
        for number in (1, 2, 3):
            of_main(home / f"day-{number}.json", number)
            assert invoke("baseline", "save", f"day-{number}.json", "--name", "x").code == 0
        of_main(home / "run.json", 20)
        (home / "lens-gate.yaml").write_text(
            f"regression: {{baseline: {{source: lens-gate-store, select: {select}, window: 2}}}}"
        )
        answer = invoke("gate", "run.json", "--output", "v.json")
        assert answer.code == 0
        findings = json.loads((home / "v.json").read_bytes())["analysis"]["findings"]
        runs = {one["history"]["runs"] for one in findings if one.get("history")}
        assert runs == {2 if select == "rolling" else 3}

    @pytest.mark.parametrize("select", ["tag", "merge_base"])
    def test_commits_need_a_repository(self, invoke: Invoke, home: Path, saved: Path, select: str) -> None:
        of_main(home / "run.json", 20)
        (home / "lens-gate.yaml").write_text(f"regression: {{baseline: {{source: lens-gate-store, select: {select}}}}}")
        answer = invoke("gate", "run.json")
        assert (answer.code, "no git repository" in answer.err) == (2, True)

    def test_a_store_goes_with_no_other_source(self, invoke: Invoke, home: Path, saved: Path) -> None:
        of_main(home / "run.json", 20)
        answer = invoke("gate", "run.json", "--baseline", "lens-gate-store", "--baseline", "day-1.json")
        assert answer.code == 2

    def test_an_accepted_and_an_old_baseline_say_so(self, invoke: Invoke, home: Path) -> None:
        of_main(home / "day-1.json", 1)
        assert invoke("baseline", "accept", "day-1.json", "--reason", "the new normal").code == 0
        assert invoke("baseline", "save", "day-1.json", "--name", "v1").code == 0
        of_main(home / "run.json", 20)
        (home / "lens-gate.yaml").write_text(
            "regression: {baseline: {source: lens-gate-store, update_frequency: daily, anchor: v1}}"
        )
        text = " ".join(invoke("gate", "run.json").out.split())
        assert "accepted this baseline: the new normal" in text
        assert "is to be renewed every 24 hours" in text
        assert "that of the anchor v1" in text


class TestTrend:
    def test_the_last_runs_of_a_store_are_read_from_its_index_alone(self, invoke: Invoke, home: Path) -> None:
        for number in range(1, 13):
            of_main(home / f"day-{number}.json", number)
            assert invoke("baseline", "save", f"day-{number}.json").code == 0
        files = sorted(str(path.relative_to(home)) for path in home.glob("day-*.json"))
        from_files = json.loads(invoke("trend", *files).out)
        for path in (home / "lens-gate-store/results").rglob("*.json.gz"):
            path.write_bytes(b"not read")
        whole = json.loads(invoke("trend", "--history", "lens-gate-store").out)
        assert whole["series"] == from_files["series"]
        last = json.loads(invoke("trend", "--history", "lens-gate-store", "--last", "5").out)
        assert last["runs"] == 5

    def test_the_last_runs_of_a_branch_are_found_behind_those_of_others(self, invoke: Invoke, home: Path) -> None:
        for number in range(1, 9):
            branch = "main" if number in {1, 2} else "next"
            of_main(home / f"day-{number}.json", number, provenance=MAIN.model_copy(update={"branch": branch}))
            assert invoke("baseline", "save", f"day-{number}.json").code == 0
        found = json.loads(invoke("trend", "--history", "lens-gate-store", "--branch", "main", "--last", "2").out)
        assert [point["run"] for point in found["series"][0]["points"]] == ["day-1", "day-2"]
        assert invoke("trend", "--history", "lens-gate-store", "--branch", "gone").code == 2

    def test_creep_can_be_measured_against_a_baseline(self, invoke: Invoke, home: Path, saved: Path) -> None:
        answer = invoke("trend", "--history", "lens-gate-store", "--anchor", "main")
        assert answer.code == 0
        assert json.loads(answer.out)["policy"]["anchor"] == "day-1"
        assert invoke("trend", "--history", "lens-gate-store", "--anchor", "v9").code == 2

    def test_an_empty_store_is_no_history(self, invoke: Invoke) -> None:
        answer = invoke("trend", "--history", "nothing")
        assert (answer.code, "the history of this store holds no run" in answer.err) == (2, True)


Configure = Callable[..., Path]


class TestUpload:
    @pytest.mark.usefixtures("unhurried")
    def test_a_first_run_measures_checks_and_records_the_baseline_where_the_policy_says_so(
        self, invoke: Invoke, home: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CI_COMMIT_BRANCH", "main")
        policy = {"source": "kept/", "update_frequency": "weekly"}
        configure(regression={"baseline": policy}, budgets=[{"metric": "mean_latency", "budget": 60000}])
        first = invoke("ci", "--requests", "20", "--store", "archive")
        assert (first.code, first.told["outcome"]) == (0, "no_baseline")
        assert "This run was recorded as the baseline main in" in first.err
        assert "No baseline main was saved yet." in " ".join(first.out.split())
        (archived,) = FileStore(home / "archive").list("results/")
        assert archived.entry is not None
        assert archived.entry.outcome == "no_baseline"
        second = invoke("ci", "--requests", "20")
        # Against one stored run a machine that is busy meanwhile looks like a disaster: it must count, not how.
        assert second.told["outcome"] in {"pass", "inconclusive", "regression"}
        assert second.code == (second.told["outcome"] == "regression")
        assert len(FileStore(home / "kept").list("baselines/")) == 1

    @pytest.mark.usefixtures("unhurried")
    def test_a_store_that_fails_changes_no_verdict_and_the_run_is_safe(
        self, invoke: Invoke, home: Path, configure: Configure
    ) -> None:
        configure()
        (home / "taken").write_text("a file")
        answer = invoke("run", "--requests", "10", "--store", "taken", "--output", "run.json")
        assert answer.code == 7
        assert (home / "run.json").is_file()
        assert "taken" in answer.err

    @pytest.mark.usefixtures("unhurried")
    def test_a_damaged_baseline_in_a_store_hides_no_verdict_of_pairs(
        self, invoke: Invoke, home: Path, configure: Configure
    ) -> None:
        policy = {"source": "kept/", "update_frequency": "weekly"}
        configure(regression={"baseline": policy}, budgets=[{"metric": "mean_latency", "budget": 0.001}])
        of_main(home / "day-1.json", 1)
        assert invoke("baseline", "accept", "day-1.json", "--reason", "slow as it is").code == 0
        (home / "kept/baselines/main.json.gz").write_bytes(b"half a run")
        answer = invoke("ci", "--requests", "20", "--against", "model:sim-other")
        assert (answer.code, answer.told["exit"]) == (1, "1")
        assert "kept/baselines/main.json.gz" in answer.err
        assert json.loads((home / "results/verdict.json").read_bytes())["exit_code"] == 1

    @pytest.mark.usefixtures("unhurried")
    def test_without_a_policy_nothing_is_recorded_and_it_is_said_how(
        self, invoke: Invoke, home: Path, configure: Configure
    ) -> None:
        configure(regression={"baseline": {"source": "kept/"}})
        answer = invoke("ci", "--requests", "20")
        assert answer.code == 0
        assert "`lens-gate baseline save --name main` makes a run the baseline." in answer.err
        assert not (home / "kept/baselines").exists()


def test_runs_whose_index_was_deleted_are_listed_again(invoke: Invoke, home: Path, saved: Path) -> None:
    for index in (home / "lens-gate-store").rglob("index.json"):
        index.unlink()
    assert "holds none" in invoke("baseline", "list", "--last", "5").err
    dry = invoke("baseline", "reindex", "--dry-run")
    assert (dry.code, dry.out.count("would be listed again")) == (0, 3)
    done = invoke("baseline", "reindex")
    assert (done.code, done.out.splitlines()[-1].split(" in ")[0]) == (0, "2 files listed again")
    assert json.loads(invoke("baseline", "list", "--last", "5", "--format", "json").out)
    assert stored(home) is not None


def test_everything_may_be_too_old(invoke: Invoke, home: Path, saved: Path) -> None:
    answer = invoke("baseline", "prune", "--older-than", "0s", "--dry-run")
    assert (answer.code, "old runs kept" in answer.out) == (0, True)


def test_the_prefix_of_tables_holds_for_every_way_into_a_database(invoke: Invoke, home: Path) -> None:
    (home / "lens-gate.yaml").write_text("stores: {sql: {table_prefix: llm_lens_}}", encoding="utf-8")
    run = of_main(home / "run.json", 1)
    assert invoke("baseline", "save", str(run), "--store", "sqlite:///runs.db").code == 0
    assert invoke("trend", "--history", "sqlite:///runs.db", "--last", "5").code == 0
    assert invoke("baseline", "sync", "--from", "sqlite:///runs.db", "--to", "copy/").code == 0
    with closing(sqlite3.connect(home / "runs.db")) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables
    assert all(name.startswith("llm_lens_") for name in tables if not name.startswith("sqlite_"))
