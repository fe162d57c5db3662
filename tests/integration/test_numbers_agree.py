"""One run, read back from every format that tells it: the same metric is the same number everywhere.

JSON, CSV and Prometheus hold numbers unrounded, JUnit in twelve digits; what people read is rounded in one way.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lens_gate.reports.numbers import change, count, limit, quantity, usd
from lens_gate.vocabulary.metrics import Direction, Hypothesis
from tests.integration.conftest import Answer, Duet, Invoke

Configure = Callable[..., Path]
SERIES = "sim/sim-small"


def properties_of(text: str) -> dict[str, str]:
    properties = ET.fromstring(text).iterfind("*/properties/property")
    return {one.attrib["name"]: one.attrib["value"] for one in properties}


def words(text: str) -> str:
    """Everything that is shown, without markup, on one line and with plain blanks."""
    shown = html.unescape(re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", text, flags=re.DOTALL))
    return " ".join(shown.replace("\u00a0", " ").replace("*", "").replace(" pt ", " points ").split())


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


class Formats:
    """One artifact in all of its formats."""

    def __init__(self, invoke: Invoke, name: str, *forms: str) -> None:
        self.texts = {form: told(invoke("report", name, "--format", form)) for form in forms}

    def __getitem__(self, form: str) -> str:
        return self.texts[form]


def told(answer: Answer) -> str:
    assert answer.code == 0, answer.err
    return answer.out


@pytest.fixture
def run(invoke: Invoke, configure: Configure, unhurried: None) -> Formats:
    configure()
    assert invoke("run", "--requests", "30", "--rps", "60", "--output", "run.json").code == 0
    return Formats(invoke, "run.json", "json", "csv", "junit", "markdown", "text", "html")


def test_a_run_is_the_same_in_json_csv_junit_markdown_html_terminal_and_prometheus(
    run: Formats, invoke: Invoke
) -> None:
    artifact = json.loads(run["json"])
    (model,) = artifact["providers"][0]["models"]
    mean, p95 = model["latency"]["total"]["mean_ms"], model["latency"]["total"]["p95_ms"]
    cost, total = artifact["summary"]["total_cost_usd"], artifact["summary"]["total_requests"]

    rows = list(csv.DictReader(io.StringIO(run["csv"])))
    good = [float(row["total_latency_ms"]) for row in rows if row["status"] == "success"]
    assert len(rows) == total
    assert fmean(good) == pytest.approx(mean, abs=0.001)
    assert sum(float(row["cost_usd"]) for row in rows) == pytest.approx(cost)

    found = properties_of(run["junit"])
    assert float(found[f"{SERIES} mean_latency [ms]"]) == pytest.approx(mean, rel=1e-11)
    assert float(found[f"{SERIES} p95_latency [ms]"]) == pytest.approx(p95, rel=1e-11)

    for form in ("markdown", "text", "html"):
        shown = words(run[form])
        for value in (quantity(mean, "ms"), quantity(p95, "ms"), usd(model["cost"]["per_1k_tokens_usd"])):
            assert plain(value) in shown, form
        assert f"{total} " in shown
        assert plain(quantity(100 * len(good) / total, "%")) in shown or len(good) == total

    assert f"- Total Cost: {usd(cost)}" in run["markdown"]
    assert f"- Average Latency: {quantity(mean, 'ms')}" in run["markdown"]
    assert f"- Total Requests: {count(total)}" in run["markdown"]
    exported = {
        one.name: one for one in text_string_to_metric_families(told(invoke("export", "prometheus", "run.json")))
    }
    assert sum(one.value for one in exported["llm_requests"].samples) == total
    assert sum(one.value for one in exported["llm_cost_usd"].samples) == pytest.approx(cost)
    assert summed(exported["llm_request_duration_seconds"], "_sum") / len(good) == pytest.approx(mean / 1000)
    report = json.loads(told(invoke("cost", "run.json", "--format", "json")))
    assert report["paid"] == pytest.approx(artifact["spend"]["spent_usd"])


def summed(family: Any, suffix: str) -> float:
    found = [one.value for one in family.samples if one.name.endswith(suffix) and one.labels["status"] == "success"]
    return float(sum(found))


def test_a_verdict_is_the_same_in_json_junit_markdown_html_and_terminal(invoke: Invoke, duet: Duet) -> None:
    duet(factor=1.2)
    assert invoke("gate", "run.json", "--output", "verdict.json").code == 1
    verdict = Formats(invoke, "verdict.json", "json", "junit", "markdown", "text", "html")
    findings = json.loads(verdict["json"])["analysis"]["findings"]
    found = properties_of(verdict["junit"])
    gated = [
        finding
        for finding in findings
        if finding["outcome"] == "regression" and finding["hypothesis"] != Hypothesis.TTFT_TAIL_EXCESS
    ]
    assert len(gated) >= 2
    for finding in gated:
        name = f"{finding['series']} {finding['metric']}"
        effect, unit = finding["effect"], finding["value_unit"]
        # In points there is no typical pair, and the values are shares and no means.
        mean, of_pair = (" mean", " of a typical pair") if effect["unit"] == "%" else ("", "")
        changed = float(found[f"{name} change{of_pair} [{effect['unit']}]"])
        assert changed == pytest.approx(effect["estimate"], rel=1e-11)
        assert float(found[f"{name} base{mean} [{unit}]"]) == pytest.approx(finding["base_value"], rel=1e-11)
        moved = plain(change(effect["estimate"], effect["unit"]))
        for form in ("markdown", "text", "html", "junit"):
            assert moved in words(verdict[form]), (form, name)
        for form in ("markdown", "text", "html"):
            assert plain(quantity(finding["base_value"], unit)) in words(verdict[form]), (form, name)
    for finding in findings:
        for stray in numbers_told(finding["reason"]) - numbers_of(finding):
            raise AssertionError(f"{stray} is told, and is no number of {finding['series']} {finding['metric']}")


def numbers_told(reason: str) -> set[str]:
    """Return every change, bound and limit that a reason tells."""
    return set(re.findall(r"[+−±]?[0-9][0-9,.]* (?:%|points)", plain(reason)))


def numbers_of(finding: dict[str, Any]) -> set[str]:
    """Return how reports write the numbers of a finding: with their signs, without them, and as a limit."""
    effect, unit = finding["effect"], finding["effect"]["unit"]
    known = [effect[name] for name in ("estimate", "lower", "upper", "upper_pass") if effect[name] is not None]
    known += [view["estimate"] for view in finding["views"]]
    told = {plain(change(number, unit, beside=beside)) for number in known for beside in (None, finding["threshold"])}
    limits = {plain(limit(finding["threshold"], unit, worse)) for worse in Direction}
    return {text.lstrip("+−±") for text in told | limits} | told | limits
