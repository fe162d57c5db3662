"""What a run says by itself: how far chance moves its median, and nothing of what it cannot know."""

from __future__ import annotations

import pytest

from lens_gate.analysis.alone import noise_of
from lens_gate.artifacts.run import LatencySummary
from lens_gate.reports.reasons import told
from tests.builders import SERIES, a_latency, a_latency_summary, a_model_result, a_provider_result, a_run


def notes(total: LatencySummary) -> tuple[str, ...]:
    model = a_model_result(latency=a_latency(total=total))
    return tuple(
        told([remark]).replace("\u00a0", " ") for remark in noise_of(a_run(providers=(a_provider_result(model),)))
    )


def test_the_median_is_known_as_far_as_its_spread_and_its_count_allow() -> None:
    (note,) = notes(a_latency_summary(1500.0, count=300, p75_ms=1600.0))
    assert note == (
        f"{SERIES}: within this run, chance moves the median answer by up to 1.4 % (95 %); how much days differ shows "
        "when more runs are stored."
    )


def test_waves_of_load_make_it_less_sure() -> None:
    calm, wavy = (
        float(notes(a_latency_summary(1500.0, median_inflation=inflation))[0].split("up to ")[1].split()[0])
        for inflation in (1.0, 9.0)
    )
    assert wavy > 2.9 * calm


@pytest.mark.parametrize(
    "total",
    [
        LatencySummary(count=0),
        a_latency_summary(1500.0, count=19),
        a_latency_summary(1500.0, p75_ms=1400.0),
    ],
)
def test_of_too_little_or_of_nonsense_nothing_is_said(total: LatencySummary) -> None:
    assert notes(total) == ()
