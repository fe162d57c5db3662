"""Keeps what was asked and answered, where that is wanted: cleaned and packed in a process of its own, then written."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager

from lens_gate.artifacts.compressed import compress
from lens_gate.config.model import Config
from lens_gate.errors import PublishFailed
from lens_gate.load.record.bodies import Body, cleaned
from lens_gate.load.record.personal import PersonalRules
from lens_gate.steps.running.findable import require_findable
from lens_gate.stores.files import JournalFile
from lens_gate.vocabulary.secrets import pieces_of


class BodiesFile:
    """Takes bodies, and writes them in gzip members, in the order in which the requests ended.

    Nothing that was not cleaned reaches the disk, so a kill loses what is still with the executor.
    """

    def __init__(self, file: JournalFile, rules: PersonalRules, executor: Executor) -> None:
        self._file = file
        self._rules = rules
        self._executor = executor
        self._waiting: list[Body] = []
        self._cleaning: deque[Future[bytes]] = deque()

    def warm_up(self) -> None:
        """Have the process started, and what it needs imported, before anything is measured."""
        with self._watched():
            self._executor.submit(packed, [Body(0, b"", "")], self._rules).result()

    def take(self, index: int, request: bytes, answer: str) -> None:
        """Keep one request."""
        self._waiting.append(Body(index, request, answer))

    def flush(self) -> None:
        """Hand over what waits, and write what has come back. Raises PublishFailed where the process has ended."""
        with self._watched():
            if self._waiting:
                self._cleaning.append(self._executor.submit(packed, self._waiting, self._rules))
                self._waiting = []
            while self._cleaning and self._cleaning[0].done():
                self._write_next()

    def finish(self) -> None:
        """Wait for the rest, and write it. Raises PublishFailed where the process has ended."""
        self.flush()
        with self._watched():
            while self._cleaning:
                self._write_next()

    def _write_next(self) -> None:
        self._file.append(self._cleaning.popleft().result())

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except BrokenExecutor as error:
            raise PublishFailed(
                "the process that takes personal data out of bodies has ended, so these were not written",
                place=str(self._file.path),
                hint="Is there enough memory? The run itself is kept.",
            ) from error


def packed(bodies: Sequence[Body], rules: PersonalRules) -> bytes:
    """Return what is written of bodies: a gzip member of lines. Both take longer than the time between two chunks."""
    return compress(cleaned(bodies, rules))


def personal_rules(config: Config, secrets: Iterable[str], key: str) -> PersonalRules | None:
    """Return what is done with bodies, None where none are kept. Without a word about personal data all is redacted.

    Raises ConfigProblem where what is looked for needs a package that is not installed.
    """
    privacy = config.privacy
    if privacy is None or not privacy.save_bodies:
        return None
    known = pieces_of(secrets)
    asked = privacy.pii_detection
    if asked is None:
        return PersonalRules(secrets=known)
    if asked.enabled:
        require_findable(asked)
    return PersonalRules(
        patterns=asked.patterns,
        phone_regions=asked.phone_regions,
        custom=asked.custom,
        action=asked.action,
        key=key.encode(),
        secrets=known,
        detect=asked.enabled,
    )
