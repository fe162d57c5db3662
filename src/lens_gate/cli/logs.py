"""Writes the log on a thread of its own, so that neither a slow terminal nor a disk holds up what is measured."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from queue import Full, Queue
from typing import Any, Final, TextIO

from typing_extensions import override

from lens_gate.config.model import Config
from lens_gate.config.output import LogFile, Logging
from lens_gate.config.remarks import Remark
from lens_gate.errors import ConfigProblem, PublishFailed
from lens_gate.reports.log_lines import Level, LogEntry, LogFormat, log_line
from lens_gate.steps.log import LEVELS, Log
from lens_gate.steps.rendering.render import Format
from lens_gate.steps.world import World
from lens_gate.stores.rotated import RotatedFile

CAPACITY: Final = 10_000
"""Entries that may wait to be written; what comes beyond them is counted and left out."""

_NAMES: Final = {number: name for name, number in LEVELS.items()}

Blot = Callable[[str], str]
"""Takes secrets out of a text."""


@contextmanager
def opened(
    asked: Logging, stream: TextIO | None, *, blot: Blot, say: Callable[[str], None], capacity: int = CAPACITY
) -> Iterator[logging.Logger]:
    """Return a logger that writes to `stream` (None: to none), and to the file that is asked for, until the block ends.

    What could not be written then is told: in the log itself, and by `say` where writing failed. Raises PublishFailed
    where the file cannot be opened.
    """
    with _file(asked.file) as file:
        outputs = [*([_to_stream(stream)] if stream else []), *([_to_file(file)] if file else [])]
        for output in outputs:
            output.setFormatter(Lines(asked.format))
        waiting = Waiting(Queue(capacity))
        logger = logging.Logger("lens_gate", level=LEVELS[asked.level])  # noqa: LOG001 - nobody else is to write to it
        logger.addHandler(waiting)
        writer = Writer(waiting.queue, outputs, blot)
        writer.start()
        try:
            yield logger
        finally:
            writer.stop()
            if waiting.dropped:
                writer.handle(_left_out(logger, waiting.dropped))
            for one in (output for output in outputs if output.failure is not None):
                say(f"warning: the log could not be written to {one.place}: {one.failure}")


def _left_out(logger: logging.Logger, count: int) -> logging.LogRecord:
    extra = {"fields": {"entries": count}, "told": False}
    return logger.makeRecord(
        logger.name, logging.WARNING, "", 0, "entries left out: they came faster than they could be written", (), None,
        extra=extra,
    )  # fmt: skip


class Lines(logging.Formatter):
    """Puts records into words."""

    def __init__(self, form: LogFormat) -> None:
        super().__init__()
        self._form = form

    @override
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        return log_line(LogEntry(at, _NAMES[record.levelno], record.msg, _fields(record)), self._form)


class Waiting(QueueHandler):
    """Takes records as they come, in microseconds: they are put into words elsewhere, and none is waited for."""

    queue: Queue[Any]

    def __init__(self, queue: Queue[Any]) -> None:
        super().__init__(queue)
        self.dropped = 0

    @override
    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record

    @override
    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except Full:
            self.dropped += 1


class Writer(QueueListener):
    """Takes the secrets out of each record, and hands it to the handlers, on a thread of its own."""

    queue: Queue[Any]

    def __init__(self, queue: Queue[Any], handlers: Sequence[logging.Handler], blot: Blot) -> None:
        super().__init__(queue, *handlers)
        self._blot = blot

    @override
    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        record.msg = self._blot(record.msg)
        fields = _fields(record)
        record.__dict__["fields"] = {
            name: self._blot(value) if isinstance(value, str) else value for name, value in fields.items()
        }
        return record

    @override
    def enqueue_sentinel(self) -> None:
        self.queue.put(None)  # waits for room: the end must not be left out


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = record.__dict__["fields"]
    return fields


class Output(logging.Handler):
    """Writes lines to a place, and remembers the first failure: a log that cannot be written ends no run."""

    def __init__(self, place: str, write: Callable[[str], None]) -> None:
        super().__init__()
        self.place = place
        self.failure: Exception | None = None
        self._write = write

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(f"{self.format(record)}\n")
        except Exception as error:  # noqa: BLE001 - like every handler of the library
            self.failure = self.failure or error


def _to_stream(stream: TextIO) -> Output:
    """Return what writes to a standard stream, but not what people were told there already."""

    def write(line: str) -> None:
        encoding = stream.encoding or "utf-8"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()

    output = Output("the standard stream", write)
    output.addFilter(lambda record: not record.__dict__["told"])
    return output


def _to_file(file: RotatedFile) -> Output:
    return Output(str(file.path), lambda line: file.append(line.encode("utf-8", "backslashreplace")))


@contextmanager
def _file(asked: LogFile | None) -> Iterator[RotatedFile | None]:
    if asked is None or not asked.enabled:
        yield None
        return
    try:
        file = RotatedFile(
            Path(asked.path), max_bytes=asked.max_size, backups=asked.max_backups, compress=asked.compress
        )
    except OSError as error:
        raise PublishFailed(
            f"the log cannot be written: {error.strerror}",
            place=asked.path,
            hint="Name another file in `logging.file.path`, or set `logging.file.enabled: false`.",
        ) from error
    with closing(file):
        yield file


def asked_for(config: Config, *, level: Level | None, form: LogFormat | None) -> Logging | None:
    """Return what is to be logged, None where neither the configuration nor the command line asks for a log."""
    given = {name: value for name, value in (("level", level), ("format", form)) if value is not None}
    if not given and "logging" not in config.model_fields_set:
        return None
    return config.logging.model_copy(update=given)


def require_apart(asked: Logging, printed: Format | None, *, place: str) -> None:
    """Refuse a log in the middle of what a program is to read from standard output."""
    if asked.output == "stdout" and printed not in {None, Format.TEXT}:
        raise ConfigProblem(
            f"the log and the report as {printed} would both go to standard output",
            place=place,
            hint="Write the report to a file with --output, or log to stderr.",
        )


@contextmanager
def told_in(log: Log, here: World, remarks: Iterable[Remark], *, aside: bool = False) -> Iterator[World]:
    """Return a world whose lines for people go to the log, and note there what ended the work, if anything did.

    A line that the log does not hear is shown as it always was: asking for errors only hides no news. So is every line
    where the log stands `aside`, in a file alone.
    """

    def tell(line: str) -> None:
        log.note("info", line, told=aside)
        if aside or not log.hears("info"):
            here.say(line)

    for remark in remarks:
        log.note("warn", "configuration", told=True, key=remark.key, place=remark.place, text=str(remark))
    try:
        yield replace(here, log=log, say=tell)
    except Exception as error:
        log.note("error", "ended by an error", told=True, kind=type(error).__name__, text=str(error))
        raise
