"""The language of objectives: what it means, and where it went wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.vocabulary.metrics import Quantity
from lens_gate.vocabulary.slo import LONGEST, Objective, parse_slo


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("ttft < 500ms", [(Quantity.TTFT, 500.0, False)]),
        ("ttft<=0.5s", [(Quantity.TTFT, 500.0, True)]),
        ("ttft < 500ms and tpot < 30ms", [(Quantity.TTFT, 500.0, False), (Quantity.TPOT, 30.0, False)]),
        ("latency < 2m, tpot < 900us", [(Quantity.LATENCY, 120_000.0, False), (Quantity.TPOT, 0.9, False)]),
        ("ttft_visible < 1s", [(Quantity.TTFT_VISIBLE, 1000.0, False)]),
        ("  service_latency  <  3 s ", [(Quantity.SERVICE_LATENCY, 3000.0, False)]),
    ],
)  # fmt: skip
def test_objectives_are_limits_of_times(text: str, meant: list[tuple[Quantity, float, bool]]) -> None:
    assert [(one.quantity, one.limit_ms, one.allowed) for one in parse_slo(text)] == meant


def test_an_objective_keeps_its_words() -> None:
    assert parse_slo("ttft<500ms and tpot <= 0.03s")[1] == Objective(
        Quantity.TPOT, 30.0, allowed=True, text="tpot <= 0.03s"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a time of a request: ttft, .* at the end of ``"),
        ("ttft", "expected `<`, .* at the end of `ttft`"),
        ("ttft > 5ms", "upper limit, got `>` at character 6 of"),
        ("ttft < fast", "expected a limit such as 500ms, got `fast` at character 8 of"),
        ("ttft < 500", "the unit of the limit: us, ms, s or m, at the end"),
        ("ttft < 500 tokens", "got `tokens` at character 12"),
        ("ttft < 500ms tpot < 30ms", "expected `and` before the next objective, got `tpot` at character 14"),
        ("ttft < 500ms or tpot < 30ms", "expected `and` .* got `or`"),
        ("ttft < 500ms and", "expected a time of a request: .* at the end of"),
        ("ttft < 500ms and tpt < 3ms", "expected `tpot`, got `tpt` at character 18"),
        ("e2el < 3s", "expected `latency`, got `e2el` at character 1"),
        ("cost < 3s", "expected a time of a request: .* got `cost`"),
        ("500ms > ttft", "got `500` at character 1"),
        ("ttft < 500ms; tpot < 1ms", "got `;` at character 13"),
        ("ttft < 500ms and ttft < 1s", "`ttft` has two limits"),
        ("ttft < -1ms", "expected a limit such as 500ms, got `-`"),
        ("x" * (LONGEST + 1), "at most 500 characters"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_slo(text)


@given(text=st.text(alphabet="abceflnottyp<>=0123456789.ms, and", max_size=60) | st.text(max_size=60))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        found = parse_slo(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either end is right, and nothing else may be raised
    else:
        assert found
        assert parse_slo(" and ".join(one.text for one in found)) == found
