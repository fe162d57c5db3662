"""Where a wrong value was written: the option that gave it, else the line of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from lens_gate.config.index import path_of
from lens_gate.config.load import LoadedConfig
from lens_gate.config.problems import Problem, problems_in, raise_problems
from lens_gate.errors import ConfigProblem


@contextmanager
def placing(loaded: LoadedConfig, options: Mapping[str, str]) -> Iterator[None]:
    """Give the line of its key to what is wrong with a configuration, or the option that was given for it by key.

    What names another place already, such as a line of another version, keeps it.
    """
    try:
        yield
    except ConfigProblem as error:
        found = [_placed(one, loaded, options) for one in problems_in(error)]
        if tuple(found) == problems_in(error):
            raise
        raise_problems(found, type(error))


def _placed(problem: Problem, loaded: LoadedConfig, options: Mapping[str, str]) -> Problem:
    if problem.place in options:
        return Problem(options[problem.place], problem.message, problem.hint)
    path = path_of(problem.place)
    if path is None:
        return problem
    return Problem(loaded.place(path), f"`{problem.place}`: {problem.message}", problem.hint)
