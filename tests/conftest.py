"""What holds for all tests.

Property tests are judged by what they find, never by how long a busy machine took. Tests that fail where something else
takes the processor for a moment run alone (`make test` runs everything else first, in parallel): two workers on two
cores would make each other late. A test that only talks over loopback, or waits, is none of these.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.stores_contract")

pytest_plugins = ("tests.covering", "tests.turns")

settings.register_profile("lens-gate", deadline=None, max_examples=50)
settings.register_profile("proof", deadline=None, max_examples=5000)
settings.load_profile("lens-gate")

HERE = Path(__file__).parent


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many tests run at once: one more than there are cores, which works while the others wait."""
    return (os.cpu_count() or 1) + 1


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what is not asked for, unread: to import the SDKs takes a quarter of the time of all collection."""
    asked = config.option.markexpr
    if collection_path == HERE / "real":
        return True if "not real" in asked else None
    if asked.startswith("measuring") and collection_path.suffix == ".py":
        return True if "mark.measuring" not in collection_path.read_text(encoding="utf-8") else None
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among what the tests are made of: while it grows, which takes long, nor ever after."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _no_collection_for_a_run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no run that a test makes care for the collector, except where times are held against limits.

    It would begin with a whole pass, and end by giving everything back to the collector: a third of a second each time,
    over thousands of collected tests. Where times are held against limits, the pass is over what the test has made.
    """
    runner = sys.modules.get("lens_gate.load.engine.runner")
    if "measuring" in request.keywords:
        gc.freeze()
    elif runner is not None:
        monkeypatch.setattr(runner, "unburdened_collector", nullcontext)


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """Serve Amazon's interfaces (S3, STS, Secrets Manager) by moto, over HTTP on loopback."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - a second that other tests need not pay
        DomainDispatcherApplication,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415

    moto, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def one_at_a_time(environ: Any, start_response: Any) -> Any:
        # It looks at a condition, and writes after that: of two requests at the same time both could find it met.
        with turn:
            return list(moto(environ, start_response))

    server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()
