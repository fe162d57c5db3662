"""Every command line of the specification's modes 1 and 2, as written there."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import KEY, Answer, Invoke

SPEC = Path(__file__).parents[3] / "shared" / "spec" / "llm-latency-lens.md"
pytestmark = pytest.mark.skipif(not SPEC.exists(), reason="the specification does not lie beside this checkout")


def command_lines() -> list[str]:
    """The text of each command in sections 1 and 2, with continuation lines joined and CI expressions filled in."""
    text = SPEC.read_text(encoding="utf-8") if SPEC.exists() else ""
    modes = text[: text.find("\n## 3. ")]
    joined = re.sub(r"\\\n\s*", " ", modes)
    found = re.findall(r"^[\s-]*(llm-lens [a-z].*?)\s*$", joined, flags=re.MULTILINE)
    filled = [re.sub(r"\$\{\{.*?\}\}", "60", line) for line in found]
    filled = [re.sub(r"\$\(date [^)]*\)", "20240115", line) for line in filled]
    filled = [re.sub(r"\$\{?(CI_COMMIT_SHA|API_KEY|BENCHMARK_DURATION)\}?", "60", line) for line in filled]
    return list(dict.fromkeys(filled))


def quick(words: list[str]) -> list[str]:
    """Shorten every duration: the test is about the command lines, not about waiting."""
    return ["400ms" if re.fullmatch(r"\d+s", word) else word for word in words]


def at_the_simulator(words: list[str], simulator: str) -> list[str]:
    """Send to the simulator, with its key, what goes to an endpoint that nobody has."""
    ours = {"https://api.custom-llm.com/v1/chat": f"{simulator}/v1/chat/completions", "Bearer 60": f"Bearer {KEY}"}
    return [ours.get(word, word) for word in words]


def with_files(words: list[str]) -> list[str]:
    """Expand globs as a shell would, and cut output redirections."""
    words = words[: words.index(">")] if ">" in words else words
    expanded = []
    for word in words:
        matches = sorted(str(path) for path in Path().glob(word)) if "*" in word else []
        expanded.extend(matches or [word])
    return expanded


@pytest.fixture(scope="module")
def kept() -> list[bytes]:
    """The run that all command lines read: it is measured once."""
    return []


@pytest.fixture
def workspace(home: Path, configure: Callable[..., Path], invoke: Invoke, unhurried: None, kept: list[bytes]) -> Path:
    """A folder with every file that the command lines name."""
    models = ("gpt-4-turbo-preview", "claude-3-opus-20240229")
    config = json.loads(configure("llm-lens.yaml", models=models).read_text(encoding="utf-8"))
    config["providers"][0]["name"] = "openai"
    config["profiler"] = {"duration": "400ms"}
    del config["providers"][0]["models"][1]
    for name in (
        "llm-lens.yaml", "llm-lens.dev.yaml", ".github/benchmark-config.yaml", ".github/baseline-config.yaml",
        "ci/benchmark-dev.yaml", "ci/benchmark-prod.yaml", "ci/benchmark-comprehensive.yaml",
    ):  # fmt: skip
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(json.dumps(config), encoding="utf-8")
    rules = {"regression": {"quality_gates": [{"name": "latency", "condition": "mean_latency < 5000"}]}}
    (home / "regression-config.yaml").write_text(json.dumps(rules), encoding="utf-8")
    entries = [{"timestamp": 1705314600 + number / 10, "prompt": f"Say {number}."} for number in range(20)]
    lines = "".join(json.dumps(entry) + "\n" for entry in entries)
    (home / "production-requests.jsonl").write_text(lines, encoding="utf-8")
    payload = {"model": "sim-small", "stream": True, "messages": "{{messages}}"}
    (home / "request.json").write_text(json.dumps(payload), encoding="utf-8")
    (home / "templates").mkdir()
    (home / "templates" / "executive-summary.html").write_text("<h1>{{ report.view.headline }}</h1>", encoding="utf-8")
    prices = {"models": {model: {"input_per_million": 1, "output_per_million": 4} for model in models}}
    (home / "config").mkdir()
    (home / "config" / "pricing.yaml").write_text(json.dumps(prices), encoding="utf-8")
    if not kept:
        made = invoke("run", "--config", "llm-lens.yaml", "--requests", "20", "--output", "run.json")
        assert made.code == 0, made.err
        kept.append((home / "run.json").read_bytes())
    for name in ("baseline/main.json", "baseline/baseline.json", "results/current.json", "results/baseline.json",
                 "results.json", "results/benchmark-60.json"):  # fmt: skip
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(kept[0])
    return home


def does_what_it_says(words: list[str], answer: Answer, workspace: Path) -> None:
    """The command ended well, and the output that it names is there."""
    assert answer.code == 0, answer.err
    if "--output" in words:
        output = workspace / words[words.index("--output") + 1]
        assert output.stat().st_size > 0


def test_there_are_command_lines_to_test() -> None:
    assert len(command_lines()) >= 20


@pytest.mark.parametrize("line", command_lines())
def test_every_command_line_does_what_it_says(line: str, workspace: Path, invoke: Invoke, simulator: str) -> None:
    words = at_the_simulator(with_files(quick(shlex.split(line)[1:])), simulator)
    answer = invoke(*words)
    if words[:2] == ["validate", "baseline"]:
        assert answer.code == 5
        assert "and a baseline needs 1000" in answer.err
    else:
        does_what_it_says(words, answer, workspace)
