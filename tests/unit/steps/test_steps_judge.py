"""Any earlier artifact becomes an analysis and a verdict, by the rules that were stated."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.assemble import embed
from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.run import Run, Sidecar
from lens_gate.artifacts.samples import Samples
from lens_gate.config.load import Source
from lens_gate.config.model import ThresholdMethod
from lens_gate.errors import ArtifactCorrupt, ArtifactProblem, ConfigProblem, NoBaseline, UsageProblem
from lens_gate.steps.judging.judge import Chosen, Rules, analysis_of, judge, rules, verdict_of
from lens_gate.steps.recorded.reading import read_artifact, samples_beside
from lens_gate.vocabulary.outcomes import Cover, Decision, ExitCode, Outcome
from tests.builders import a_duet_run, a_pair, a_plan, a_policy, a_run, a_sample, a_verdict, an_analysis
from tests.fakes.world import a_world

RUN = Path("run.json")
UNFIT = "no_such|total_cost_usd"


def stated(folder: Path, config: dict[str, Any] | None = None, **options: Any) -> Rules:
    sources = () if config is None else (Source("lens-gate.yaml", json.dumps(config)),)
    return rules(sources, a_world(folder), Chosen(**options))


def a_measured_duet(pairs: int = 40) -> Run:
    return a_duet_run([sample for number in range(pairs) for sample in a_pair(number)])


class TestRules:
    def test_without_a_file_the_defaults_judge(self, tmp_path: Path) -> None:
        found = stated(tmp_path)
        assert found.config.regression.decision is Decision.CALIBRATED
        assert (found.loaded, found.baselines, found.stated, found.place("regression")) == (None, (), False, None)

    def test_a_threshold_replaces_those_of_the_latencies_and_no_other(self, tmp_path: Path) -> None:
        methods = [
            {"type": "threshold", "metric": "mean_latency", "threshold_percent": 50},
            {"type": "threshold", "metric": "cost_per_request_usd", "threshold_percent": 7},
            {"type": "statistical", "method": "t-test"},
        ]
        found = stated(tmp_path, {"regression": {"methods": methods}}, threshold=3, decision="classic")
        limits = [
            (m.metric, m.threshold_percent) for m in found.config.regression.methods if isinstance(m, ThresholdMethod)
        ]
        assert ("mean_latency", 3) in limits
        assert ("mean_latency", 50) not in limits
        assert ("cost_per_request_usd", 7) in limits
        assert len([m for m in found.config.regression.methods if m.type == "statistical"]) == 1
        assert found.config.regression.decision is Decision.CLASSIC
        assert found.stated

    def test_a_rule_has_the_place_where_it_was_written(self, tmp_path: Path) -> None:
        found = stated(tmp_path, {"regression": {"alpha": 0.05}}, fail_on=("inconclusive",))
        assert found.place("regression", "alpha") == "lens-gate.yaml:1"
        assert (found.stated, found.fail_on) == (True, ("inconclusive",))

    def test_the_baseline_of_the_command_line_wins(self, tmp_path: Path) -> None:
        config = {"regression": {"baseline": {"source": "a.json"}}}
        assert stated(tmp_path, config).baselines == ("a.json",)
        assert stated(tmp_path, config, baselines=("b.json",)).baselines == ("b.json",)

    @pytest.mark.parametrize(
        "config",
        [
            {"regression": {"methods": [{"type": "threshold", "metric": "no_such", "threshold_percent": 5}]}},
            {"regression": {"methods": [{"type": "threshold", "metric": "total_cost_usd", "threshold_percent": 5}]}},
            {"regression": {"methods": [{"type": "statistical", "method": "t-test", "metric": "mean_no_such"}]}},
            {
                "regression": {
                    "methods": [
                        {"type": "trend", "method": "linear_regression"},
                        {"type": "statistical", "method": "mann-whitney", "metric": "mean_no_such"},
                    ]
                }
            },
            {"regression": {"quality_gates": [{"name": "x", "condition": "no_such < 5"}]}},
            {"budgets": [{"metric": "no_such", "budget": 5}]},
        ],
    )
    def test_rules_that_cannot_be_applied_are_refused_before_anything_is_measured(
        self, tmp_path: Path, config: dict[str, Any]
    ) -> None:
        text = json.dumps(config, indent=1)
        (line,) = [number for number, written in enumerate(text.splitlines(), start=1) if re.search(UNFIT, written)]
        with pytest.raises(ConfigProblem, match=UNFIT) as caught:
            rules((Source("lens-gate.yaml", text),), a_world(tmp_path))
        assert caught.value.place == f"lens-gate.yaml:{line}"

    def test_rules_that_can_be_applied_are_read(self, tmp_path: Path) -> None:
        config = {
            "regression": {"quality_gates": [{"name": "x", "condition": "mean_latency < 5"}]},
            "budgets": [{"metric": "mean_latency", "budget": 5}],
        }
        assert not stated(tmp_path, config).stated


class TestSamples:
    def test_inline_samples_need_no_file(self, tmp_path: Path) -> None:
        assert len(samples_beside(a_run([a_sample()]), tmp_path / "run.json")) == 1

    def beside(self, name: str = "run.samples.jsonl.gz") -> tuple[Run, bytes]:
        rows = Samples.of(a_sample(index=index) for index in range(3))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lens_gate.artifacts.assemble.INLINE_LIMIT", 2)
            reference, data = embed(rows, sidecar_name=name)
        assert data is not None
        return a_run().model_copy(update={"samples": reference}), data

    def test_samples_lie_in_the_folder_of_the_run(self, tmp_path: Path) -> None:
        run, data = self.beside()
        (tmp_path / "run.samples.jsonl.gz").write_bytes(data)
        assert len(samples_beside(run, tmp_path / "run.json")) == 3

    @pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "a\\b", "a/../b", "x\x00"])
    def test_an_artifact_that_names_another_folder_is_refused_when_it_is_read(self, tmp_path: Path, name: str) -> None:
        run, _ = self.beside()
        hostile = json.loads(dumps(run))
        hostile["samples"]["file"] = name
        path = tmp_path / "run.json"
        path.write_text(json.dumps(hostile), encoding="utf-8")
        with pytest.raises(ArtifactProblem):
            read_artifact(path)

    def test_a_link_to_another_folder_is_not_followed(self, tmp_path: Path) -> None:
        run, data = self.beside()
        (tmp_path / "elsewhere").write_bytes(data)
        folder = tmp_path / "results"
        folder.mkdir()
        (folder / "run.samples.jsonl.gz").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(ArtifactCorrupt, match="does not lie beside it"):
            samples_beside(run, folder / "run.json")

    @pytest.mark.parametrize("name", ["..", "."])
    def test_a_folder_is_no_samples_file(self, tmp_path: Path, name: str) -> None:
        run = a_run().model_copy(update={"samples": Sidecar(file=name, sha256="", bytes=0, requests=1)})
        with pytest.raises(ArtifactProblem):
            samples_beside(run, tmp_path / "run.json")


class TestAnalysing:
    def test_a_run_is_judged_against_its_other_arm_whatever_baseline_is_configured(self, tmp_path: Path) -> None:
        judged_by = stated(tmp_path, baselines=("nowhere.json",))
        analysis = analysis_of(a_measured_duet(), RUN, judged_by, a_world(tmp_path))
        assert analysis.source == "duet"

    def test_a_run_alone_is_judged_against_the_stored_run(self, tmp_path: Path) -> None:
        run = a_run([a_sample(index=index) for index in range(30)])
        (tmp_path / "base.json").write_bytes(dumps(run))
        analysis = analysis_of(run, RUN, stated(tmp_path, baselines=("base.json",)), a_world(tmp_path))
        assert analysis.source == "stored"

    def test_a_run_alone_without_a_stored_run_has_nothing_to_be_judged_by(self, tmp_path: Path) -> None:
        analysis = analysis_of(a_run([a_sample()]), RUN, stated(tmp_path), a_world(tmp_path))
        assert analysis.regression.verdict is Outcome.NO_BASELINE

    def test_a_stored_run_that_is_missing_or_none_is_told(self, tmp_path: Path) -> None:
        judged_by = stated(tmp_path, baselines=("base.json",))
        with pytest.raises(NoBaseline, match="no baseline file"):
            analysis_of(a_run([a_sample()]), RUN, judged_by, a_world(tmp_path))
        (tmp_path / "base.json").write_bytes(dumps(an_analysis()))
        with pytest.raises(ArtifactProblem, match="of kind analysis"):
            analysis_of(a_run([a_sample()]), RUN, judged_by, a_world(tmp_path))


class TestRulesOfAnAnalysis:
    """An analysis has applied its rules; without samples other ones cannot be."""

    @pytest.fixture
    def analysis(self, tmp_path: Path) -> Analysis:
        return analysis_of(a_measured_duet(), RUN, stated(tmp_path, threshold=20), a_world(tmp_path))

    @pytest.mark.parametrize("kind", ["analysis", "verdict"])
    def test_nobody_states_rules_so_those_of_the_analysis_stand(
        self, tmp_path: Path, analysis: Analysis, kind: str
    ) -> None:
        judged_by = stated(tmp_path, {"budgets": [{"metric": "mean_latency", "budget": 1e9}]})
        artifact = analysis if kind == "analysis" else judge(analysis, judged_by, a_world(tmp_path))
        verdict = verdict_of(artifact, RUN, judged_by, a_world(tmp_path))
        assert verdict.analysis == analysis
        assert "budget" in {check.kind.value for check in verdict.checks}

    def test_the_same_rules_are_obeyed(self, tmp_path: Path, analysis: Analysis) -> None:
        assert analysis_of(analysis, RUN, stated(tmp_path, threshold=20), a_world(tmp_path)) is analysis

    @pytest.mark.parametrize("decision", ["calibrated", "classic"])
    def test_the_rules_of_each_kind_of_decision_are_recognised_again(self, tmp_path: Path, decision: str) -> None:
        judged_by = stated(tmp_path, threshold=12, decision=decision)
        analysis = analysis_of(a_measured_duet(), RUN, judged_by, a_world(tmp_path))
        assert analysis_of(analysis, RUN, judged_by, a_world(tmp_path)) is analysis

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            ({"threshold": 5}, "thresholds_percent"),
            ({"threshold": 20, "decision": "classic"}, "decision"),
            ({"config": {"regression": {"alpha": 0.05}}, "threshold": 20}, "alpha"),
        ],
    )
    def test_other_rules_need_the_run(
        self, tmp_path: Path, analysis: Analysis, options: dict[str, Any], word: str
    ) -> None:
        with pytest.raises(UsageProblem, match=word) as caught:
            verdict_of(analysis, RUN, stated(tmp_path, **options), a_world(tmp_path))
        assert "run.json" in str(caught.value.hint)

    def test_a_baseline_cannot_be_added_afterwards(self, tmp_path: Path) -> None:
        alone = analysis_of(a_run([a_sample()]), RUN, stated(tmp_path), a_world(tmp_path))
        with pytest.raises(UsageProblem, match=r"\(baseline\)"):
            analysis_of(alone, RUN, stated(tmp_path, baselines=("x.json",)), a_world(tmp_path))

    def test_the_note_on_false_alarms_is_no_rule(self, tmp_path: Path) -> None:
        judged_by = stated(tmp_path, decision="calibrated")
        policy = analysis_of(a_measured_duet(), RUN, judged_by, a_world(tmp_path)).policy
        noted = an_analysis(policy=policy.model_copy(update={"false_alarm_note": "other words"}))
        assert analysis_of(noted, RUN, judged_by, a_world(tmp_path)) is noted


class TestWhatARunWasToCover:
    """Rare events that a run was to cover are asked for by whoever judges it, unless told otherwise."""

    RUN_OF_COVER = a_measured_duet().model_copy(update={"plan": a_plan(cover=(Cover.TAILS,))})

    @pytest.mark.parametrize(
        ("config", "options", "expected"),
        [
            (None, {}, ("tails",)),
            ({"regression": {"alpha": 0.05}}, {}, ("tails",)),
            (None, {"cover": ()}, ()),
            (None, {"cover": (Cover.ERRORS,)}, ("errors",)),
            ({"regression": {"cover": []}}, {}, ()),
            ({"regression": {"cover": ["errors"]}}, {}, ("errors",)),
        ],
    )
    def test_the_run_says_it_unless_somebody_else_does(
        self, tmp_path: Path, config: dict[str, Any] | None, options: dict[str, Any], expected: tuple[str, ...]
    ) -> None:
        judged_by = stated(tmp_path, config, **options)
        assert analysis_of(self.RUN_OF_COVER, RUN, judged_by, a_world(tmp_path)).policy.cover == expected

    def test_without_the_rare_events_that_it_was_to_cover_it_does_not_pass(self, tmp_path: Path) -> None:
        asked = verdict_of(self.RUN_OF_COVER, RUN, stated(tmp_path), a_world(tmp_path))
        unasked = verdict_of(self.RUN_OF_COVER, RUN, stated(tmp_path, cover=()), a_world(tmp_path))
        assert (asked.outcome, unasked.outcome) == (Outcome.INCONCLUSIVE, Outcome.PASS)

    def test_its_analysis_obeys_rules_that_say_nothing_of_it(self, tmp_path: Path) -> None:
        world = a_world(tmp_path)
        analysis = analysis_of(self.RUN_OF_COVER, RUN, stated(tmp_path), world)
        silent = stated(tmp_path, {"regression": {"decision": "calibrated"}})
        assert analysis_of(analysis, RUN, silent, world) is analysis
        with pytest.raises(UsageProblem, match=r"\(cover\)"):
            analysis_of(analysis, RUN, stated(tmp_path, cover=()), world)


def test_a_verdict_carries_the_budgets_and_the_reasons_to_fail(tmp_path: Path) -> None:
    judged_by = stated(tmp_path, {"budgets": [{"metric": "mean_latency", "budget": 1}]}, fail_on=("inconclusive",))
    verdict = judge(an_analysis(policy=a_policy()), judged_by, a_world(tmp_path))
    assert verdict.fail_on == ("inconclusive",)
    assert verdict.exit_code is ExitCode.GATE_FAILED
    assert [check.place for check in verdict.checks if check.kind.value == "budget"] == ["lens-gate.yaml:1"]


def test_an_artifact_is_read_packed_or_plain(tmp_path: Path) -> None:
    path = tmp_path / "verdict.json"
    path.write_bytes(dumps(a_verdict()))
    assert read_artifact(path) == a_verdict()
