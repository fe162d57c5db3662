"""Bad input of every kind gets a message that says where, what and what next, and the documented code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lens_gate.artifacts.codec import dumps
from tests.builders import a_provider_result, a_run, a_sample
from tests.integration.conftest import Answer, Duet, Invoke, Listener
from tests.measuring import run_in

Configure = Callable[..., Path]

YAML = """\
providers:
  - name: sim
    api: openai-chat
    endpoint: {url}
    api_key: ${{{key}}}
    models:
      - id: sim-small
        max_tokens: 8
"""


@pytest.fixture
def written(home: Path, listener: Listener) -> Callable[..., Path]:
    """Write a YAML configuration for the server that counts what reaches it."""

    def write(name: str = "lens-gate.yaml", *, key: str = "SIM_KEY", extra: str = "") -> Path:
        path = home / name
        path.write_text(YAML.format(url=f"{listener.url}/v1", key=key) + extra, encoding="utf-8")
        return path

    return write


def git(*words: str, cwd: Path) -> str:
    names = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *names, *words], cwd=cwd, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


@pytest.fixture
def repository(home: Path) -> Path:
    """A repository whose only commit holds nothing but a note."""
    git("init", "-q", "-b", "main", cwd=home)
    (home / "NOTE").write_text("nothing else\n", encoding="utf-8")
    commit_all(home)
    return home


def commit_all(folder: Path) -> str:
    git("add", "-A", cwd=folder)
    git("commit", "-q", "-m", "change", "--allow-empty", cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder)


def refused(answer: Answer, *parts: str, code: int = 2) -> None:
    """The answer has this code, says all these parts, and shows no trace."""
    assert answer.code == code, answer.err
    for part in parts:
        assert part in answer.err, answer.err
    assert "Traceback" not in answer.err
    assert answer.told["exit"] == str(code)


# the configuration


@pytest.mark.parametrize(
    ("extra", "line", "known"),
    [
        ("    modles: []\n", 9, "models"),
        ("        max_token: 8\n", 9, "max_tokens"),
        ("profiler:\n  durations: 5s\n", 10, "duration"),
        ("workload:\n  fixed:\n    request_per_second: 5\n", 11, "requests_per_second"),
        ("regresion:\n  alpha: 0.01\n", 9, "regression"),
    ],
)
def test_an_unknown_key_names_file_line_and_the_nearest_key(
    extra: str, line: int, known: str, invoke: Invoke, written: Callable[..., Path]
) -> None:
    written(extra=extra)
    refused(invoke("run"), f"lens-gate.yaml:{line}", known)


def test_every_problem_of_a_file_is_named_at_once(invoke: Invoke, written: Callable[..., Path]) -> None:
    written(extra="regresion: {}\nbudgits: []\n")
    refused(invoke("validate"), "lens-gate.yaml:9", "lens-gate.yaml:10", "regression", "budgets")


def test_all_that_does_not_fit_together_is_named_at_once_with_its_line(
    invoke: Invoke, written: Callable[..., Path]
) -> None:
    prompts = "".join(f'    - {{id: p{number}, template: "Say {{{{{name}}}}}"}}\n' for number, name in enumerate("xy"))
    written(extra=f"workload:\n  gamma: {{rate: 3}}\n  poisson: {{lambda: 3}}\n  prompts:\n{prompts}")
    parts = ("3 problems", "lens-gate.yaml:10: `workload.gamma`: the sections `poisson` and `gamma` each say")
    lines = ("lens-gate.yaml:13: `workload.prompts[0]`: the template names {{x}}", "lens-gate.yaml:14")
    refused(invoke("validate"), *parts, *lines)
    refused(invoke("run"), "2 problems", *lines)


@pytest.mark.parametrize(
    ("extra", "options", "place"),
    [
        ("", ("--max-cost", "1"), "lens-gate: --max-cost: the price"),
        ("profiler:\n  max_cost_usd: 1\n", (), "lens-gate: lens-gate.yaml:10: `profiler.max_cost_usd`: the price"),
    ],
)
@pytest.mark.parametrize("command", [("run",), ("run", "--dry-run"), ("ci",)])
def test_a_cap_that_cannot_hold_is_called_by_the_option_or_the_line_that_asked_for_it(
    command: tuple[str, ...], extra: str, options: tuple[str, ...], place: str, invoke: Invoke, written: Configure
) -> None:
    written(extra=extra)
    refused(invoke(*command, *options), place)


def test_a_transport_that_cannot_do_what_is_asked_is_called_by_the_option_that_asked_for_it(
    invoke: Invoke, written: Configure
) -> None:
    path = written(extra="    http2: true\nprofiler:\n  requests: 4\n  transport: fast\n")
    path.write_text(path.read_text(encoding="utf-8").replace("http://", "https://"), encoding="utf-8")
    said = "the fast transport speaks HTTP/1.1 only"
    refused(invoke("run"), f"lens-gate: lens-gate.yaml:12: `profiler.transport`: {said}")
    refused(invoke("run", "--transport", "fast"), f"lens-gate: --transport: {said}")


def test_a_value_of_the_wrong_type_names_its_line(invoke: Invoke, written: Callable[..., Path]) -> None:
    written(extra="profiler:\n  duration: soon\n")
    refused(invoke("run"), "lens-gate.yaml:10", "duration")


@pytest.mark.parametrize("command", [("validate",), ("run", "--requests", "4"), ("ci", "--requests", "4")])
def test_a_test_of_a_metric_that_it_cannot_take_is_refused_before_anything_is_sent(
    command: tuple[str, ...], invoke: Invoke, written: Callable[..., Path], listener: Listener
) -> None:
    method = "    - {type: statistical, method: t-test, metric: mean_ttft}\n"
    written(extra=f"regression:\n  decision: classic\n  methods:\n{method}")
    refused(invoke(*command), "lens-gate.yaml:12", "t-test rule compares latency_distribution, not mean_ttft")
    assert len(listener) == 0


def test_broken_yaml_names_its_line(invoke: Invoke, home: Path) -> None:
    (home / "lens-gate.yaml").write_text("providers:\n  - name: [\n", encoding="utf-8")
    refused(invoke("run"), "lens-gate.yaml:")


def test_a_file_that_is_no_text_is_refused(invoke: Invoke, home: Path) -> None:
    (home / "lens-gate.yaml").write_bytes(b"\xff\xfe\x00\x81")
    refused(invoke("run"), "lens-gate.yaml", "UTF-8")


def test_a_folder_is_no_configuration_and_is_named_once(invoke: Invoke, home: Path) -> None:
    (home / "folder.yaml").mkdir()
    answer = invoke("run", "--config", "folder.yaml")
    refused(answer, "folder.yaml: cannot be read: Is a directory")
    assert answer.err.count("folder.yaml") == 1


def test_a_key_that_two_files_set_is_refused(invoke: Invoke, written: Callable[..., Path], home: Path) -> None:
    written("one.yaml", extra="profiler:\n  seed: 1\n")
    (home / "two.yaml").write_text("profiler:\n  seed: 2\n", encoding="utf-8")
    refused(invoke("run", "--config", "one.yaml", "--config", "two.yaml"), "two.yaml:2", "one.yaml:10", "seed")


def test_a_missing_variable_is_an_error_when_it_is_used(
    invoke: Invoke, written: Callable[..., Path], listener: Listener
) -> None:
    written(key="NOT_SET_ANYWHERE")
    refused(invoke("run"), "NOT_SET_ANYWHERE", "lens-gate.yaml:5")
    assert len(listener) == 0


def test_validate_lists_a_missing_variable_and_fails_on_it_only_if_asked(
    invoke: Invoke, written: Callable[..., Path]
) -> None:
    written(key="NOT_SET_ANYWHERE")
    answer = invoke("validate")
    assert (answer.code, answer.err) == (0, "")
    assert "lens-gate.yaml:5: variable NOT_SET_ANYWHERE is not set" in answer.out
    refused(invoke("validate", "--strict-env"), "NOT_SET_ANYWHERE", "lens-gate.yaml:5")


def test_judging_needs_no_key(invoke: Invoke, duet: Duet, written: Callable[..., Path]) -> None:
    written(key="NOT_SET_ANYWHERE")
    duet()
    assert invoke("gate", "run.json", "--config", "lens-gate.yaml").code == 0


# the endpoint


def test_a_wrong_key_stops_the_run_at_once(invoke: Invoke, written: Callable[..., Path], listener: Listener) -> None:
    written()
    answer = invoke("run", "--requests", "400", "--rps", "20", "--output", "run.json")
    refused(answer, "ending=authentication", code=3)
    assert 1 <= len(listener) <= 40
    assert "is not known here" in answer.out
    assert "is not known here" in str(run_in(Path("run.json")).ending_message)


# artifacts


@pytest.mark.parametrize("command", ["analyze", "gate", "report", "migrate"])
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b'{"kind": "run", "schema_vers', "run.json"),
        (b"PK\x03\x04 this is no artifact", "run.json"),
        (b"[1, 2, 3]", "run.json"),
        (b'{"kind": "tea", "schema_version": 1}', "`kind`"),
        (b'{"kind": "run", "schema_version": 99}', "newer"),
        (b'{"kind": "run"}', "schema_version"),
        (b"\x1f\x8b\x08\x00 cut", "run.json"),
    ],
)
def test_an_artifact_that_cannot_be_read_is_refused(
    command: str, data: bytes, says: str, invoke: Invoke, home: Path
) -> None:
    (home / "run.json").write_bytes(data)
    words = ("migrate", "artifact") if command == "migrate" else (command,)
    refused(invoke(*words, "run.json"), "run.json", says)
    assert (home / "run.json").read_bytes() == data


def test_a_truncated_artifact_is_refused_wherever_it_was_cut(invoke: Invoke, duet: Duet) -> None:
    path = duet(pairs=20)
    whole = path.read_bytes()
    for size in (1, len(whole) // 3, len(whole) - 2):
        path.write_bytes(whole[:size])
        refused(invoke("gate", "run.json"), "run.json")


def test_a_missing_artifact_names_its_path(invoke: Invoke, home: Path) -> None:
    (home / "folder").mkdir()
    refused(invoke("gate", "results/run.json"), "results/run.json", "no such file")
    refused(invoke("gate", "folder"), "folder")


def test_rows_exist_only_in_a_run(invoke: Invoke, duet: Duet) -> None:
    duet(pairs=20)
    invoke("gate", "run.json", "--output", "verdict.json")
    refused(invoke("report", "verdict.json", "--format", "csv"), "verdict.json", "run.json")


def test_a_format_that_holds_one_artifact_takes_no_second(invoke: Invoke, duet: Duet) -> None:
    duet(pairs=20)
    refused(invoke("report", "run.json", "run.json", "--format", "json"), "json")


# baselines


def stored(home: Path, model: str) -> None:
    samples = [
        a_sample(index=number, model=model, series=f"openai/{model}", intended_ns=number) for number in range(30)
    ]
    (home / f"{model}.json").write_bytes(dumps(a_run(samples, providers=(a_provider_result(),))))


def test_a_baseline_of_another_model_is_refused_by_name(invoke: Invoke, home: Path) -> None:
    stored(home, "gpt-small")
    stored(home, "gpt-other")
    answer = invoke("gate", "gpt-small.json", "--baseline", "gpt-other.json")
    refused(answer, "openai/gpt-small", "openai/gpt-other", code=5)
    assert answer.told["outcome"] == "no_baseline"


def test_a_baseline_file_that_is_missing_is_named(invoke: Invoke, home: Path) -> None:
    stored(home, "gpt-small")
    refused(invoke("gate", "gpt-small.json", "--baseline", "never.json"), "never.json", "--against-ref", code=5)


def test_a_baseline_that_is_no_run_is_refused(invoke: Invoke, home: Path, duet: Duet) -> None:
    stored(home, "gpt-small")
    duet(pairs=20)
    invoke("gate", "run.json", "--output", "verdict.json")
    refused(invoke("gate", "gpt-small.json", "--baseline", "verdict.json"), "verdict.json", "run.json")


# contradictions


def test_rate_and_concurrency_contradict_each_other(
    invoke: Invoke, written: Callable[..., Path], listener: Listener
) -> None:
    written()
    refused(invoke("run", "--rps", "5", "--concurrency", "2"), "--rps", "--concurrency")
    assert len(listener) == 0


def test_two_other_arms_contradict_each_other(invoke: Invoke, written: Callable[..., Path]) -> None:
    written()
    refused(invoke("run", "--against-model", "a", "--against-endpoint", "http://127.0.0.1:1"), "--against")
    refused(invoke("run", "--against", "model:a", "--against-config", "lens-gate.yaml"), "--against")


def test_an_ambiguous_other_arm_is_refused_with_both_kinds(
    invoke: Invoke, written: Callable[..., Path], home: Path
) -> None:
    written()
    (home / "sim-small").write_text("a file named like a model", encoding="utf-8")
    answer = invoke("run", "--against", "sim-small")
    refused(answer, "config and model", "--against config:sim-small")


def test_a_name_that_is_nothing_is_refused(invoke: Invoke, written: Callable[..., Path]) -> None:
    written()
    refused(invoke("run", "--against", "what-is-this"), "what-is-this", "ref:NAME")


def test_an_unambiguous_name_is_understood(invoke: Invoke, written: Callable[..., Path]) -> None:
    path = written()
    (path.parent / "other.yaml").write_bytes(path.read_bytes())
    answer = invoke("run", "--against", "other.yaml", "--dry-run")
    assert answer.code == 0
    assert "nothing would be sent" in answer.out
    url = invoke("run", "--against", "http://127.0.0.1:1/v1", "--dry-run")
    assert url.code == 0
    assert "base" in url.out


def test_an_unknown_provider_is_refused_with_the_known_ones(invoke: Invoke, written: Callable[..., Path]) -> None:
    written()
    refused(invoke("run", "--provider", "smi"), "smi", "sim")


def test_a_cap_without_a_price_is_refused(invoke: Invoke, written: Callable[..., Path], listener: Listener) -> None:
    written()
    refused(invoke("run", "--max-cost", "1", "--requests", "4"), "sim-small", "input_usd_per_million")
    assert len(listener) == 0


# git


def test_a_ref_outside_of_a_repository_is_refused(invoke: Invoke, written: Callable[..., Path]) -> None:
    written()
    refused(invoke("run", "--against-ref", "main"), "git repository", "--against-config")


def test_a_ref_that_does_not_exist_is_refused(invoke: Invoke, repository: Path, written: Callable[..., Path]) -> None:
    written()
    refused(invoke("run", "--against-ref", "no-such-branch"), "no-such-branch")


def test_a_ref_without_the_configuration_is_refused(
    invoke: Invoke, repository: Path, written: Callable[..., Path], listener: Listener
) -> None:
    written()
    refused(invoke("run", "--against-ref", "main"), "lens-gate.yaml does not exist at main", "--against-config")
    assert len(listener) == 0


def test_a_shallow_clone_is_told_how_to_fetch_more(
    invoke: Invoke, tmp_path_factory: pytest.TempPathFactory, written: Callable[..., Path], home: Path
) -> None:
    origin = tmp_path_factory.mktemp("origin")
    git("init", "-q", "-b", "main", cwd=origin)
    first = commit_all(origin)
    commit_all(origin)
    git("clone", "-q", "--depth", "1", f"file://{origin}", str(home / "clone"), cwd=home)
    for path in (home / "clone").iterdir():
        path.rename(home / path.name)
    written()
    refused(invoke("run", "--against-ref", first), "shallow", "fetch-depth: 0")


def test_a_key_that_would_go_to_a_new_host_is_refused_and_nothing_is_sent(
    invoke: Invoke, repository: Path, written: Callable[..., Path], listener: Listener
) -> None:
    path = written()
    commit_all(repository)
    git("checkout", "-q", "-b", "evil", cwd=repository)
    path.write_text(path.read_text(encoding="utf-8").replace("127.0.0.1", "localhost"), encoding="utf-8")
    commit_all(repository)
    refused(invoke("ci", "--against-ref", "main", "--requests", "4"), "SIM_KEY", "lens-gate.yaml:4", "localhost")
    refused(invoke("ci", "--requests", "4"), "SIM_KEY")
    assert len(listener) == 0


def test_a_variable_that_the_trusted_configuration_does_not_read_is_refused(
    invoke: Invoke, repository: Path, written: Callable[..., Path], listener: Listener
) -> None:
    written()
    commit_all(repository)
    written(key="HOME")
    refused(invoke("run", "--against-ref", "main", "--requests", "4"), "HOME", "lens-gate.yaml:5")
    assert len(listener) == 0


def test_ci_in_a_repository_without_the_configuration_measures_alone(
    invoke: Invoke, repository: Path, configure: Configure, unhurried: None
) -> None:
    configure()
    answer = invoke("ci", "--requests", "4")
    assert (answer.code, answer.told["outcome"]) == (0, "no_baseline")
    assert "measured alone" in answer.err


def test_ci_on_an_unchanged_commit_has_nothing_to_compare(
    invoke: Invoke, repository: Path, written: Callable[..., Path], listener: Listener
) -> None:
    written()
    commit_all(repository)
    answer = invoke("ci")
    assert (answer.code, answer.told["outcome"]) == (0, "nothing_to_compare")
    assert len(listener) == 0


# targets


def with_target(configure: Configure, command: list[str]) -> None:
    provider = {"name": "app", "api": "openai-chat", "models": [{"id": "m", "max_tokens": 8}], "api_key": "${SIM_KEY}"}
    target = {
        "command": " ".join(command), "ready_url": "http://127.0.0.1:{port}/health", "ready_timeout": "1500ms",
    }  # fmt: skip
    configure(providers=[provider], target=target)


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("print('no database, sorry', flush=True); import sys; sys.exit(4)", "exit code 4"),
        ("print('no database, sorry', flush=True); import time; time.sleep(60)", "did not answer"),
    ],
)
def test_a_target_that_never_gets_ready_is_named_with_its_last_words(
    program: str, says: str, invoke: Invoke, configure: Configure, home: Path
) -> None:
    (home / "app.py").write_text(program, encoding="utf-8")
    with_target(configure, [sys.executable, "app.py"])
    answer = invoke("run", "--requests", "4", "--output", "results/run.json")
    refused(answer, says, "no database, sorry", "target-candidate.log", code=3)
    assert "no database" in (home / "results" / "target-candidate.log").read_text(encoding="utf-8")


def test_a_target_that_cannot_be_started_is_named(invoke: Invoke, configure: Configure) -> None:
    with_target(configure, ["no-such-program-here"])
    refused(invoke("run", "--requests", "4", "--output", "run.json"), "no-such-program-here", code=3)


# nothing is sent


def test_equal_arms_send_nothing_and_say_so(
    invoke: Invoke, written: Callable[..., Path], listener: Listener, home: Path
) -> None:
    path = written()
    (home / "same.yaml").write_bytes(path.read_bytes())
    answer = invoke("ci", "--against-config", "same.yaml", "--requests", "40")
    assert (answer.code, answer.told["outcome"], answer.told["spent_usd"]) == (0, "nothing_to_compare", "0")
    assert len(listener) == 0
    report = Path("results/report.md").read_text(encoding="utf-8")
    assert "nothing" in report.lower()
    assert "pass" not in report.lower()
    assert "<skipped" in Path("results/junit.xml").read_text(encoding="utf-8")
    ran = invoke("run", "--against-config", "same.yaml", "--output", "run.json")
    assert (ran.code, ran.told["outcome"], ran.told["requests"]) == (0, "nothing_to_compare", "0")


def test_a_dry_run_sends_nothing_and_prints_requests_tokens_and_dollars(
    invoke: Invoke, configure: Configure, listener: Listener, home: Path
) -> None:
    models = [
        {"id": name, "max_tokens": 100, "input_usd_per_million": 1, "output_usd_per_million": 10} for name in "ab"
    ]
    provider = {"name": "sim", "api": "openai-chat", "endpoint": listener.url, "api_key": "${SIM_KEY}"}
    configure(providers=[{**provider, "models": models}])
    for command in ("run", "ci"):
        answer = invoke(command, "--model", "a", "--against-model", "b", "--requests", "40", "--dry-run")
        assert answer.code == 0, answer.err
        assert "In all 40 requests" in answer.out
        assert "2,000" in answer.out
        assert "$0.04" in answer.out
        assert answer.out.rstrip().endswith("Nothing was sent.")
    assert len(listener) == 0
    assert not (home / "results").exists()


def test_a_dry_run_without_prices_says_so(invoke: Invoke, written: Callable[..., Path]) -> None:
    written()
    answer = invoke("run", "--requests", "10", "--dry-run")
    assert "No price is known of" in answer.out


def test_certificates_of_no_use_are_told_by_validate_and_dry_runs_and_nothing_is_sent(
    written: Callable[..., Path], listener: Listener, invoke: Invoke
) -> None:
    path = written()
    text = path.read_text(encoding="utf-8").replace("http://", "https://")
    path.write_text(text.replace("    models:", "    tls: {ca_bundle: none.pem}\n    models:"), encoding="utf-8")
    for command in (("validate",), ("run", "--requests", "2", "--dry-run"), ("run", "--requests", "2")):
        refused(invoke(*command), "lens-gate.yaml:6", "none.pem cannot be read: No such file")
    assert len(listener) == 0
