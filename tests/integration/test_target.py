"""A change in an app: both versions started from git, measured at the same time, and compared."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.git import commit, git, make_repository
from tests.integration.conftest import Invoke

APP = '''\
"""A streaming server in the OpenAI format: a first token after FIRST_S, then one each NEXT_S."""
import asyncio, json, os, sys

FIRST_S, NEXT_S, TOKENS = 0.060, 0.006, 12
HEAD = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nConnection: close\\r\\n\\r\\n"

def frame(value):
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\\n\\n"

async def answer(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    length = [int(line[15:]) for line in head.split(b"\\r\\n") if line.lower().startswith(b"content-length:")]
    await reader.readexactly(length[0] if length else 0)
    writer.write(HEAD)
    if b"/health" not in head:
        for n in range(TOKENS):
            await asyncio.sleep(NEXT_S if n else FIRST_S)
            writer.write(frame({"model": "app", "choices": [{"index": 0, "delta": {"content": " word"}}]}))
        writer.write(frame({"model": "app", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        usage = {"prompt_tokens": 5, "completion_tokens": TOKENS, "total_tokens": TOKENS + 5}
        writer.write(frame({"model": "app", "choices": [], "usage": usage}) + frame(b"[DONE]"))
    await writer.drain()
    writer.close()

async def main():
    print("pid", os.getpid(), "in", os.getcwd(), flush=True)
    async with await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()

asyncio.run(main())
'''

pytestmark = pytest.mark.usefixtures("unhurried")

SLOWER = 6
"""How many times as long a changed app takes: half a second more, which no busy machine adds to one version only."""

CONFIG: dict[str, Any] = {
    "providers": [{"name": "app", "api": "openai-chat", "endpoint": "http://unused.invalid/v1", "models": ["app"]}],
    "workload": {"fixed": {"requests_per_second": 16}},
    "target": {
        "command": "python3 app.py {port}",
        "ready_url": "http://127.0.0.1:{port}/health",
        "ready_timeout": "20s",
        "endpoint": "http://127.0.0.1:{port}/v1",
    },
}


def slowed(app: str, factor: float) -> str:
    """Return the app with longer waits."""
    return app.replace("0.060, 0.006", f"{0.060 * factor:.4f}, {0.006 * factor:.4f}")


@pytest.fixture
def app(home: Path) -> Path:
    """A repository with the app and its configuration, and `results` ignored."""
    make_repository(home)
    (home / "app.py").write_text(APP, encoding="utf-8")
    (home / "lens-gate.yaml").write_text(json.dumps(CONFIG), encoding="utf-8")
    (home / ".gitignore").write_text("results/\n", encoding="utf-8")
    commit(home, "first")
    return home


def pids_and_folders(results: Path) -> dict[str, tuple[int, Path]]:
    """Read from the logs of both targets who they were, and where they ran."""
    found = {}
    for arm in ("candidate", "base"):
        words = (results / f"target-{arm}.log").read_text(encoding="utf-8").split()
        found[arm] = (int(words[1]), Path(words[3]))
    return found


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_slower_commit_of_an_app_is_caught_and_nothing_is_left_behind(app: Path, invoke: Invoke) -> None:
    (app / "app.py").write_text(slowed(APP, SLOWER), encoding="utf-8")
    commit(app, "slower")
    answer = invoke("ci", "--against-ref", "HEAD~1", "--requests", "60", "--output-dir", "results")
    assert answer.told["outcome"] == "regression", answer.out + answer.err
    assert answer.code == 1
    assert "Both versions ran on one machine" in (app / "results/report.md").read_text(encoding="utf-8")
    run = json.loads((app / "results/run.json").read_text(encoding="utf-8"))
    assert run["comparison"]["shared_machine"] is True
    assert [arm["endpoints"] for arm in run["arms"]] == [["target"], ["target"]]
    targets = pids_and_folders(app / "results")
    assert not any(is_running(pid) for pid, _ in targets.values())
    assert targets["candidate"][1] == app
    assert not targets["base"][1].exists()
    assert git(app, "worktree", "list").count("\n") == 0


def test_uncommitted_changes_are_part_of_the_candidate_and_an_unchanged_tree_has_nothing_to_compare(
    app: Path, invoke: Invoke
) -> None:
    unchanged = invoke("ci", "--against-ref", "HEAD", "--requests", "40")
    assert unchanged.told["outcome"] == "nothing_to_compare", unchanged.err
    (app / "app.py").write_text(slowed(APP, SLOWER), encoding="utf-8")
    changed = invoke("ci", "--against-ref", "HEAD", "--requests", "40")
    assert changed.told["outcome"] == "regression", changed.out + changed.err
    labels = [arm["label"] for arm in json.loads((app / "results/run.json").read_text(encoding="utf-8"))["arms"]]
    assert "with uncommitted changes" in labels[0]
    assert "(HEAD)" in labels[1]


def test_a_base_that_does_not_start_says_so_with_the_end_of_its_log(app: Path, invoke: Invoke) -> None:
    (app / "app.py").write_text("raise SystemExit('no database')\n", encoding="utf-8")
    commit(app, "broken")
    (app / "app.py").write_text(APP, encoding="utf-8")
    commit(app, "repaired")
    answer = invoke("run", "--against-ref", "HEAD~1", "--requests", "20", "--output", "results/run.json")
    assert answer.code == 3
    assert "the target ended with exit code 1" in answer.err
    assert "  | no database" in answer.err
    assert sorted(path.name for path in (app / "results").iterdir()) == ["target-base.log", "target-candidate.log"]
    assert git(app, "worktree", "list").count("\n") == 0


def test_a_target_is_started_in_the_folder_of_its_checkout_that_corresponds_to_ours(
    app: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    (app / "service").mkdir()
    for name in ("app.py", "lens-gate.yaml", ".gitignore"):
        git(app, "mv", name, f"service/{name}")
    commit(app, "moved")
    (app / "service/app.py").write_text(APP.replace("word", "term"), encoding="utf-8")
    monkeypatch.chdir(app / "service")
    answer = invoke("run", "--against-ref", "HEAD", "--requests", "20", "--output", "results/run.json")
    assert answer.told["ending"] == "complete", answer.err
    assert pids_and_folders(app / "service/results")["base"][1].name == "service"
