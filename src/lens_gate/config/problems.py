"""What is wrong with a configuration: collected first, raised together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lens_gate.errors import ConfigProblem

Found = TypeVar("Found")


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
    """Raise all problems of a configuration as one error; do nothing where there are none."""
    if problems:
        raise joined(problems, kind, place="configuration", hint="Correct them, then run `lens-gate validate`.")


def joined(problems: Sequence[Problem], kind: type[ConfigProblem], *, place: str, hint: str) -> ConfigProblem:
    """Return one error that tells all problems in the order of their places; `place` and `hint` are for several."""
    first, *others = _in_order(problems)
    if not others:
        return kind(first.message, place=first.place, hint=first.hint)
    lines = "".join(f"\n  {problem.line()}" for problem in (first, *others))
    together = kind(f"{len(others) + 1} problems{lines}", place=place, hint=hint)
    together.parts = tuple(kind(one.message, place=one.place, hint=one.hint) for one in (first, *others))
    return together


def problems_in(error: ConfigProblem) -> tuple[Problem, ...]:
    """Return the problems that an error tells, one or several."""
    return tuple(Problem(one.place or "configuration", one.message, one.hint) for one in error.parts or (error,))


class Collected:
    """Checks that are made one after the other, and what they find wrong, raised together."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def of(self, check: Callable[[], Found]) -> Found | None:
        """Return what a check returns; None, and take note, where it raises a ConfigProblem."""
        try:
            return check()
        except ConfigProblem as error:
            self._found += problems_in(error)
            return None

    def tell(self) -> None:
        """Raise all that was found, each thing once."""
        raise_problems(self._found)
