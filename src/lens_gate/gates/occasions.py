"""Conditions on a verdict, such as `regression_detected == true`: is it trouble to tell of (pure).

They compare words, where the conditions of quality gates compute with metrics (`gates/conditions.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import simpleeval

from lens_gate.artifacts.verdict import Check
from lens_gate.errors import ConfigProblem
from lens_gate.vocabulary.outcomes import Outcome, Severity

LONGEST: Final = 500
NOTHING: Final = "none"
"""The severity of a verdict in which nothing failed."""

DEFAULT: Final = "outcome == 'regression'"
"""What is trouble where nobody says what is."""

_GRAMMAR = (
    ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Compare, ast.Eq, ast.NotEq, ast.Name, ast.Load,
)  # fmt: skip
_TRUTHS: Mapping[str, bool] = {"true": True, "false": False}
_HINT = "Write comparisons such as `regression_detected == true and branch == 'main'`."
_FAILED = (Outcome.REGRESSION, Outcome.NOT_MEASURED)

_WORDS: Mapping[str, tuple[str, ...] | None] = {
    "branch": None,
    "event": None,
    "outcome": tuple(Outcome),
    "severity": (*Severity, NOTHING),
    "suite": None,
}
"""Names that hold a word, with the words that they may hold (None: any)."""

_NAMES = ("regression_detected", *_WORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What a condition may ask of a verdict. `severity` is that of the gravest check that failed; unknown is empty."""

    regression_detected: bool
    outcome: str
    severity: str
    branch: str = ""
    event: str = ""
    suite: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition that was read and checked."""

    text: str
    tree: ast.expr

    def holds(self, occasion: Occasion) -> bool:
        """Return whether it holds."""
        names = {**_TRUTHS, **{name: getattr(occasion, name) for name in _NAMES}}
        evaluator = simpleeval.SimpleEval(names=names, functions={})
        return bool(evaluator.eval(self.text, previously_parsed=self.tree))


def severity_of(checks: Iterable[Check]) -> str:
    """Return the severity of the gravest check that failed or could not be measured, `none` where all else."""
    failed = {check.severity for check in checks if check.outcome in _FAILED}
    return next((one.value for one in Severity if one in failed), NOTHING)


def parse_occasion(text: str, *, place: str | None) -> Asked:
    """Read a condition on a verdict; ConfigProblem for an unknown name or word, or for another language."""
    tree = _tree(text, place)
    for node in ast.walk(tree):
        if not _belongs(node):
            raise ConfigProblem(f"the condition {_shown(text)} may not contain {_word(node)}", place=place, hint=_HINT)
    _check_truth(tree, text, place)
    return Asked(text=text, tree=tree)


def _tree(text: str, place: str | None) -> ast.expr:
    if len(text) > LONGEST:
        raise ConfigProblem(f"a condition has at most {LONGEST} characters", place=place, hint=_HINT)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigProblem(f"the condition {_shown(text)} cannot be read", place=place, hint=_HINT) from error


def _belongs(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | bool)
    return isinstance(node, _GRAMMAR)


def _check_truth(node: ast.expr, text: str, place: str | None) -> None:
    """Refuse what is neither a truth nor a comparison of two things of one kind."""
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                _check_truth(part, text, place)
        case ast.UnaryOp(operand=part):
            _check_truth(part, text, place)
        case ast.Compare(left=left, comparators=[right]):
            _check_comparison((left, right), text, place)
        case _ if _kind(node, place) is bool:
            return
        case _:
            raise ConfigProblem(f"the condition {_shown(text)} is neither true nor false", place=place, hint=_HINT)


def _check_comparison(sides: tuple[ast.expr, ast.expr], text: str, place: str | None) -> None:
    kinds = {_kind(side, place) for side in sides}
    if len(kinds) > 1 or None in kinds:
        raise ConfigProblem(
            f"the condition {_shown(text)} does not compare a name with a word or a truth", place=place, hint=_HINT
        )
    for side, other in (sides, sides[::-1]):
        _check_word(side, other, place)


def _kind(node: ast.expr, place: str | None) -> type[bool | str] | None:
    """Return what kind of value a name or a constant is, None for anything longer; refuse unknown names."""
    match node:
        case ast.Constant(value=bool()) | ast.Name(id="true" | "false" | "regression_detected"):
            return bool
        case ast.Constant():
            return str
        case ast.Name(id=name) if name in _WORDS:
            return str
        case ast.Name(id=name):
            near = get_close_matches(name, _NAMES, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(_NAMES)}."
            raise ConfigProblem(f"a condition knows nothing of {name[:60]!r}", place=place, hint=hint)
        case _:
            return None


def _check_word(name: ast.expr, value: ast.expr, place: str | None) -> None:
    """Refuse a word that the name never holds: the condition would wait for it in vain."""
    match name, value:
        case ast.Name(id=asked), ast.Constant(value=str() as word):
            words = _WORDS.get(asked)
            if words is not None and word not in words:
                raise ConfigProblem(
                    f"`{asked}` is never {word[:60]!r}", place=place, hint=f"It is one of {', '.join(words)}."
                )
        case _:
            return


def _word(node: ast.AST) -> str:
    return repr(node.value)[:60] if isinstance(node, ast.Constant) else f"a {type(node).__name__.lower()}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
