"""Bodies on their way to the disk, through a process that may end."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from lens_gate.cli.wiring import world
from lens_gate.errors import PublishFailed
from lens_gate.load.record.personal import PersonalRules
from lens_gate.steps.running.bodies import BodiesFile, packed
from lens_gate.steps.running.keeper import Keeper, KeeperOptions
from lens_gate.stores.files import JournalFile
from tests.builders import a_sample

RULES = PersonalRules()


class Mortal(ThreadPoolExecutor):
    """An executor whose process can be killed."""

    killed = False

    @override
    def submit(self, *work: Any, **named: Any) -> Any:
        if self.killed:
            raise BrokenProcessPool
        return super().submit(*work, **named)


@pytest.fixture
def mortal() -> Iterator[Mortal]:
    with Mortal(1) as executor:
        yield executor


def test_what_comes_back_from_the_other_process_is_ready_to_be_written(tmp_path: Path, mortal: Mortal) -> None:
    with JournalFile(tmp_path / "bodies.jsonl.gz") as written:
        file = BodiesFile(written, RULES, mortal)
        file.take(3, b'{"prompt": "hi"}', "ho")
        file.finish()
    (line,) = gzip.decompress((tmp_path / "bodies.jsonl.gz").read_bytes()).splitlines()
    assert json.loads(line) == {"index": 3, "request": {"prompt": "hi"}, "answer": "ho", "found": {}}
    assert gzip.decompress(packed([], RULES)) == b""


def test_a_process_that_has_ended_is_told_once_and_leaves_the_rest_of_the_run(tmp_path: Path, mortal: Mortal) -> None:
    told: list[PublishFailed] = []
    said: list[str] = []
    options = KeeperOptions(on_failure=told.append)
    with Keeper(tmp_path / "run.json", run_id="r1", say=said.append, options=options) as keeper:
        keeper.keep_bodies(RULES, mortal)
        assert keeper.take_body is not None
        mortal.killed = True
        for index in range(2):
            keeper.take_body(index, b"{}", "ho")
            keeper.take(a_sample(index=index))
            keeper.flush()
    (failure,) = told
    assert "the process that takes personal data out of bodies has ended" in failure.message
    assert keeper.failure is failure
    assert said == [f"what was measured is kept in {tmp_path / 'run.r1.journal.jsonl.gz'}"]


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_the_process_beside_a_run_leaves_what_stops_a_run_to_us(name: signal.Signals) -> None:
    with world().executor() as beside:
        own = beside.submit(os.getpid).result()
        os.kill(own, name)
        assert beside.submit(os.getpid).result() == own


KILLED = """
import os, signal
from lens_gate.cli.wiring import world
if __name__ == "__main__":
    with world().executor() as beside:
        print(beside.submit(os.getpid).result(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_the_process_beside_a_run_ends_with_it_however_that_ends(tmp_path: Path) -> None:
    (tmp_path / "killed.py").write_text(KILLED, encoding="utf-8")
    # This waits until the last process that holds the output has ended.
    done = subprocess.run([sys.executable, "killed.py"], cwd=tmp_path, stdout=subprocess.PIPE, timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL
    assert int(done.stdout) > 0
