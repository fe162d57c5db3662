from __future__ import annotations

from pathlib import Path

from lens_gate.config.load import Source, load_config
from lens_gate.steps.running.targets import target_environment
from tests.fakes.world import a_world

AROUND = {"PATH": "/bin", "OPENAI_API_KEY": "sk-1", "GITHUB_TOKEN": "ghs-2", "GH_TOKEN": "ghs-3"}


def seen_by_a_target(tmp_path: Path, named: str) -> dict[str, str]:
    text = f"target: {{command: app, ready_url: 'http://127.0.0.1:1/', environment: [{named}]}}"
    config = load_config([Source("lens-gate.yaml", text)]).config
    return target_environment(config, {"OPENAI_API_KEY"}, a_world(tmp_path, environment=AROUND))


def test_a_target_sees_neither_our_keys_nor_what_publishes_the_verdict(tmp_path: Path) -> None:
    assert seen_by_a_target(tmp_path, "") == {"PATH": "/bin"}


def test_a_target_sees_what_its_configuration_names(tmp_path: Path) -> None:
    assert seen_by_a_target(tmp_path, "GITHUB_TOKEN")["GITHUB_TOKEN"] == "ghs-2"
