"""The composition root: the only reader of the environment, the only builder of clock, randomness and clients."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import click
import numpy as np
from pydantic import JsonValue, SecretStr

from lens_gate import __version__
from lens_gate.ci.change import change_of, needs_payload, place_of, target_of
from lens_gate.ci.log_text import in_log
from lens_gate.ci.repository import Repository, branch_of_origin
from lens_gate.cli.beside import stand_beside
from lens_gate.cli.logs import asked_for, opened, require_apart, told_in
from lens_gate.cli.processes import new_loop, spawned
from lens_gate.cli.proxies import known_proxies
from lens_gate.cli.redact import note_fetched, secret_values
from lens_gate.cli.sandbox import sandboxed
from lens_gate.config.confidential import confidential
from lens_gate.config.defaults import CONFIG_NAMES
from lens_gate.config.keys import remarks_when_used
from lens_gate.config.load import NO_FILE, Source
from lens_gate.config.output import Logging
from lens_gate.config.remarks import Remark
from lens_gate.errors import ConfigProblem, PublishFailed
from lens_gate.load.engine.contract import StopSignal
from lens_gate.load.wire.build import build_transport
from lens_gate.load.wire.choice import TransportOrder
from lens_gate.load.wire.proxies import Proxies
from lens_gate.load.wire.transport import Transport
from lens_gate.notify.delivery import Answer, Exchange, Messenger
from lens_gate.notify.letter import Letter
from lens_gate.secrets.base import Manager, Reference
from lens_gate.secrets.base import Surroundings as SecretSurroundings
from lens_gate.secrets.keyring import Keyring, unfetched
from lens_gate.steps.judging.judge import Rules
from lens_gate.steps.log import Log
from lens_gate.steps.rendering.render import Format, Screen
from lens_gate.steps.resolving.arms import Arms
from lens_gate.steps.resolving.secrets import secrets_in
from lens_gate.steps.world import Runner, World
from lens_gate.stores.address import parse_address
from lens_gate.stores.base import Store
from lens_gate.stores.settings import StoreSettings, Surroundings
from lens_gate.vocabulary.secrets import blotting

KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "google": "GOOGLE_API_KEY"}


def world(*, fetches: bool = True) -> World:
    """Build the real world of one invocation; one that sends nothing `fetches` no secrets."""
    directory, through = Path.cwd(), known_proxies(environment())
    return World(
        version=__version__,
        environment=environment(),
        directory=directory,
        repository=Repository.find(directory),
        trusted_ref=_trusted_ref(),
        runner=_runner(),
        now=lambda: datetime.now(UTC),
        now_ns=time.perf_counter_ns,
        new_id=lambda: f"bench_{uuid.uuid4().hex[:16]}",
        rng=np.random.default_rng,
        transport=_transports(through, say),
        proxies=through,
        stop=StopSignal(),
        say=say,
        executor=_executor,
        spawn=lambda end, assignment: spawned(end, assignment, environment()),
        open_store=_open_store,
        keyring=Keyring(_fetch, note_fetched) if fetches else Keyring(unfetched),
        messenger=Messenger(exchange=_exchange(through), sleep=time.sleep, now=lambda: datetime.now(UTC)),
        render_template=sandboxed,
        new_loop=new_loop,
        machine=_machine(),
        data_folder=_data_folder(),
    )


def _open_store(address: str, settings: StoreSettings) -> Store:
    """Open a store; what neither the address nor the settings say comes from the environment, as with any client."""
    from lens_gate.stores.opening import open_store  # noqa: PLC0415 the clients of stores are not for `--help`

    around = Surroundings(directory=Path.cwd(), environment=environment(), rng=Random(), sleep=time.sleep)
    return open_store(parse_address(address), settings, around)


def _fetch(manager: Manager, references: Sequence[Reference]) -> Sequence[SecretStr]:
    from lens_gate.secrets.opening import fetch_secrets  # noqa: PLC0415 the clients of managers are not for `--help`

    return fetch_secrets(manager, references, SecretSurroundings(Path.cwd(), environment()))


def _exchange(through: Proxies) -> Exchange:
    """Return what sends notifications, through the same proxies and by the same certificates as requests."""

    def exchanged(letter: Letter) -> Answer:
        from lens_gate.load.wire.tls import client_context  # noqa: PLC0415 the client is not for `--help`
        from lens_gate.notify.on_httpx import HttpxExchange  # noqa: PLC0415

        return HttpxExchange(proxy_of=through.of_url, tls=lambda: client_context(environment()))(letter)

    return exchanged


def _transports(through: Proxies, say: Callable[[str], None]) -> Callable[[TransportOrder], Transport]:
    return lambda order: build_transport(order, environment(), through, say)


def _machine() -> str:
    """Return a fingerprint of this machine and its Python: what a self-test of another one says nothing about."""
    parts = (
        platform.node(),
        platform.system(),
        platform.machine(),
        _processor(),
        str(os.cpu_count()),
        platform.python_implementation(),
        platform.python_version(),
    )
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    """Return the name of the processor, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("model name")), "")


def _data_folder() -> Path | None:
    """Return where this user's programs keep what they found out, None where no home is known."""
    if chosen := os.environ.get("LENS_GATE_DATA") or os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA"):
        return Path(chosen) / "lens-gate"
    try:
        return Path.home() / ".local" / "share" / "lens-gate"
    except RuntimeError:
        return None


def say(line: str) -> None:
    """Write a line for people on standard error."""
    click.echo(in_log(line, os.environ), err=True)


def _executor() -> Executor:
    """Return one process of its own; what a terminal or a pipeline sends to all processes is ours to obey."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=stand_beside)


def _runner() -> Runner:
    change = change_of(environment(), _event())
    return Runner(
        name=os.environ.get("RUNNER_NAME") or os.environ.get("CI_RUNNER_DESCRIPTION") or "local",
        platform=f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        python=platform.python_version(),
        region=os.environ.get("LENS_GATE_REGION"),
        ci_run=_ci_run(),
        event=os.environ.get("GITHUB_EVENT_NAME") or os.environ.get("CI_PIPELINE_SOURCE"),
        branch=_branch(),
        actor=os.environ.get("GITHUB_ACTOR") or os.environ.get("GITLAB_USER_LOGIN"),
        change=change.name,
        project=change.project,
        fork=change.fork,
        place=place_of(environment(), _event()),
    )


def _event() -> bytes:
    """Return GitHub's document on the event, where it is needed to tell whose change this is."""
    path = os.environ.get("GITHUB_EVENT_PATH")
    if not path or not needs_payload(environment()):
        return b""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _branch() -> str | None:
    """Return the branch that this pipeline checked out; None for a merge ref, a tag, and outside of pipelines."""
    if os.environ.get("GITHUB_REF", "").startswith("refs/heads/"):
        return os.environ["GITHUB_REF"].removeprefix("refs/heads/")
    return os.environ.get("CI_COMMIT_BRANCH")


def _trusted_ref() -> str | None:
    """Return the branch that the change of this pipeline goes to, as it was fetched."""
    target = target_of(environment(), _event())
    return branch_of_origin(target) if target else None


def _ci_run() -> str | None:
    """Return the address of the pipeline run that we are part of."""
    if run := os.environ.get("GITHUB_RUN_ID"):
        server = os.environ.get("GITHUB_SERVER_URL", "")
        return f"{server}/{os.environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
    return os.environ.get("CI_PIPELINE_URL")


def address_of_commits() -> str | None:
    """Return the address of a commit of the project whose pipeline runs us, with `{commit}` for its id."""
    if project := os.environ.get("GITHUB_REPOSITORY"):
        return f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{project}/commit/{{commit}}"
    project = os.environ.get("CI_PROJECT_URL")
    return f"{project}/-/commit/{{commit}}" if project else None


def in_ci() -> bool:
    """Say whether a pipeline runs us, so that lines replace the live view."""
    return bool(os.environ.get("CI"))


def colours() -> bool:
    """Say whether the terminal takes colours (NO_COLOR and TERM=dumb are honoured)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def read_sources(paths: Sequence[str]) -> tuple[Source, ...]:
    """Read the configuration files; without any, the first default name that exists in this folder."""
    chosen = list(paths) or [name for name in CONFIG_NAMES if Path(name).is_file()][:1]
    return tuple(_read(name) for name in chosen)


def _read(name: str) -> Source:
    try:
        return Source(name, Path(name).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigProblem(
            "no such configuration file",
            place=name,
            hint="Correct the path, or start with `lens-gate init > lens-gate.yaml`.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigProblem(f"cannot be read: {reason}", place=name, hint="It must be a UTF-8 text file.") from error


def quick_source(provider: str | None, model: str | None) -> Source:
    """Return a configuration for a run without a file, from --provider and --model alone."""
    if provider is None or model is None:
        raise ConfigProblem(
            "there is no configuration",
            hint="Write one with `lens-gate init > lens-gate.yaml`, or name --provider and --model.",
        )
    return models_source([(provider, model)])


def models_source(models: Iterable[tuple[str, str]]) -> Source:
    """Return a configuration of known providers and their models, each provider with the usual variable for its key."""
    by_provider: dict[str, list[dict[str, JsonValue]]] = {}
    for provider, model in models:
        by_provider.setdefault(provider, []).append({"id": model, "max_tokens": 256})
    providers = [
        {"name": name, **({"api_key": f"${{{KEYS[name]}}}"} if name in KEYS else {}), "models": entries}
        for name, entries in by_provider.items()
    ]
    return Source(NO_FILE, json.dumps({"providers": providers}))


def environment() -> dict[str, str]:
    """Return the environment's variables."""
    return dict(os.environ)


def screen() -> Screen:
    """Describe the terminal that standard output goes to."""
    encoding = (sys.stdout.encoding or "").lower()
    width = shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80
    return Screen(colour=colours(), width=width, unicode=encoding.startswith("utf"))


def show_in_log(text: str) -> None:
    """Do what `show` does with a text for people: in a pipeline's log no line of it is a command to the runner."""
    show(in_log(text, os.environ))


def show(text: str) -> None:
    """Write to standard output; raises PublishFailed where that is closed or full, so that no verdict is lost there."""
    try:
        click.echo(text, nl=not text.endswith("\n"))
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise PublishFailed(
            f"standard output cannot be written: {error.strerror}", hint="Is it full or closed?"
        ) from error


@contextmanager
def logged(
    arms: Arms, options: Mapping[str, Any], here: World, *, printed: Format | None = Format.TEXT
) -> Iterator[World]:
    """Return a world that logs as the configuration and the command line ask, until the block ends.

    `printed` is what will go to standard output (None: nothing): a program reads it unless it is text, and a log there
    is refused.
    """
    asked = asked_for(arms.candidate_side.config, level=options["log_level"], form=options["log_format"])
    if asked is None:
        yield here
        return
    require_apart(asked, printed, place=arms.loaded.place(("logging", "output")))
    secrets, remarks = secrets_in(arms, here), remarks_when_used(arms.loaded, "run")
    with _logging(asked, secrets, here, remarks) as logging_world:
        yield replace(logging_world, transport=_transports(here.proxies, logging_world.say))


@contextmanager
def logged_judging(judged_by: Rules, options: Mapping[str, Any], here: World, *, printed: Format) -> Iterator[World]:
    """Do what `logged` does for a command that sends nothing; what `judged_by` reads of its file is all that it has."""
    asked = asked_for(judged_by.config, level=options["log_level"], form=options["log_format"])
    if asked is None:
        yield here
        return
    require_apart(asked, None if options["output"] else printed, place=judged_by.place("logging", "output") or "")
    names = confidential(judged_by.loaded) if judged_by.loaded else ()
    secrets = (here.environment.get(name, "") for name in names)
    with _logging(asked, filter(None, secrets), here) as logging_world:
        yield logging_world


@contextmanager
def _logging(asked: Logging, secrets: Iterable[str], here: World, remarks: Iterable[Remark] = ()) -> Iterator[World]:
    """Open the log, which shows neither these `secrets` nor variables that are named like one."""
    blot = blotting({*secrets, *here.keyring.known, *secret_values(here.environment)}, shapes=True)
    stream = {"stdout": sys.stdout, "stderr": sys.stderr, "none": None}[asked.output]
    with (
        opened(asked, stream, blot=blot, say=here.say) as logger,
        told_in(Log(logger), here, remarks, aside=stream is None) as logging_world,
    ):
        yield logging_world


def live_terminal() -> bool:
    """Say whether standard error is a terminal on which a table may be redrawn."""
    return sys.stderr.isatty() and not in_ci() and os.environ.get("TERM") != "dumb"


def speaks_unicode() -> bool:
    """Say whether standard error takes more than ASCII."""
    return (sys.stderr.encoding or "").lower().startswith("utf")


def timestamp(here: World) -> str:
    """Return the moment as it stands in file names."""
    return here.now().strftime("%Y%m%dT%H%M%SZ")
