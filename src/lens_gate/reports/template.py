"""Reports by templates of users: Jinja2 in its sandbox, with data alone, no files, and a limit on what comes out.

What a template computes is not limited here: it is rendered in a process that may be killed.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeGuard

import jinja2
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from typing_extensions import override

from lens_gate.errors import UsageProblem
from lens_gate.reports.escape import markdown_text, plain
from lens_gate.reports.numbers import NOTHING, count, duration, milliseconds, percent, quantity, three_digits, usd
from lens_gate.reports.template_job import TemplateJob

LONGEST_OUTPUT: Final = 20_000_000
"""Characters that a template may write."""

LARGEST_POWER: Final = 1_000

_TEMPLATE = "<template>"
_OF_NUMBERS: Mapping[str, Callable[..., str]] = {
    "ms": milliseconds,
    "usd": usd,
    "percent": percent,
    "count": count,
    "duration": duration,
    "quantity": quantity,
    "digits": three_digits,
}
_OF_TEXTS: Mapping[str, Callable[[str], str]] = {"markdown": markdown_text, "plain": plain}
"""How our own reports write numbers and foreign text, for templates to do the same."""


def rendered(job: TemplateJob) -> str:
    """Return what a template makes of its context.

    Raises UsageProblem with the line of the template where it is wrong, or reaches for what it may not have.
    """
    try:
        template = _environment(escaped=job.escaped).from_string(job.text)
        return "".join(_bounded(template.generate(json.loads(job.context))))
    except Exception as error:
        raise _problem(job, _said(error), _line(error)) from error


def _said(error: Exception) -> str:
    match error:
        case jinja2.TemplateSyntaxError():
            return f"the template cannot be read: {error.message}"
        case jinja2.exceptions.SecurityError():
            return f"the template reaches for what it may not have: {error}"
        case MemoryError():
            return "the template needs too much memory"
        case TypeError() if "no loader" in str(error):
            return "a template cannot read files: there is nothing to include, import or extend"
        case _:
            return f"the template failed: {str(error) or type(error).__name__}"


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, in which no product or power is larger than a report."""

    intercepted_binops = frozenset({"*", "**"})

    @override
    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            _check_power(left, right)
        sizes = [len(one) * other for one, other in ((left, right), (right, left)) if hasattr(one, "__len__")]
        if operator == "*" and any(size > LONGEST_OUTPUT for size in sizes):
            msg = "more repetitions than a report can hold"
            raise jinja2.exceptions.SecurityError(msg)
        return super().call_binop(context, operator, left, right)


def _check_power(left: object, right: object) -> None:
    if not (_is_number(left) and _is_number(right)):
        kinds = f"a {type(left).__name__} and a {type(right).__name__}"
        raise jinja2.exceptions.FilterArgumentError(f"a power is one of numbers, and these are {kinds}")
    if abs(left) > LARGEST_POWER or abs(right) > LARGEST_POWER:
        msg = f"a power of more than {LARGEST_POWER}"
        raise jinja2.exceptions.SecurityError(msg)


def _environment(*, escaped: bool) -> _Environment:
    environment = _Environment(
        autoescape=escaped, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
    )
    environment.filters.update({name: _of_number(name, told) for name, told in _OF_NUMBERS.items()})
    environment.filters.update({name: _of_text(name, told) for name, told in _OF_TEXTS.items()})
    return environment


def _of_number(name: str, told: Callable[..., str]) -> Callable[..., str]:
    """Make a filter of what tells a number; what is not known is a dash, as in our own reports."""

    def filtered(value: object, *choices: str) -> str:
        if value is None:
            return NOTHING
        if not _is_number(value):
            raise _misused(name, "a number", value)
        return told(value, *choices)

    return filtered


def _of_text(name: str, told: Callable[[str], str]) -> Callable[..., str]:
    def filtered(value: object) -> str:
        if not isinstance(value, str):
            raise _misused(name, "text", value)
        return told(value)

    return filtered


def _misused(name: str, wanted: str, value: object) -> jinja2.exceptions.FilterArgumentError:
    return jinja2.exceptions.FilterArgumentError(f"`{name}` takes {wanted}, and this is a {type(value).__name__}")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bounded(parts: Iterator[str]) -> Iterator[str]:
    written = 0
    for part in parts:
        written += len(part)
        if written > LONGEST_OUTPUT:
            msg = f"it writes more than {LONGEST_OUTPUT:,} characters"
            raise jinja2.exceptions.SecurityError(msg)
        yield part


def _line(error: BaseException) -> int | None:
    """Return the line of the template that cannot be read, or at which an error was raised."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == _TEMPLATE), None)


def _problem(job: TemplateJob, message: str, line: int | None) -> UsageProblem:
    return UsageProblem(
        message,
        place=job.name if line is None else f"{job.name}:{line}",
        hint="docs/reports.md says what a template is given, and what it may do.",
    )
