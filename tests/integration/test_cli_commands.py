"""The commands on files, the reports, the help, and what stays out of the way of a start."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from junitparser import JUnitXml

from lens_gate.cli import demo
from lens_gate.cli.app import COMMANDS, LATER, app
from lens_gate.cli.docs import commands_markdown
from lens_gate.errors import PublishFailed
from lens_gate.simulator.settings import SimulatorSettings
from lens_gate.steps.line import Judged
from lens_gate.steps.resolving.arms import RunOrder
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import a_verdict
from tests.integration.conftest import Duet, Invoke
from tests.measuring import run_in
from tests.scenarios import SCENARIOS

Configure = Callable[..., Path]


# files


@pytest.mark.parametrize("form", ["yaml", "toml"])
def test_what_init_prints_is_valid(form: str, invoke: Invoke, home: Path) -> None:
    printed = invoke("init", "--format", form)
    assert (printed.code, printed.err) == (0, "")
    (home / f"lens-gate.{form}").write_text(printed.out, encoding="utf-8")
    answer = invoke("validate")
    assert answer.code == 0, answer.err
    assert f"valid: lens-gate.{form}" in answer.out


def test_validate_without_a_file_says_how_to_start(invoke: Invoke) -> None:
    answer = invoke("validate")
    assert answer.code == 2
    assert "lens-gate init" in answer.err


def test_a_schema_accepts_what_the_commands_write(invoke: Invoke, duet: Duet, configure: Configure) -> None:
    duet(pairs=20)
    invoke("analyze", "run.json", "--output", "analysis.json")
    invoke("gate", "run.json", "--output", "verdict.json")
    invoke("trend", "run.json", "--output", "trend.json")
    invoke("gate", "trend.json", "--output", "trend_verdict.json")
    configure("config.json")
    for kind in ("run", "analysis", "verdict", "trend", "trend_verdict", "config"):
        schema = json.loads(invoke("schema", kind).out)
        jsonschema.Draft202012Validator.check_schema(schema)
        refused = jsonschema.Draft202012Validator(schema).iter_errors(json.loads(Path(f"{kind}.json").read_bytes()))
        assert [f"{kind}: {error.message}" for error in refused] == []


def test_migrate_rewrites_an_artifact_in_place_or_elsewhere(invoke: Invoke, duet: Duet, home: Path) -> None:
    path = duet(pairs=20)
    (home / "packed.json.gz").write_bytes(gzip.compress(path.read_bytes()))
    elsewhere = invoke("migrate", "artifact", "packed.json.gz", "--output", "new/run.json")
    in_place = invoke("migrate", "artifact", "run.json")
    assert [elsewhere.code, in_place.code] == [0, 0]
    assert "run artifact, schema version" in in_place.out
    assert run_in(home / "new" / "run.json") == run_in(path)


def test_migrate_rewrites_a_configuration_to_output_or_file(invoke: Invoke, configure: Configure, home: Path) -> None:
    configure("llm-lens.yaml")
    printed = invoke("migrate", "config", "--from", "llm-lens.yaml")
    written = invoke("migrate", "config", "--from", "llm-lens.yaml", "--to", "lens-gate.yaml", "--mode", "standalone")
    assert [printed.code, written.code] == [0, 0], printed.err + written.err
    assert (home / "lens-gate.yaml").read_text(encoding="utf-8") == printed.out
    assert invoke("validate", "--config", "lens-gate.yaml").code == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.yaml", "budgets: []\n"),
        ("c.yaml", "# limits\n---\nbudgets: []\n"),
        ("c.yaml", "# limits\n{budgets: []}\n"),
        ("c.toml", "budgets = []\n"),
    ],
)
def test_a_configuration_without_a_version_gets_one_where_it_belongs(
    name: str, text: str, invoke: Invoke, home: Path
) -> None:
    (home / name).write_text(text, encoding="utf-8")
    printed = invoke("migrate", "config", "--from", name)
    (home / name).write_text(printed.out, encoding="utf-8")
    assert "version" in printed.out
    assert invoke("validate", "--config", name).code == 0
    assert invoke("migrate", "config", "--from", name).out == printed.out


# reports


@pytest.mark.parametrize("kind", ["run", "analysis", "verdict"])
def test_every_artifact_has_a_report_in_every_format(kind: str, invoke: Invoke, duet: Duet) -> None:
    duet(factor=1.6, pairs=40)
    if kind != "run":
        invoke({"analysis": "analyze", "verdict": "gate"}[kind], "run.json", "--output", f"{kind}.json")
    told = {}
    for form in ("text", "markdown", "junit", "json"):
        answer = invoke("report", f"{kind}.json", "--format", form)
        assert answer.code == 0, answer.err
        told[form] = answer.out
    assert json.loads(told["json"])["kind"] == kind
    suite = next(iter(JUnitXml.fromstring(told["junit"].encode("utf-8"))))
    assert (suite.failures > 0) == (kind != "run")
    assert "gpt-small" in told["text"]
    assert "gpt-small" in told["markdown"]


def test_a_run_has_rows(invoke: Invoke, duet: Duet) -> None:
    duet(pairs=20)
    rows = list(csv.DictReader(io.StringIO(invoke("report", "run.json", "--format", "csv").out)))
    assert len(rows) == 40
    both = list(csv.DictReader(io.StringIO(invoke("report", "run.json", "run.json", "--format", "csv").out)))
    assert len(both) == 80


@pytest.mark.parametrize(
    ("name", "begin"), [("r.md", "#"), ("r.xml", "<?xml"), ("r.json", "{"), ("r.csv", "timestamp"), ("r.txt", "")]
)
def test_the_ending_of_the_output_chooses_the_format(
    name: str, begin: str, invoke: Invoke, duet: Duet, home: Path
) -> None:
    duet(pairs=20)
    answer = invoke("report", "run.json", "--output", name)
    assert (answer.code, answer.out) == (0, "")
    assert (home / name).read_text(encoding="utf-8").lstrip("\ufeff").startswith(begin)


def test_several_runs_become_suites_of_one_junit_file(invoke: Invoke, duet: Duet, home: Path) -> None:
    duet("a.json", pairs=20)
    duet("b.json", pairs=20, factor=1.6)
    invoke("gate", "b.json", "--output", "verdict.json")
    answer = invoke("report", "--input", "a.json", "verdict.json", "b.json", "--format", "junit", "--output", "x.xml")
    assert answer.code == 0, answer.err
    suites = list(JUnitXml.fromfile(str(home / "x.xml")))
    assert len(suites) == 3
    assert [suite.failures > 0 for suite in suites] == [False, True, False]


def test_several_runs_become_one_text(invoke: Invoke, duet: Duet) -> None:
    duet("a.json", pairs=20)
    once, twice = (invoke("report", *names, "--format", "markdown").out for names in (["a.json"], ["a.json"] * 2))
    assert twice.count(once.strip().splitlines()[0]) == 2 * once.count(once.strip().splitlines()[0])


def test_packed_artifacts_are_read_everywhere(invoke: Invoke, duet: Duet, home: Path) -> None:
    path = duet(pairs=40, factor=1.6)
    (home / "run.json.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert invoke("gate", "run.json.gz").code == 1
    assert invoke("analyze", "run.json.gz", "--format", "markdown").code == 0
    assert invoke("report", "run.json.gz").out.replace("run.json.gz", "run.json") == invoke("report", "run.json").out


def test_an_output_whose_name_ends_with_gz_is_packed(invoke: Invoke, duet: Duet, home: Path) -> None:
    duet(pairs=40)
    invoke("gate", "run.json", "--output", "verdict.json.gz")
    invoke("report", "run.json", "--output", "rows.csv.gz")
    assert json.loads(gzip.decompress((home / "verdict.json.gz").read_bytes()))["kind"] == "verdict"
    assert gzip.decompress((home / "rows.csv.gz").read_bytes()).startswith(b"timestamp")
    assert invoke("report", "verdict.json.gz").code == 0


def test_analyze_writes_json_unless_told_otherwise(invoke: Invoke, duet: Duet) -> None:
    duet(pairs=40)
    answer = invoke("analyze", "--input", "run.json")
    assert json.loads(answer.out)["kind"] == "analysis"
    assert json.loads(invoke("analyze", "run.json").out)["regression"]["verdict"] == "pass"


def test_the_steps_one_by_one_say_the_same_as_the_gate_alone(invoke: Invoke, duet: Duet) -> None:
    duet(pairs=40, factor=1.6)
    invoke("analyze", "run.json", "--output", "analysis.json")
    stepwise, alone = invoke("gate", "analysis.json"), invoke("gate", "run.json")
    assert (stepwise.code, stepwise.told) == (1, alone.told)
    assert stepwise.out.replace("analysis.json", "run.json") == alone.out  # the next command names the file at hand


def test_a_threshold_moves_the_line(invoke: Invoke, duet: Duet) -> None:
    duet(pairs=100, factor=1.3)
    usual, wide = invoke("gate", "run.json"), invoke("gate", "run.json", "--threshold", "60")
    assert int(usual.told["regressions"]) == int(wide.told["regressions"]) + 4


def test_classic_rules_are_named_with_what_they_cost(invoke: Invoke, duet: Duet) -> None:
    duet(pairs=100, factor=1.6)
    answer = invoke("gate", "run.json", "--decision", "classic")
    assert answer.code == 1
    assert "false alarm" in answer.out.lower()


def test_gate_writes_all_three_files(invoke: Invoke, duet: Duet, home: Path) -> None:
    duet(pairs=20)
    answer = invoke("gate", "run.json", "--output", "o/v.json", "--junit", "o/j.xml", "--markdown", "o/r.md")
    assert answer.code == 0
    assert json.loads((home / "o" / "v.json").read_bytes())["kind"] == "verdict"
    assert len(list(JUnitXml.fromfile(str(home / "o" / "j.xml")))) == 1
    assert (home / "o" / "r.md").read_text(encoding="utf-8").startswith("#")


def test_the_configured_files_are_written_with_the_time_of_the_run(
    invoke: Invoke, configure: Configure, home: Path, unhurried: None
) -> None:
    files = [{"type": kind, "path": f"out/{{{{timestamp}}}}.{kind}"} for kind in ("json", "csv", "markdown", "junit")]
    configure(output={"files": files})
    answer = invoke("run", "--requests", "4", "--output", "run.json")
    assert answer.code == 0, answer.err
    names = sorted(path.name for path in (home / "out").iterdir())
    stamps = {name.partition(".")[0][:15] for name in names}
    assert [Path(name).suffix for name in names] == [".csv", ".json", ".junit", ".markdown"]
    assert len(stamps) == 1
    assert re.fullmatch(r"\d{8}T\d{6}", stamps.pop())


def test_ci_leaves_all_five_files(invoke: Invoke, configure: Configure, home: Path, unhurried: None) -> None:
    configure(models=("sim-small", "sim-large"))
    answer = invoke(
        "ci",
        "--model",
        "sim-small",
        "--against-model",
        "sim-large",
        "--requests",
        "12",
        "--rps",
        "80",
        "--output-dir",
        "o",
    )
    # Six pairs can establish nothing at 1 %, however slow this machine makes some of them.
    assert answer.told["outcome"] == "inconclusive", answer.err
    assert {path.name for path in (home / "o").iterdir()} == {
        "run.json", "analysis.json", "verdict.json", "report.md", "report.html", "junit.xml",
    }  # fmt: skip
    assert "Reports and artifacts are in o/" in answer.err


def test_a_run_without_a_name_gets_one_with_the_time(
    invoke: Invoke, configure: Configure, home: Path, unhurried: None
) -> None:
    configure()
    assert invoke("run", "--requests", "2").code == 0
    assert re.fullmatch(r"benchmark-\d{8}T\d{6}Z\.json", next((home / "results").iterdir()).name)


def test_a_closed_loop_is_measured(invoke: Invoke, configure: Configure, home: Path, unhurried: None) -> None:
    configure()
    assert invoke("run", "--concurrency", "2", "--duration", "400ms", "--output", "run.json").code == 0
    assert run_in(home / "run.json").plan.concurrency == 2


def test_a_provider_and_a_model_are_enough_without_a_file(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-never-sent-0123")
    answer = invoke("run", "--provider", "openai", "--model", "gpt-4o-mini", "--requests", "4", "--dry-run")
    assert answer.code == 0, answer.err
    assert "gpt-4o-mini" in answer.out


# help


@pytest.mark.parametrize("command", [*COMMANDS])
def test_every_command_has_help_under_its_own_name(command: str, invoke: Invoke) -> None:
    answer = invoke(command, "--help")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: lens-gate {command}")


@pytest.mark.parametrize("command", [*COMMANDS])
def test_every_option_is_described(command: str) -> None:
    found = app.get_command(click.Context(app), command)
    assert found is not None
    commands = [found, *(found.commands.values() if isinstance(found, click.Group) else ())]
    options = [one for each in commands for one in each.params if isinstance(one, click.Option)]
    assert not [one.name for one in options if not one.help]
    assert not [each.name for each in commands if not each.help]


@pytest.mark.parametrize("command", [*LATER])
def test_what_comes_later_says_so(command: str, invoke: Invoke) -> None:
    assert "Not available yet" in " ".join(invoke(command, "--help").out.split())
    answer = invoke(command, "sub", "--anything", "x")
    assert answer.code == 2
    assert f"`lens-gate {command} sub` is not available yet" in answer.err


def test_the_list_of_commands_tells_what_is_there_and_what_is_not(invoke: Invoke) -> None:
    out = invoke("--help").out
    there, _, later = out.partition("Not available yet")
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", there, flags=re.MULTILINE)
    for name in LATER:
        assert re.search(rf"^  {name} ", later, flags=re.MULTILINE)


def test_the_version_is_told(invoke: Invoke) -> None:
    assert re.fullmatch(r"lens-gate, version \d+\.\d+\.\d+\n", invoke("--version").out)


def test_the_page_of_commands_holds_every_help() -> None:
    page = commands_markdown()
    for name in ("run", "ci", "migrate artifact", "migrate config"):
        assert f" lens-gate {name}\n" in page
        assert f"Usage: lens-gate {name}" in page


def test_a_run_of_fifty_requests_that_nobody_judges_never_loads_scipy(home: Path, configure: Configure) -> None:
    configure(workload={"fixed": {"requests_per_second": 100}, "prompts": [{"id": "p", "template": "Say hello"}]})
    code = (
        "import sys; from lens_gate.cli.app import execute\n"
        "execute(['run', '--requests', '50', '--output', 'run.json'])\n"
        "print('loaded', sorted(name for name in sys.modules if name.partition('.')[0] == 'scipy'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert json.loads((home / "run.json").read_text(encoding="utf-8"))["summary"]["total_requests"] == 50, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded []"


# the demo and the simulator


@pytest.mark.parametrize(("expected", "code"), [(Outcome.INCONCLUSIVE, 0), (Outcome.PASS, 3)])
def test_the_demo_tells_its_verdicts_and_whether_they_are_the_expected_ones(
    expected: Outcome, code: int, invoke: Invoke, home: Path, unhurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "SCENES", (replace(demo.SCENES[2], expected=expected),))
    answer = invoke("demo", "--output-dir", "shown")
    assert answer.code == code, answer.err
    assert "inconclusive  exit 0" in answer.out
    assert ("very busy" in answer.err) == (code == 3)
    assert (home / "shown" / "3-too-few-requests" / "junit.xml").exists()


def test_the_first_two_scenes_of_the_demo_compare_what_they_tell(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RunOrder] = []

    def noted(order: RunOrder, *_: object) -> Judged:
        asked.append(order)
        return Judged(verdict=a_verdict(), failed=(PublishFailed("no space"),) if len(asked) > 1 else ())

    monkeypatch.setattr(demo, "whole_line", noted)
    answer = invoke("demo")
    assert answer.code == 7
    assert [order.against.kind for order in asked if order.against] == ["config", "model"]


def test_a_scene_that_could_not_be_measured_is_played_again_and_not_for_ever(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[RunOrder] = []

    def invalid(order: RunOrder, *_: object) -> Judged:
        played.append(order)
        return Judged(verdict=SCENARIOS["not_measured"](), failed=())

    monkeypatch.setattr(demo, "whole_line", invalid)
    answer = invoke("demo")
    assert answer.code == 3
    assert len(played) == demo.TRIES * len(demo.SCENES)


def test_a_simulator_that_does_not_start_is_told(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lens_gate.steps.simulated.sys.executable", shutil.which("true"))
    answer = invoke("demo")
    assert answer.code == 3
    assert "lens-gate simulate" in answer.err


def test_simulate_passes_its_options_on(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: list[SimulatorSettings] = []
    monkeypatch.setattr("lens_gate.cli.simulate.run_forever", lambda given, _: settings.append(given))
    words = (
        "--port",
        "0",
        "--seed",
        "5",
        "--log",
        "log.jsonl",
        "--api-key",
        "a",
        "--api-key",
        "b",
        "--rate-limit",
        "9",
    )
    assert invoke("simulate", *words).code == 0
    assert settings == [
        SimulatorSettings(seed=5, log_path=Path("log.jsonl"), api_keys=frozenset("ab"), rate_limit_rps=9)
    ]


@pytest.mark.usefixtures("unhurried")
def test_a_baseline_is_read_before_our_own_run_is_written_over_it(invoke: Invoke, configure: Configure) -> None:
    configure(models=("sim-instant",))
    assert invoke("run", "--requests", "20", "--output", "results/run.json").code == 0
    before = Path("results/run.json").read_bytes()
    answer = invoke("ci", "--baseline", "results/run.json", "--requests", "24")
    assert Path("results/run.json").read_bytes() != before
    assert "±0.0 %" not in answer.out


def test_a_missing_baseline_is_told_before_anything_is_sent(invoke: Invoke, configure: Configure) -> None:
    configure()
    answer = invoke("ci", "--baseline", "nowhere.json", "--requests", "20")
    assert (answer.code, Path("results").exists()) == (5, False)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"regression": {"methods": [{"type": "threshold", "metric": "mean_tfft"}]}}, "mean_ttft"),
        ({"regression": {"quality_gates": [{"name": "g", "condition": "sucess_rate > 99"}]}}, "success_rate"),
        ({"workload": {"prompts": [{"template": "{{topics}}", "variables": {"topic": ["a"]}}]}}, "topics"),
        (
            {
                "workload": {
                    "prompts": [{"template": "{{t}}", "variables": {"t": {"type": "file", "source": "no.txt"}}}]
                }
            },
            "no.txt",
        ),
    ],
)
def test_validate_finds_what_run_would_refuse(
    invoke: Invoke, configure: Configure, section: dict[str, Any], words: str
) -> None:
    configure(**section)
    answer = invoke("validate")
    assert answer.code == 2
    assert words in answer.err


def test_a_dry_run_rounds_its_dollars_up_for_a_run_may_cost_all_of_them(invoke: Invoke, configure: Configure) -> None:
    configure()
    for requests in range(20, 28):
        told = invoke("run", "--dry-run", "--requests", str(requests)).out
        (_, _, _, asked, tokens_in, tokens_out, dollars) = told.splitlines()[1].split()
        bound = (int(tokens_in) * 0.5 + int(tokens_out) * 1.5) / 1e6
        assert int(asked) == requests
        assert bound <= float(dollars.removeprefix("$")) < bound + 0.0001
        assert "takes each byte of input for a token" in told


def test_a_dry_run_refuses_a_cap_that_cannot_hold(invoke: Invoke, configure: Configure) -> None:
    configure(providers=[{"name": "p", "endpoint": "http://127.0.0.1:9", "models": ["nobody-prices-this"]}])
    answer = invoke("run", "--dry-run", "--max-cost", "1")
    assert answer.code == 2
    assert "price" in answer.err


def test_a_gate_warns_where_its_rules_are_not_those_of_the_run(
    invoke: Invoke, configure: Configure, home: Path, unhurried: None
) -> None:
    (home / "own.yaml").write_text(configure().read_text(encoding="utf-8"), encoding="utf-8")
    ran = invoke("run", "-c", "own.yaml", "--requests", "4", "--output", "results/own.json")
    assert "Next: lens-gate gate -c own.yaml results/own.json" in ran.out
    assert (
        "warning: rules: lens-gate.yaml, but the run was made with own.yaml" in invoke("gate", "results/own.json").err
    )
    told = invoke("gate", "-c", "own.yaml", "results/own.json").err
    assert "Rules: own.yaml.\n" in told
    assert "warning: rules" not in told
