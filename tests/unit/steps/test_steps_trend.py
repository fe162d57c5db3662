"""From files to a trend, and from a trend to a verdict."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.codec import Artifact, dumps
from lens_gate.artifacts.trend import Trend, TrendRule, TrendVerdict
from lens_gate.config.load import Source
from lens_gate.config.model import Regression
from lens_gate.errors import ArtifactCorrupt, ArtifactProblem, UsageProblem
from lens_gate.steps.judging.judge import Chosen, Rules, analysis_of, rules, verdict_of
from lens_gate.steps.judging.trend import TrendOrder, trend_of
from lens_gate.steps.rendering.render import Format, Screen, render, render_all
from lens_gate.trends.policy import TrendChoices
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import a_run, a_validity, a_validity_check, a_verdict
from tests.fakes.world import a_world
from tests.histories import a_history_run, a_trend, a_trend_verdict, noisy, records_of, run_id, stepped

INVALID = a_validity(a_validity_check(ok=False))


def write(folder: Path, name: str, artifact: Artifact) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(dumps(artifact)) if name.endswith(".gz") else dumps(artifact))
    return path


def ordered(*paths: Path, anchor: Path | None = None, **choices: Any) -> TrendOrder:
    return TrendOrder(
        paths=paths, anchor=str(anchor) if anchor else None, choices=TrendChoices(**choices), regression=Regression()
    )


def made(folder: Path, order: TrendOrder) -> Trend:
    return trend_of(order, a_world(folder))


def test_runs_are_read_packed_or_not_and_ordered_by_their_start(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, name, a_history_run(day)) for name, day in (("b.json", 2), ("a.json.gz", 0), ("c.json", 1))
    ]
    trend = made(tmp_path, ordered(*paths))
    assert [point.run for point in trend.series[0].points] == [run_id(0), run_id(1), run_id(2)]
    assert trend.provenance.created_at == "2026-03-02T10:00:00.000Z"
    assert trend.left_out == ()


def test_other_artifacts_copies_and_invalid_runs_are_left_out_and_named(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, "run.json", a_history_run(0)),
        write(tmp_path, "copy.json", a_history_run(0)),
        write(tmp_path, "broken.json", a_history_run(1, validity=INVALID)),
        write(tmp_path, "verdict.json", a_verdict()),
    ]
    reasons = {Path(one.what).name: one.reason for one in made(tmp_path, ordered(*paths)).left_out}
    assert set(reasons) == {"copy.json", "broken.json", "verdict.json"} or set(reasons) == {
        "run.json",
        "broken.json",
        "verdict.json",
    }
    assert reasons["verdict.json"] == "this is no run, but an artifact of kind verdict"


def test_a_damaged_file_stops_the_whole_rather_than_thin_the_history(tmp_path: Path) -> None:
    good = write(tmp_path, "run.json", a_history_run(0))
    bad = tmp_path / "cut.json"
    bad.write_bytes(dumps(a_history_run(1))[:200])
    with pytest.raises(ArtifactCorrupt):
        made(tmp_path, ordered(good, bad))


def test_the_anchor_joins_the_history_once(tmp_path: Path) -> None:
    anchor = write(tmp_path, "release.json", a_history_run(0))
    runs = [write(tmp_path, f"{day}.json", a_history_run(day)) for day in (1, 2, 3)]
    apart, among = (made(tmp_path, ordered(*paths, anchor=anchor)) for paths in (runs, [anchor, *runs]))
    assert apart.runs == among.runs == 4
    assert apart.left_out == among.left_out == ()
    assert apart.policy.anchor == run_id(0)
    assert apart.series[0].creep is not None


def test_an_anchor_must_be_a_valid_run(tmp_path: Path) -> None:
    run = write(tmp_path, "run.json", a_history_run(0))
    with pytest.raises(ArtifactProblem, match="an anchor is a run"):
        made(tmp_path, ordered(run, anchor=write(tmp_path, "v.json", a_verdict())))
    with pytest.raises(UsageProblem, match="not a valid run"):
        made(tmp_path, ordered(run, anchor=write(tmp_path, "bad.json", a_run(validity=INVALID))))


# verdicts


def stated(folder: Path, *methods: dict[str, Any], **options: Any) -> Rules:
    text = json.dumps({"regression": {"methods": list(methods)}})
    return rules((Source("lens-gate.yaml", text),), a_world(folder), Chosen(**options))


LINE = {"type": "trend", "method": "linear_regression"}
PATH = Path("trend.json")


def test_a_trend_and_its_verdict_are_judged_alike(tmp_path: Path) -> None:
    judged_by, world = stated(tmp_path, fail_on=("inconclusive",)), a_world(tmp_path)
    trend = a_trend(records_of(stepped(0.3)))
    first = verdict_of(trend, PATH, judged_by, world)
    again = verdict_of(a_trend_verdict(records_of(stepped(0.3))), PATH, judged_by, world)
    assert first == again
    assert isinstance(first, TrendVerdict)
    assert (first.outcome, first.fail_on) == (Outcome.REGRESSION, ("inconclusive",))


def test_a_configured_trend_method_must_be_the_one_that_judged(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    lined = a_trend(records_of(noisy(12)), rules=(TrendRule.LINEAR_REGRESSION,))
    assert verdict_of(lined, PATH, stated(tmp_path, LINE), world).outcome is Outcome.PASS
    for trend, method in ((lined, {**LINE, "window": 5}), (a_trend(records_of(noisy(12))), LINE)):
        with pytest.raises(UsageProblem, match="another trend method"):
            verdict_of(trend, PATH, stated(tmp_path, method), world)


@pytest.mark.parametrize("artifact", [a_trend(records_of(noisy(3))), a_trend_verdict(records_of(noisy(3)))])
def test_a_trend_is_not_analysed(tmp_path: Path, artifact: Artifact) -> None:
    with pytest.raises(ArtifactProblem, match="not analysed"):
        analysis_of(artifact, PATH, stated(tmp_path), a_world(tmp_path))


@pytest.mark.parametrize("form", [Format.TEXT, Format.MARKDOWN, Format.JUNIT])
def test_a_trend_is_shown_with_its_verdict(tmp_path: Path, form: Format) -> None:
    judged_by, world = stated(tmp_path), a_world(tmp_path)
    trend, verdict = a_trend(records_of(stepped(0.3))), a_trend_verdict(records_of(stepped(0.3)))
    texts = [render(one, PATH, form, rules=judged_by, world=world, screen=Screen()) for one in (trend, verdict)]
    assert all("gpt-small" in text and "regression" in text.lower() for text in texts)


def test_json_is_the_artifact_itself_and_csv_is_for_runs(tmp_path: Path) -> None:
    judged_by, world = stated(tmp_path), a_world(tmp_path)
    trend = a_trend(records_of(noisy(3)))
    text = render(trend, PATH, Format.JSON, rules=judged_by, world=world, screen=Screen())
    assert json.loads(text)["kind"] == "trend"
    with pytest.raises(UsageProblem, match="only a run has rows"):
        render(trend, PATH, Format.CSV, rules=judged_by, world=world, screen=Screen())


def test_trends_stand_beside_other_verdicts_in_one_junit_file(tmp_path: Path) -> None:
    found: list[tuple[Artifact, Path]] = [(a_trend(records_of(noisy(12))), PATH), (a_verdict(), PATH)]
    text = render_all(found, Format.JUNIT, rules=stated(tmp_path), world=a_world(tmp_path), screen=Screen())
    assert text.count("<testsuite ") == 2
