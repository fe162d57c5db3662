from __future__ import annotations

from typing import Any

import pytest

from lens_gate.artifacts.selftest import Network, Selftest, Streaming
from lens_gate.reports.selftest import headline, selftest_sheet
from lens_gate.reports.sheet import sheet_markdown, sheet_text
from tests.selftests import a_rung, a_selftest


def text(result: Selftest) -> str:
    return " ".join(sheet_text(selftest_sheet(result), width=100, unicode=True).split())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            "measures truly up to 200 requests per second; at 400 requests per second only 80.0 % of the rate was sent",
        ),
        ({"wrong_rps": None}, "200 requests per second at least: no higher rate was tried"),
        ({"limited_by": "simulator"}, "the simulator beside it was too slow to tell"),
        ({"ceiling_rps": None}, "does not measure truly, not even at 400"),
        (
            {
                "ceiling_rps": None,
                "wrong_rps": 25.0,
                "cut_short": True,
                "rungs": (a_rung(50.0, because=("late",)), a_rung(25.0, because=("late as well",))),
            },
            "was not measured: there was time to try 25 and 50 requests per second only, and late as well. Try again",
        ),
        ({"rungs": ()}, "was not tested"),
        ({"ceiling_rps": None, "wrong_rps": None}, "no rate was right"),
    ],
)
def test_one_sentence_says_what_the_machine_can_be_trusted_with(changes: dict[str, Any], said: str) -> None:
    assert said in headline(a_selftest(**changes))


def test_the_table_shows_every_try() -> None:
    shown = text(a_selftest())
    assert "200 0.40 ms" in shown.replace("\u00a0", " ").replace("0.400", "0.40")
    assert shown.count("right") >= 1
    assert "wrong" in shown


def test_it_is_said_that_the_ceiling_is_that_of_one_process() -> None:
    assert "what one process can do. With --processes 2 each of two sends half of a run" in text(a_selftest())
    assert "--processes" not in text(a_selftest(ceiling_rps=None))


def test_a_rung_without_figures_has_dashes() -> None:
    bare = a_rung(ttft_bias_ms=None, cpu_share=None)
    assert "–" in text(a_selftest(rungs=(bare,)))


def test_the_way_to_an_endpoint_is_told_as_far_as_it_was_gone() -> None:
    gone = Network(
        endpoint="https://api.example/v1", tries=5, dns_ms=1.0, connect_ms=20.0, tls_ms=30.0, tls_version="TLSv1.3",
        answer_ms=25.0, status=404, through_proxy=True,
    )  # fmt: skip
    stuck = Network(endpoint="https://down.example", tries=1, dns_ms=1.0, failure="nothing came within 10 s")
    nowhere = Network(endpoint="https://none.example", tries=1, failure="no such name")
    shown = text(a_selftest(network=(gone, stuck, nowhere))).replace("\u00a0", " ")
    assert (
        "Medians of 5 connections: name looked up in 1.00 ms, connected in 20.0 ms, TLSv1.3 agreed in 30.0 ms" in shown
    )
    assert "(status 404)" in shown
    assert "A proxy is set" in shown
    assert "It failed: nothing came within 10 s." in shown
    assert "It failed: no such name." in shown


def test_a_stream_that_a_proxy_buffers_is_pointed_out() -> None:
    whole = Streaming(series="p/m", buffered=True, chunks=20, reads=1, ttft_ms=None, cost_usd=0.001)
    fine = Streaming(series="p/n", buffered=False, chunks=20, reads=19, ttft_ms=41.0, cost_usd=None)
    broken = Streaming(series="p/o", buffered=False, chunks=0, reads=0, ttft_ms=None, cost_usd=None, error="401")
    shown = text(a_selftest(streaming=(whole, fine, broken))).replace("\u00a0", " ")
    assert "arrived in one piece: a proxy buffers it" in shown
    assert "It cost $0.001" in shown
    assert "arrived as it was written, 20 pieces in 19 reads, the first after 41.0 ms" in shown
    assert "It failed: 401." in shown


def test_markdown_escapes_what_servers_and_configurations_say() -> None:
    broken = Streaming(series="p/<m>", buffered=False, chunks=0, reads=0, ttft_ms=None, cost_usd=None, error="<b>")
    assert "<b>" not in sheet_markdown(selftest_sheet(a_selftest(streaming=(broken,))))


def test_without_a_tried_rate_there_is_no_table() -> None:
    shown = text(a_selftest(rungs=()))
    assert "Measured minus true" not in shown
    assert "True means" not in shown
