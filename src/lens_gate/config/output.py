"""Where results and messages go."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lens_gate.config.section import Section
from lens_gate.config.types import Bytes, IpAddress, Port, UrlPath


class Console(Section):
    """What a terminal shows."""

    enabled: bool = True
    format: Literal["table", "json", "compact"] = "table"
    colors: bool = True
    live_updates: bool = True


class OutputFile(Section):
    """A file written after a run; `{{timestamp}}` in its path is the run's start in UTC."""

    type: Literal["json", "csv", "markdown", "junit", "html"]
    path: str = Field(min_length=1)
    pretty: bool = False
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    template: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _template_makes_text_for_people(self) -> Self:
        if self.template is not None and self.type not in {"markdown", "html"}:
            msg = f"a `template` goes with `type: markdown` or `html`, and {self.type} is for programs"
            raise ValueError(msg)
        return self


class Database(Section):
    """A database that keeps results."""

    enabled: bool = False
    type: Literal["sqlite", "postgres", "mysql"] = "sqlite"
    connection: str
    table_prefix: str = "lens_gate_"


class PrometheusEndpoint(Section):
    """An HTTP endpoint with metrics in Prometheus's text format; it listens at an address of this machine."""

    enabled: bool = False
    host: IpAddress = "127.0.0.1"
    port: Port = 9090
    path: UrlPath = "/metrics"


class Remote(Section):
    """An object store that receives results, and the reports on them where that is asked for."""

    type: Literal["s3", "gcs"]
    enabled: bool = True
    bucket: str
    prefix: str = ""
    region: str | None = None
    reports: bool = False


class Output(Section):
    """All destinations of results."""

    console: Console = Console()
    files: tuple[OutputFile, ...] = ()
    database: Database | None = None
    prometheus: PrometheusEndpoint | None = None
    remote: tuple[Remote, ...] = ()


class LogFile(Section):
    """A log file with rotation."""

    enabled: bool = False
    path: str = Field(min_length=1)
    max_size: Bytes = 100_000_000
    max_backups: int = Field(default=5, ge=0, le=1000)
    compress: bool = False


class Logging(Section):
    """What the program says about itself."""

    level: Literal["trace", "debug", "info", "warn", "error"] = "info"
    format: Literal["json", "pretty", "compact"] = "pretty"
    output: Literal["stderr", "stdout", "none"] = "stderr"
    file: LogFile | None = None

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if self.output == "none" and not (self.file and self.file.enabled):
            msg = "`output: none` leaves the log to a file, and none is enabled: set `file.enabled` and `file.path`"
            raise ValueError(msg)
        return self
