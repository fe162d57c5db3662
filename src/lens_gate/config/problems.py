"""What is wrong with a configuration: collected first, raised together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lens_gate.errors import ConfigProblem


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, what, and the next step."""

    place: str
    message: str
    hint: str | None = None

    def line(self) -> str:
        """Return it on one line."""
        return f"{self.place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


def _in_order(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return each problem once, as a reader meets them: file by file, and by their lines."""
    files = list(dict.fromkeys(_file_and_line(problem.place)[0] for problem in problems))

    def met(problem: Problem) -> tuple[int, int]:
        file, line = _file_and_line(problem.place)
        return files.index(file), line

    return tuple(sorted(dict.fromkeys(problems), key=met))


def _file_and_line(place: str) -> tuple[str, int]:
    file, _, line = place.rpartition(":")
    return (file, int(line)) if line.isascii() and line.isdigit() else (place, 0)


def raise_problems(problems: Sequence[Problem], kind: type[ConfigProblem] = ConfigProblem) -> None:
    """Raise all problems as one error, in the order of their places; do nothing where there are none."""
    match _in_order(problems):
        case ():
            return
        case (only,):
            raise kind(only.message, place=only.place, hint=only.hint)
        case several:
            lines = "".join(f"\n  {problem.line()}" for problem in several)
            raise kind(
                f"{len(several)} problems{lines}",
                place="configuration",
                hint="Correct them, then run `lens-gate validate`.",
            )
