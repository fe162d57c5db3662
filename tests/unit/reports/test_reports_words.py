from __future__ import annotations

import re

import pytest

from lens_gate.reports.words import BROKEN, INFO, LABELS, MARKS, PHRASES, WARNING, label, listed, mark, sentence, told
from lens_gate.vocabulary.metric_table import METRICS
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Outcome, Severity

FORBIDDEN = re.compile(r"\b(significant|null|delta|outperforms?|p)\b", re.IGNORECASE)


def test_every_metric_hypothesis_and_outcome_has_words() -> None:
    assert {metric.name for metric in METRICS} <= set(LABELS)
    assert set(PHRASES) == set(Hypothesis)
    assert set(MARKS) == set(Outcome)


def test_states_differ_in_shape_and_word_not_only_in_colour() -> None:
    marks = [*MARKS.values(), WARNING, INFO]
    assert len({one.symbol for one in marks}) == len(marks)
    assert len({one.ascii for one in marks}) == len(marks)
    assert len({one.word for one in (*marks, BROKEN)}) == len(marks) + 1
    assert all(one.ascii.isascii() for one in marks)


@pytest.mark.parametrize("hypothesis", Hypothesis)
@pytest.mark.parametrize("more", [True, False])
def test_a_change_is_told_in_plain_words(hypothesis: Hypothesis, more: bool) -> None:
    text = told("gpt-small", "any", hypothesis, size="5 %", more=more)
    assert "gpt-small" in text
    assert "5 %" in text
    assert not FORBIDDEN.search(text)
    assert text != told("gpt-small", "any", hypothesis, size="5 %", more=not more)


def test_a_metric_without_a_hypothesis_is_told_by_its_label() -> None:
    assert told("m", "p95_latency", None, size="5 %", more=True) == "m: whole answer (p95) is 5 % higher"
    assert told("m", "my_own", None, size="5 %", more=False) == "m: my own is 5 % lower"
    assert label("mean_ttft", Hypothesis.TTFT) == "first token"


def test_a_model_name_with_braces_is_no_format() -> None:
    assert told("{size}{who}", "any", Hypothesis.TTFT, size="5 %", more=True).startswith("{size}{who}'s")


@pytest.mark.parametrize(
    ("severity", "comparison", "expected"),
    [
        (Severity.ERROR, True, MARKS[Outcome.REGRESSION]),
        (Severity.ERROR, False, BROKEN),
        (Severity.WARNING, True, WARNING),
        (Severity.INFO, False, INFO),
    ],
)
def test_a_breach_is_marked_by_what_it_weighs(severity: Severity, comparison: bool, expected: object) -> None:
    assert mark(Outcome.REGRESSION, severity, comparison=comparison) == expected
    assert mark(Outcome.PASS, severity, comparison=comparison) == MARKS[Outcome.PASS]


@pytest.mark.parametrize(
    ("parts", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b, and c")],
)
def test_lists_read_like_sentences(parts: list[str], text: str) -> None:
    assert listed(parts) == text


@pytest.mark.parametrize(
    ("text", "told_as"),
    [
        ("no answer", "No answer."),
        ("Done!", "Done!"),
        ("gpt-small is slow", "gpt-small is slow."),
        ("\x1b[31mred\nalert", "Red alert."),
        ("  ", ""),
    ],
)
def test_messages_become_sentences_without_touching_names(text: str, told_as: str) -> None:
    assert sentence(text) == told_as
