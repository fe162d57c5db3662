"""The pages: all outcomes, one file each, in which every number is the table's and every name is text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from lens_gate.analysis.exhibits import exhibits
from lens_gate.analysis.exhibits_history import history_exhibit
from lens_gate.artifacts.analysis import InnerInterval
from lens_gate.artifacts.exhibits import ArmExhibit, Exhibits, QuantileChange, SeriesExhibit, Stretch
from lens_gate.artifacts.reasons import because
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.samples import Sample, Samples
from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.artifacts.verdict import CheckKind, Verdict
from lens_gate.reports.html.failures import failures_of
from lens_gate.reports.html.figures import figures, limits_of
from lens_gate.reports.html.forest import MOST_DRAWN, Forest, axis, forest_of
from lens_gate.reports.html.marks import Kind
from lens_gate.reports.html.parts import parts_of, waterfalls
from lens_gate.reports.html.report import comparison_html, run_html, verdict_html
from lens_gate.reports.html.site import trend_html
from lens_gate.reports.html.tiles import tiles
from lens_gate.reports.numbers import headline_size
from lens_gate.reports.page import Bounds, ErrorRow
from lens_gate.reports.svg import Shape
from lens_gate.reports.view import view
from lens_gate.vocabulary.causes import Cause
from lens_gate.vocabulary.metrics import Direction, Hypothesis, Quantity
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.reasons import Why
from lens_gate.vocabulary.requests import Arm
from tests.builders import (
    a_benchmark,
    a_check,
    a_coverage,
    a_duet_run,
    a_finding,
    a_model_result,
    a_provider_result,
    a_run,
    a_sample,
    a_spend,
    a_validity,
    a_validity_check,
    a_verdict,
    an_analysis,
    an_attribution,
    an_effect,
)
from tests.comparisons import a_comparison
from tests.scenarios import SCENARIOS, SLOWER, STEADY
from tests.unit.reports.pages import Page, require_self_contained, without_style
from tests.unit.reports.test_reports_snapshots import RUNS, TRENDS

FILE = "results/verdict.json"


def a_duet_of(pairs: int) -> Exhibits:
    """Return the extract of a duet in which the candidate's first token comes 15 % later."""
    rng = np.random.default_rng(5)
    rows = [
        a_timed_sample(2 * pair + slot, 1.15 ** (arm is Arm.CANDIDATE) * rng.lognormal(6.2, 0.35), arm=arm)
        for pair in range(pairs)
        for slot, arm in enumerate((Arm.BASE, Arm.CANDIDATE))
    ]
    return exhibits(Samples.of(rows), findings=[SLOWER])


def one_arm() -> Exhibits:
    rng = np.random.default_rng(6)
    return exhibits(Samples.of([a_timed_sample(number, rng.lognormal(6.2, 0.35)) for number in range(60)]))


def a_timed_sample(number: int, ttft_ms: float, **changes: object) -> Sample:
    """Return a request that was due 0.1 s after the one before, and its stream."""
    due, first = number * 100_000_000, number * 100_000_000 + round(ttft_ms * 1e6)
    times = {"intended_ns": due, "sent_ns": due + 400_000, "connect_ns": None if number % 9 else 300_000}
    stream = {"first_token_ns": first, "last_token_ns": first + 900_000_000, "end_ns": first + 905_000_000}
    return a_sample(index=number, **{**times, **stream, **changes})


def a_drawn_verdict(found: Exhibits | None = None) -> Verdict:
    analysis = an_analysis(SLOWER, STEADY, attribution=(an_attribution(),), exhibits=found or a_duet_of(40))
    return a_verdict(analysis)


def verdict_page(make: Callable[[], Verdict]) -> str:
    return verdict_html(make(), FILE)


def run_page(make: Callable[[], Run]) -> str:
    return run_html(make(), "run.json", None)


def trend_page(make: Callable[[], TrendVerdict]) -> str:
    verdict = make()
    return trend_html(verdict, [history_exhibit(series) for series in verdict.trend.series])


PAGES: dict[str, Callable[[], str]] = {
    **{f"verdict_{name}": partial(verdict_page, make) for name, make in SCENARIOS.items()},
    **{f"run_{name}": partial(run_page, make) for name, make in RUNS.items()},
    **{f"trend_{name}": partial(trend_page, make) for name, make in TRENDS.items()},
    "verdict_figures": lambda: verdict_html(a_drawn_verdict(), FILE),
    "run_figures": lambda: run_html(a_run(), "run.json", one_arm()),
    "comparison": lambda: comparison_html(a_comparison()),
}


class HtmlFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "html"


@pytest.mark.parametrize("name", PAGES)
def test_a_page(name: str, snapshot: SnapshotAssertion) -> None:
    text = PAGES[name]()
    require_self_contained(text)
    assert without_style(text) == snapshot(extension_class=HtmlFile)


def test_a_condition_that_does_not_hold_is_code_in_its_sentence() -> None:
    why = because(Why.CONDITION_FAILS, condition="`mean_latency <= 50`", mean_latency=157.0)
    gate = a_check(name="speed", kind=CheckKind.QUALITY_GATE, outcome=Outcome.REGRESSION, because=(why,))
    page = verdict_html(a_verdict(checks=(gate,)), FILE)
    assert "<small><code>mean_latency &lt;= 50</code> does not hold (mean_latency = 157).</small>" in page


def a_hostile_verdict(name: str) -> Verdict:
    series = f"openai/{name}"
    finding = SLOWER.model_copy(update={"series": series, "reason": name})
    return a_verdict(
        an_analysis(
            finding,
            STEADY,
            benchmark=a_benchmark(name=name),
            providers=(a_provider_result(a_model_result(id=name)),),
            coverage=(a_coverage(series=series),),
            notes=(name,),
        )
    )


HARMLESS = Page(verdict_html(a_hostile_verdict("harmless"), "harmless"))
HOSTILE = st.text(min_size=1, max_size=40) | st.sampled_from(
    [
        "</title><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "\"'><svg onload=alert(1)>",
        "{{ 7 * 7 }}{% raw %}",
        "\x00\x1b[31mred\x9b2J\u202egnp",
        "</style><style>*{display:none}",
        "&lt;b&gt;",
        "x" * 70_000,
    ]
)


@settings(max_examples=25)
@given(name=HOSTILE)
def test_a_name_is_text_whatever_it_holds(name: str) -> None:
    text = verdict_html(a_hostile_verdict(name), name)
    require_self_contained(text)
    page = Page(text)
    assert page.tags.keys() <= HARMLESS.tags.keys() | {"small"}
    assert page.tags["table"] == HARMLESS.tags["table"]
    assert not [character for character in text if not character.isprintable() and character not in "\n\u00a0"]
    assert len(text) < 120_000


@pytest.mark.parametrize("name", ["regression", "inconclusive", "pass", "stored_runs", "slower_answers"])
def test_the_figures_of_the_headline_are_those_of_the_table(name: str) -> None:
    verdict = SCENARIOS[name]()
    shown = view(verdict)
    page = Page(verdict_html(verdict, FILE))
    cells = set(page.text_of("td"))
    assert {row.change for row in shown.rows} <= cells
    assert {row.interval for row in shown.rows} <= cells
    worst = shown.rows[0]
    if shown.outcome is Outcome.REGRESSION:
        assert worst.bounds is not None
        assert headline_size(worst.bounds.estimate, worst.bounds.unit) in page.text_of("h1")[0]
        for end in worst.interval.split(" to "):
            assert any(end in text for text in page.text_of("p"))


def many(count: int) -> Verdict:
    findings = [
        a_finding(series=f"openai/model-{number:03}", effect=an_effect(0.1 * number % 7, lower=-1.0, upper=8.0))
        for number in range(count)
    ]
    return a_verdict(an_analysis(*findings))


def test_of_many_checks_the_worst_are_drawn_and_the_others_are_counted() -> None:
    verdict = many(MOST_DRAWN + 23)
    shown = view(verdict)
    forest = forest_of(shown.rows, verdict.analysis)
    drawn = [one.row for section in forest.sections for model in section.models for one in model.rows]
    assert {row.check for row in drawn} == {row.check for row in shown.rows[:MOST_DRAWN]}
    assert forest.left_out == "23 more checks, all passed: see more numbers below."
    page = Page(verdict_html(many(MOST_DRAWN + 23), FILE))
    for number, row in enumerate(shown.rows):
        title = row.label if number < MOST_DRAWN else row.title
        assert any(title.lower() in text.lower() for text in page.text_of("th"))


def test_what_did_not_pass_among_those_left_out_is_not_called_a_pass() -> None:
    verdict = many(MOST_DRAWN)
    rows = view(verdict).rows
    behind = replace(rows[0], outcome=Outcome.INCONCLUSIVE)
    assert (
        forest_of([*rows, rows[0], behind], verdict.analysis).left_out
        == "2 more checks, 1 of them passed: see more numbers below."
    )


def a_bounds(estimate: float, **changes: object) -> Bounds:
    values = {"lower": None, "upper": None, "upper_pass": None, "limit": None}
    return Bounds(estimate=estimate, unit="%", worse=Direction.LOWER_IS_BETTER, **{**values, **changes})  # type: ignore[arg-type]


def test_the_axis_makes_noise_within_the_limit_look_small_and_no_outlier_ends_it() -> None:
    quiet = axis([a_bounds(0.2, lower=-0.4, upper=0.6, limit=10.0)])
    assert (quiet.low, quiet.high) == (-16.0, 16.0)
    loud = axis([a_bounds(300.0, lower=-400.0, upper=900.0, limit=10.0)])
    assert (loud.low, loud.high) == (-40.0, 40.0)
    assert axis([a_bounds(-3.0)]).holds(-3.0)
    assert axis([a_bounds(0.0)]).high > 0


def forest(verdict: Verdict) -> Forest:
    return forest_of(view(verdict).rows, verdict.analysis)


def drawn(**changes: object) -> str:
    finding = a_finding(effect=an_effect(**changes), outcome=Outcome.INCONCLUSIVE, reason="open")  # type: ignore[arg-type]
    [section] = forest(a_verdict(an_analysis(finding))).sections
    return section.models[0].rows[0].drawing.text


def test_an_end_that_leaves_the_axis_or_is_unbounded_is_an_arrow() -> None:
    assert "arrow" not in drawn(estimate=3.0, lower=-9.0, upper=12.0)
    assert drawn(estimate=3.0, lower=-9000.0, upper=12.0).count("arrow") == 1
    assert drawn(estimate=3.0, lower=-9.0, upper=1200.0).count("arrow") == 1
    assert drawn(estimate=3.0, lower=None, upper=12.0).count("arrow") == 1
    assert drawn(estimate=3.0, lower=-9.0, upper=None).count("arrow") == 1
    assert 'class="ci' not in drawn(estimate=3.0, lower=None, upper=None, upper_pass=None)


def test_an_open_check_of_few_pairs_is_drawn_from_the_end_of_the_axis_to_the_most_that_it_may_be() -> None:
    shown = drawn(estimate=30.0, lower=None, upper=None, upper_pass=38.0)
    assert shown.count('class="arrow"') == 1
    [end] = re.findall(r'class="ci" x2="([\d.]+)%"', shown)  # from the very left, where SVG takes no x1 for nothing
    assert 0 < float(re.findall(r'x="([\d.]+)%" y="50%"', shown)[-1]) < float(end) < 100


def test_a_change_beyond_the_axis_is_an_arrow_and_no_mark_upon_it() -> None:
    assert Shape.CIRCLE in drawn(estimate=3.0, lower=-9.0, upper=12.0)
    for estimate, shape in ((900.0, Shape.FAR_RIGHT), (-900.0, Shape.FAR_LEFT)):
        far = drawn(estimate=estimate, lower=None, upper=None)
        assert shape in far
        assert Shape.CIRCLE not in far


def test_where_a_change_most_likely_lies_is_drawn_thick_within_its_interval() -> None:
    inner = InnerInterval(lower=1.0, upper=5.0, confidence=0.8)
    found = drawn(estimate=3.0, lower=-9.0, upper=12.0, inner=inner)
    thin, thick = (
        [*map(float, ends)] for ends in re.findall(r'class="(?:ci|in)" x1="([\d.]+)%" x2="([\d.]+)%"', found)
    )
    assert thin[0] < thick[0] < thick[1] < thin[1]
    page = verdict_html(a_verdict(an_analysis(a_finding(effect=an_effect(3.0, inner=inner)))), FILE)
    assert "thick: most likely" in page
    assert "thick" not in verdict_html(SCENARIOS["pass"](), FILE)


def of_the_cache(base: float, outcome: Outcome = Outcome.PASS) -> Verdict:
    effect = an_effect(0.0, unit="points", lower=-5.0, upper=5.0, upper_pass=2.0)
    cached = a_finding(
        hypothesis=Hypothesis.CACHED_SHARE,
        metric="cached_share",
        base_value=base,
        candidate_value=base,
        value_unit="%",
        effect=effect,
        threshold=10.0,
        outcome=outcome,
    )
    return a_verdict(an_analysis(STEADY, cached))


def test_shares_are_a_section_of_their_own_axis_in_the_one_figure() -> None:
    assert [one.title for one in forest(of_the_cache(40.0)).sections] == [
        "Shares, in percentage points",
        "Changes, in percent",
    ]
    assert forest(SCENARIOS["pass"]()).sections[0].title == ""
    assert Page(verdict_html(of_the_cache(40.0), FILE)).text_of("h2").count("What changed") == 1


def test_of_a_cache_that_nobody_read_from_a_line_tells_where_that_passes() -> None:
    quiet = forest(of_the_cache(0.0))
    assert len(quiet.sections) == 1
    assert quiet.aside.startswith("Share from the cache, gpt-small: nothing was read from one in either version; pass")
    still_open = forest(of_the_cache(0.0, Outcome.INCONCLUSIVE))
    assert (len(still_open.sections), still_open.aside) == (2, "")


def test_a_page_about_nothing_that_was_sent_has_no_facts_of_a_run() -> None:
    page = Page(verdict_html(SCENARIOS["nothing_to_compare"](), FILE))
    assert page.tags["dt"] == page.tags["dd"]
    assert not {"Errors", "This run", "How"} & set(page.text_of("dt"))
    assert not {"Can the measurement be trusted?", "More numbers"} & set(page.text_of("h2"))
    measured = Page(verdict_html(SCENARIOS["not_measured"](), FILE))
    assert {"Errors", "This run", "How"} <= set(measured.text_of("dt"))


def test_a_model_says_over_how_many_pairs_it_was_compared() -> None:
    [section] = forest(SCENARIOS["regression"]()).sections[:1]
    assert all(model.note.endswith(" pairs") for model in section.models)
    [stored] = forest(SCENARIOS["stored_runs"]()).sections[:1]
    assert all("pair" not in model.note for model in stored.models)


def test_a_check_without_numbers_is_not_drawn_but_listed() -> None:
    assert [one.kind for one in forest(SCENARIOS["error_budget"]()).others] == [Kind.REGRESSION, Kind.WARNING]


def told(verdict_or_run: object) -> dict[str, tuple[str, str]]:
    return {tile.title: (tile.value, tile.note) for tile in tiles(verdict_or_run)}  # type: ignore[arg-type]


def test_the_facts_say_in_a_few_words_how_it_was_measured_and_what_it_cost() -> None:
    late = a_validity_check(name="send_lateness_p99", value=0.31, ok=True)
    facts = told(an_analysis(STEADY, validity=a_validity(late)))
    assert facts["How"] == ("duet, 300 pairs", "both versions at the same time")
    assert facts["Measurement"] == ("valid", "99 of 100 sent within 0.310\u00a0ms of plan")
    assert facts["Cost of an answer"] == ("$0.00200, unchanged", "mean of all answers")
    assert facts["This run"] == ("$1.20 of $5.00", "600 requests in 5 minutes")


def test_the_facts_know_every_kind_of_comparison() -> None:
    assert told(SCENARIOS["stored_runs"]().analysis)["How"][0] == "against 12 stored runs"
    assert told(SCENARIOS["classic"]().analysis)["How"][0] == "against a stored run"
    assert told(SCENARIOS["no_baseline"]().analysis)["How"][0] == "this version alone"
    assert told(an_analysis(source="none"))["How"] == ("both versions", "without a comparison")
    assert told(SCENARIOS["not_measured"]().analysis)["Measurement"][0] == "not valid"
    assert told(SCENARIOS["nothing_to_compare"]().analysis)["Measurement"][0] == "nothing measured"
    assert told(a_run())["How"] == ("this version alone", "not judged")
    assert told(a_duet_run())["How"] == ("both versions at the same time", "not judged")


def test_several_models_share_one_sum_and_a_missing_price_is_no_zero() -> None:
    other = a_model_result(id="gpt-large")
    both = told(a_run(providers=(a_provider_result(a_model_result(), other),), spend=a_spend(cap_usd=None)))
    assert both["Cost of all answers"] == ("$1.20", "2 models")
    free = a_model_result(
        cost=a_model_result().cost.model_copy(update=dict.fromkeys(("total_usd", "average_per_request_usd")))
    )
    unpriced = a_spend(spent_usd=0.0, cap_usd=None, unpriced_models=("openai/gpt-small",))
    assert told(a_run(providers=(a_provider_result(free),), spend=unpriced))["Cost of an answer"][0] == "–"
    assert told(a_run(providers=(a_provider_result(free, other),)))["Cost of all answers"][0] == "$0.600"
    assert (
        told(a_run(providers=(a_provider_result(free), a_provider_result(free, name="b"))))["Cost of all answers"][0]
        == "–"
    )
    assert told(a_run(providers=(a_provider_result(free),), spend=unpriced))["This run"][0] == "–"


def test_a_pass_has_no_command_and_a_regression_is_explained_from_where_it_lies() -> None:
    assert "lens-gate explain 'my results/verdict.json'" in Page(
        verdict_html(SCENARIOS["regression"](), "my results/verdict.json")
    ).text_of("code")
    assert not any("lens-gate " in text for text in Page(verdict_html(SCENARIOS["pass"](), FILE)).text_of("code"))


def test_bounds_without_numbers_are_no_figure() -> None:
    assert forest(a_verdict(an_analysis(a_finding(effect=an_effect(None))))).sections == ()


def test_an_artifact_without_an_extract_of_samples_says_what_its_page_lacks() -> None:
    told = "This file holds no extract of the samples"
    assert any(told in text for text in Page(verdict_html(SCENARIOS["regression"](), FILE)).text_of("p"))
    assert not any(told in text for text in Page(verdict_html(a_drawn_verdict(), FILE)).text_of("p"))


def a_drawing(found: Exhibits, *, limits: bool = True) -> str:
    verdict = a_drawn_verdict(found)
    [one] = figures(found, {}, limits_of(verdict.analysis) if limits else {})
    assert one.changes is not None
    return one.changes.text


def test_what_is_allowed_is_drawn_where_something_is() -> None:
    assert "tolline" in a_drawing(a_duet_of(40))
    assert "tolline" not in a_drawing(a_duet_of(40), limits=False)


def test_the_figures_of_one_version_have_no_changes_and_say_their_own_quantiles() -> None:
    [one] = figures(one_arm(), {}, {})
    assert one.changes is None
    assert [row.name for row in one.rows] == ["50\u00a0%"]
    [large] = figures(exhibits(Samples.of([a_timed_sample(n, 300 + n) for n in range(200)])), {}, {})
    assert [row.name for row in large.rows] == ["50\u00a0%", "95\u00a0%"]
    assert large.rows[0].base == "400\u00a0ms"


def test_of_a_large_run_the_course_is_a_band_and_its_middle() -> None:
    course = figures(a_duet_of(700), {}, {})[0].course.text
    assert course.count('class="band0"') == course.count('class="band1"') == 1
    assert 'class="p1"' not in course
    small = figures(a_duet_of(40), {}, {})[0].course.text
    assert small.count("h0") + small.count('class="far') == 80
    assert re.findall(r'class="(p0|hole|p1)"', small) == ["p0", "hole", "p1"]


def test_requests_beyond_the_axis_are_marked_as_such_and_counted() -> None:
    times = tuple(n * 1_000_000 for n in (*[10] * 50, 400, 500))
    stretch = Stretch(start_ns=0, end_ns=50, requests=50, low_ns=9_000_000, median_ns=10_000_000, high_ns=11_000_000)
    arm = an_arm_of(*times, due_ns=tuple(range(52)), dot_ns=times, stretches=(stretch,))
    [one] = figures(a_series(arm), {}, {})
    assert one.course.text.count("h0") == 50
    assert one.course.text.count('class="far1"') == 2
    assert "2 requests beyond 17.3\u00a0ms" in one.course.text


def test_the_figure_of_all_times_names_its_axis_and_goes_to_all_of_them() -> None:
    [one] = figures(a_duet_of(40), {}, {})
    assert "time (log)" in one.spread.text
    assert all(f">{share}\u00a0%</text>" in one.spread.text for share in (0, 95, 100))


def bars(row: ErrorRow, *others: ErrorRow) -> list[tuple[str, float]]:
    """Return class and width of the bars of the first row."""
    _, drawing = failures_of((row, *others)).rows[0]
    return [(kind, float(width)) for kind, width in re.findall(r'class="(e\d)"[^>]* width="([\d.]+)%"', drawing.text)]


def an_error(base: float | None, now: float) -> ErrorRow:
    return ErrorRow(
        subject="a", error_class="timeout", base="1", candidate="2", example=None, base_share=base, share=now
    )


def test_errors_are_bars_on_one_axis_for_all_models() -> None:
    assert bars(an_error(1.0, 4.0)) == [("e0", 25.0), ("e1", 100.0)]
    assert bars(an_error(1.0, 4.0), an_error(0.0, 8.0)) == [("e0", 12.5), ("e1", 50.0)]
    assert bars(an_error(None, 4.0)) == [("e1", 100.0)]
    assert bars(an_error(0.0, 0.0)) == []
    assert "8.0\u00a0%" in failures_of((an_error(0.0, 8.0),)).axis.text


def test_a_page_draws_its_errors_by_class_and_a_page_without_any_has_no_such_figure() -> None:
    page = Page(verdict_html(SCENARIOS["regression"](), FILE))
    assert "Errors by class" in page.text_of("h2")
    assert "Errors by class" not in Page(verdict_html(SCENARIOS["pass"](), FILE)).text_of("h2")


def an_arm_of(*times_ns: int, **changes: object) -> ArmExhibit:
    values = {"requests": len(times_ns), "steps_ns": times_ns, "median_ns": times_ns[0], "p95_ns": None, **changes}
    return ArmExhibit(arm=Arm.CANDIDATE, **values)


def a_series(*arms: ArmExhibit, **changes: object) -> Exhibits:
    values = {"series": "openai/gpt-small", "quantity": Quantity.TTFT, "arms": arms, "confidence": 0.95, **changes}
    return Exhibits(series=(SeriesExhibit(**values),), slowest=())


@pytest.mark.parametrize("times", [(0,), (0, 0, 0), (5_000_000,), (0, 1, 10**15)])
def test_the_oddest_times_are_drawn(times: tuple[int, ...]) -> None:
    [one] = figures(a_series(an_arm_of(*times, due_ns=times, dot_ns=times)), {}, {})
    assert "NaN" not in one.course.text + one.spread.text
    require_self_contained(run_html(a_run(), "run.json", a_series(an_arm_of(*times))))


def test_a_series_without_times_is_not_drawn() -> None:
    assert figures(a_series(), {}, {}) == ()


def test_a_change_without_bounds_is_drawn_and_called_open() -> None:
    change = QuantileChange(share=0.5, base_ns=0, change_ns=0, lower_ns=None, upper_ns=None)
    [one] = figures(a_series(an_arm_of(1), changes=(change,)), {}, {})
    assert one.rows[0].interval == "open to open"
    assert one.changes is not None
    assert "NaN" not in one.changes.text


def test_parts_without_bounds_are_bars_alone() -> None:
    whole = an_attribution()
    parts = tuple(
        part.model_copy(update={"lower_ms": None, "upper_ms": None, "change_ms": 0.0}) for part in whole.parts
    )
    [alone] = parts_of([whole.model_copy(update={"parts": parts})], {})
    assert {row.interval for row in alone.rows} == {"–"}
    assert not any("gap" in row.drawing.text for row in alone.rows)
    assert {part.cause for part in parts} <= set(Cause)


def test_a_waterfall_says_each_phase_and_an_unstreamed_answer_has_no_first_token() -> None:
    rows = [a_timed_sample(0, 500), a_timed_sample(1, 500, first_token_ns=None, last_token_ns=None)]
    found = {one.title: one for one in waterfalls(exhibits(Samples.of(rows)).slowest, {})}
    streamed, whole = (next(one for title, one in found.items() if title.startswith(number)) for number in "01")
    assert (streamed.first_token, whole.first_token) == ("500\u00a0ms", "–")
    assert "in the queue 0.100\u00a0ms, connect and TLS 0.300\u00a0ms" in streamed.drawing.text
    assert waterfalls((), {}) == ()
