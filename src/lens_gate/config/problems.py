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


def raise_problems(problems: Sequence[Problem], kind: type[ConfigProblem] = ConfigProblem) -> None:
    """Raise all problems as one error, each with its place; do nothing where there are none."""
    match tuple(dict.fromkeys(problems)):
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
