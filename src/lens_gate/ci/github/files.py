"""The files and the stream through which a step talks to GitHub's runner."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lens_gate.ci.github.commands import annotation_commands, output_lines
from lens_gate.errors import PublishFailed
from lens_gate.vocabulary.publishing import Annotation, Publication

SUMMARY_BYTES = 1024 * 1024
"""GitHub drops a summary as a whole that is larger than this."""

_NO_UPLOAD = re.compile(r"[^A-Za-z0-9._]+")
_LONGEST_NAME = 60
_DRAWN = 8
_VARIABLES = {Publication.SUMMARY: "GITHUB_STEP_SUMMARY", Publication.OUTPUTS: "GITHUB_OUTPUT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerFiles:
    """What the runner reads of a step; `show` writes a line to standard output, `draw` returns an unguessable word."""

    environment: Mapping[str, str]
    show: Callable[[str], None]
    draw: Callable[[], str]

    def obstacle(self, what: Publication) -> str | None:
        """Say why a file cannot be written, None where it can or where none is needed."""
        variable = _VARIABLES.get(what)
        if variable is None or self.environment.get(variable):
            return None
        return f"the variable {variable} is not set: this is no step of a job"

    def write_summary(self, text: str) -> None:
        """Add to the summary of this step, which stays below what GitHub takes."""
        path = self._file(Publication.SUMMARY)
        data = f"{text.rstrip()}\n\n".encode()
        there = path.stat().st_size if path.exists() else 0
        if there + len(data) > SUMMARY_BYTES:
            raise PublishFailed(
                f"the summary of this step would be larger than {SUMMARY_BYTES:,} bytes, and GitHub would drop it all",
                place=str(path),
                hint="Let another step of the job publish the summary: each has a file of its own.",
            )
        _append(path, data)

    def write_outputs(self, values: Mapping[str, str]) -> None:
        """Set the outputs of this step."""
        _append(self._file(Publication.OUTPUTS), output_lines(values, f"lens-gate-{self.draw()}").encode())

    def artifact_name(self, suite: str) -> str:
        """Return a name for an upload: a run takes each once, in all its attempts, and no other signs than these."""
        kept = _NO_UPLOAD.sub("-", suite).strip("-.")[:_LONGEST_NAME] or "results"
        attempt = self.environment.get("GITHUB_RUN_ATTEMPT") or "1"
        return f"lens-gate-{kept}-{attempt}.{self.draw()[:_DRAWN]}"

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """Print the commands that make annotations of this job."""
        for line in annotation_commands(annotations):
            self.show(line)

    def _file(self, what: Publication) -> Path:
        obstacle = self.obstacle(what)
        if obstacle:
            raise PublishFailed(obstacle, place=what.value, hint="Run this inside a step of GitHub Actions.")
        return Path(self.environment[_VARIABLES[what]])


def _append(path: Path, data: bytes) -> None:
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise PublishFailed(
            f"the file cannot be written: {error.strerror}", place=str(path), hint="It belongs to GitHub's runner."
        ) from error
