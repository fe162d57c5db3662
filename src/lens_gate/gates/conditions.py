"""Conditions on metrics, such as `success_rate > 99.0 and p95_ttft < 800`: read, checked, and evaluated without eval.

The language is comparisons of metrics and numbers, `and`, `or`, `not`, and `+ − * /`; anything else is refused before
it is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import simpleeval

from lens_gate.artifacts.verdict import Side
from lens_gate.errors import ConfigProblem
from lens_gate.vocabulary.metric_table import METRICS, metric
from lens_gate.vocabulary.metrics import Metric, Scope

LONGEST = 500
MOST_PARTS = 100

_GRAMMAR = (
    ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.Compare, ast.Lt,
    ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Name, ast.Load,
)  # fmt: skip
_SIDES: Mapping[type[ast.cmpop], Side] = {
    ast.Lt: "below",
    ast.LtE: "at most",
    ast.Gt: "above",
    ast.GtE: "at least",
}
_HINT = "Write comparisons such as `mean_latency < 5000 and success_rate > 99`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition that was read and checked: its text and the metrics that it names."""

    text: str
    place: str | None
    metrics: tuple[Metric, ...]
    tree: ast.expr

    @property
    def scope(self) -> Scope:
        """Whether it is asked of every series (as soon as one of its metrics has a value per series) or of the run."""
        return Scope.SERIES if any(used.scope is Scope.SERIES for used in self.metrics) else Scope.RUN

    def holds(self, values: Mapping[str, float]) -> bool:
        """Return whether the condition holds for these values, one for each metric that it names.

        Raises ZeroDivisionError where these values divide by zero.
        """
        evaluator = simpleeval.SimpleEval(names=dict(values), functions={})
        return bool(evaluator.eval(self.text, previously_parsed=self.tree))

    def limit(self) -> tuple[Metric, float] | None:
        """Return the metric and the number of a plain comparison of the two, None for anything longer."""
        match self.tree:
            case ast.Compare(left=ast.Name(id=name), comparators=[ast.Constant(value=int() | float() as limit)]):
                return metric(name), float(limit)
            case _:
                return None

    def side(self) -> Side | None:
        """Return on which side of its number a plain comparison keeps its metric, None for any other."""
        match self.tree:
            case ast.Compare(left=ast.Name(), ops=[operator], comparators=[ast.Constant(value=int() | float())]):
                return _SIDES.get(type(operator))
            case _:
                return None


def parse(text: str, *, place: str | None) -> Condition:
    """Read a condition; ConfigProblem for an unknown name, another language, or a result that is not true or false."""
    tree = _tree(text, place)
    nodes = list(ast.walk(tree))
    foreign = next((node for node in nodes if not _belongs(node)), None)
    if foreign is not None or len(nodes) > MOST_PARTS:
        what = "is too long" if foreign is None else f"may not contain {_word(foreign)}"
        raise ConfigProblem(f"the condition {_shortened(text)} {what}", place=place, hint=_HINT)
    metrics = {node.id: metric_named(node.id, place) for node in nodes if isinstance(node, ast.Name)}
    _check_types(tree, text, place)
    return Condition(text=text, place=place, metrics=tuple(metrics.values()), tree=tree)


def _tree(text: str, place: str | None) -> ast.expr:
    if len(text) > LONGEST:
        raise ConfigProblem(f"a condition has at most {LONGEST} characters", place=place, hint=_HINT)
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigProblem(f"the condition {_shortened(text)} cannot be read", place=place, hint=_HINT) from error


def metric_named(name: str, place: str | None) -> Metric:
    """Return a metric that has a value; ConfigProblem with the nearest names for an unknown one."""
    try:
        found = metric(name)
    except LookupError:
        near = get_close_matches(name, [row.name for row in METRICS], n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else "docs/metrics.md lists all metrics."
        raise ConfigProblem(f"there is no metric {name[:60]!r}", place=place, hint=hint) from None
    if name == "latency_distribution":
        raise ConfigProblem("latency_distribution has no single value", place=place, hint=_HINT)
    return found


def _check_types(tree: ast.expr, text: str, place: str | None) -> None:
    """Refuse a condition that is no truth value, or that mixes truth values and numbers."""
    if not _is_truth(tree):
        raise ConfigProblem(
            f"the condition {_shortened(text)} compares nothing, so it is neither true nor false",
            place=place,
            hint=_HINT,
        )
    if not all(map(_well_typed, ast.walk(tree))):
        raise ConfigProblem(
            f"the condition {_shortened(text)} mixes numbers with what is true or false", place=place, hint=_HINT
        )


def _is_truth(node: ast.AST) -> bool:
    match node:
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            return True
        case _:
            return False


def _well_typed(node: ast.AST) -> bool:
    match node:
        case ast.BoolOp(values=truths):
            return all(map(_is_truth, truths))
        case ast.UnaryOp(op=ast.Not(), operand=truth):
            return _is_truth(truth)
        case _:
            return not any(map(_is_truth, _numbers_in(node)))


def _numbers_in(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Compare(left=left, comparators=others):
            return [left, *others]
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.UnaryOp(operand=number):
            return [number]
        case _:
            return []


def _belongs(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return isinstance(node, _GRAMMAR)


def _word(node: ast.AST) -> str:
    return repr(node.value)[:60] if isinstance(node, ast.Constant) else f"a {type(node).__name__.lower()}"


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
