"""The hooks for pre-commit: what they run exists, and does what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from lens_gate.config.defaults import CONFIG_NAMES
from tests.integration.conftest import Invoke

ROOT = Path(__file__).parents[2]
HOOKS: dict[str, dict[str, Any]] = {
    hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
}


def command(name: str) -> list[str]:
    program, *words = shlex.split(HOOKS[name]["entry"])
    assert program == "lens-gate"
    return words


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_the_options_of_a_hook_are_known(invoke: Invoke, name: str) -> None:
    assert invoke(*command(name), "--help").code == 0


@pytest.mark.parametrize("folder", ["", "services/bot/"])
@pytest.mark.parametrize("name", CONFIG_NAMES)
def test_a_commit_is_checked_that_touches_a_configuration(name: str, folder: str) -> None:
    assert re.search(HOOKS["lens-gate-validate"]["files"], folder + name)
    assert not re.search(HOOKS["lens-gate-validate"]["files"], f"{folder}not-{name}")


@pytest.mark.parametrize(("text", "code"), [("profiler: {name: bot}\n", 0), ("profilr: {name: bot}\n", 2)])
def test_a_broken_configuration_is_not_committed(invoke: Invoke, home: Path, text: str, code: int) -> None:
    (home / "lens-gate.yaml").write_text(text, encoding="utf-8")
    assert invoke(*command("lens-gate-validate")).code == code
