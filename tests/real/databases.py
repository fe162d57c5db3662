"""PostgreSQL and MariaDB as real servers on loopback: made anew, started as a user who is not root, and ended.

PostgreSQL is the one on the PATH or in the distribution's folder, else that of the package `pgserver` in `.real/venv`;
MariaDB is the distribution's. `scripts/install_real.py` installs what is missing.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
READY_WITHIN_S = 60.0
PASSWORD = "s3cr3t p@ss/word"
OWNER = "lens"


@dataclass(frozen=True)
class Server:
    """A running server: `admin` sends one statement as its owner, `address` is that of a database."""

    scheme: str
    port: int
    admin: Callable[[str], None]

    def address(self, database: str, *, user: str = OWNER, password: str = PASSWORD) -> str:
        quoted = password.replace("@", "%40").replace("/", "%2F").replace(" ", "%20")
        return f"{self.scheme}://{user}:{quoted}@127.0.0.1:{self.port}/{database}"


@contextmanager
def postgres() -> Iterator[Server]:
    """Run PostgreSQL, whose owner has to show a password."""
    user, programs = _user("postgres"), _postgres_programs()
    with _folder(user) as folder:
        data, secret = folder / "data", folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        secret.chmod(0o644)
        made = ["--username", OWNER, "--pwfile", str(secret), "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]
        _make([str(programs / "initdb"), "-D", str(data), *made], user)
        port = _port()
        options = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        options += ["-c", "max_connections=120"]

        def admin(statement: str) -> None:
            import psycopg  # noqa: PLC0415 only where this server is asked for

            given = {"host": "127.0.0.1", "port": port, "user": OWNER, "password": PASSWORD, "dbname": "postgres"}
            with psycopg.connect(**given, autocommit=True) as connection:  # type: ignore[arg-type]
                connection.execute(statement)

        with _running([str(programs / "postgres"), "-D", str(data), *options], user, lambda: admin("SELECT 1")):
            yield Server("postgresql", port, admin)


@contextmanager
def mariadb() -> Iterator[Server]:
    """Run MariaDB, whose owner has to show a password."""
    user = _user("mysql")
    program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "run `make test-real`, which installs MariaDB"
    with _folder(user) as folder:
        data, socket_file = folder / "data", folder / "sock"
        install = [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
        ]
        _make([*install, "--skip-test-db"], user)
        port = _port()
        options = [f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1", f"--socket={socket_file}"]
        options += ["--skip-log-bin", "--innodb-flush-log-at-trx-commit=2", "--max-connections=200"]

        def admin(statement: str) -> None:
            import pymysql  # noqa: PLC0415 only where this server is asked for

            with socket.socket(socket.AF_UNIX) as knock:  # the driver leaves its socket open where nobody answers
                knock.connect(str(socket_file))
            with (
                pymysql.connect(unix_socket=str(socket_file), user="root", autocommit=True) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)

        with _running([program, "--no-defaults", *options], user, lambda: admin("SELECT 1")):
            admin(f"CREATE USER '{OWNER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
            admin(f"GRANT ALL ON *.* TO '{OWNER}'@'127.0.0.1'")
            yield Server("mysql", port, admin)


def _postgres_programs() -> Path:
    packaged = (ROOT / ".real" / "venv").glob("lib/*/site-packages/pgserver/pginstall/bin")
    for folder in (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *packaged):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    assert found, "run `make test-real`, which installs PostgreSQL"
    return Path(found).resolve().parent


def _user(preferred: str) -> str | None:
    """Return whom a server runs as where this is root, which PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(preferred).pw_name
    return "nobody"


@contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    """Make a folder that the server's user owns; its path is short, for it holds a socket."""
    with tempfile.TemporaryDirectory(prefix="lens-", dir="/tmp") as name:
        if user:
            shutil.chown(name, user)
            Path(name).chmod(0o755)
        yield Path(name)


def _make(command: list[str], user: str | None) -> None:
    done = subprocess.run(command, user=user, cwd="/", env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _environment() -> dict[str, str]:
    return {"PATH": f"{os.environ['PATH']}:/usr/sbin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}


def _port() -> int:
    """Return a free port below those that systems give to clients by themselves."""
    for _ in range(100):
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port was found")


@contextmanager
def _running(command: list[str], user: str | None, ask: Callable[[], None]) -> Iterator[None]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, user=user, cwd="/", env=_environment(), stdout=log, stderr=log)
        try:
            _wait(process, ask)
            yield
        except AssertionError as error:
            log.seek(0)
            error.add_note(log.read().decode(errors="replace")[-3000:])
            raise
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], ask: Callable[[], None]) -> None:
    end = time.monotonic() + READY_WITHIN_S
    while True:
        assert process.poll() is None, "the server ended"
        try:
            ask()
        except Exception:  # noqa: BLE001 whatever a driver says of a server that is not up yet
            assert time.monotonic() < end, "the server did not answer in time"
            time.sleep(0.1)
        else:
            return
