"""Templates of users: what they may do, and that nothing else is left to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lens_gate.errors import UsageProblem
from lens_gate.reports import template
from lens_gate.reports.template import rendered
from lens_gate.reports.template_job import ESCAPED, TemplateJob

CONTEXT = {"report": {"name": "<b>", "rows": [1, 2], "cost": 0.00152, "took": 1234.5}}


def made(text: str, *, escaped: bool = False, context: Any = CONTEXT) -> str:
    return rendered(TemplateJob(name="t.md", text=text, context=json.dumps(context), escaped=escaped))


def refused(text: str) -> UsageProblem:
    with pytest.raises(UsageProblem) as caught:
        made(text)
    return caught.value


def test_a_template_writes_what_it_is_given() -> None:
    assert made("{% for row in report.rows %}\n- {{ row }}\n{% endfor %}") == "- 1\n- 2\n"
    assert made("{{ report.absent | default('none') }}") == "none"


def test_numbers_and_foreign_text_are_written_as_our_own_reports_do() -> None:
    assert made("{{ report.took | ms }}, {{ report.cost | usd }}") == "1.23\u00a0s, $0.00152"
    assert made("{{ 'a*b @all' | markdown }}") == "a\\*b &#64;&#8203;all"


@pytest.mark.parametrize("name", ["ms", "usd", "percent", "count", "duration", "digits", "quantity('ms')"])
def test_what_is_not_known_is_a_dash_and_what_is_no_number_an_error(name: str) -> None:
    assert made(f"{{{{ none | {name} }}}}") == "–"
    problem = refused(f"\n{{{{ 'many' | {name} }}}}")
    assert problem.message == f"the template failed: `{name.partition('(')[0]}` takes a number, and this is a str"
    assert problem.place == "t.md:2"


def test_what_is_no_text_or_no_power_is_said() -> None:
    assert refused("{{ 1 | markdown }}").message == "the template failed: `markdown` takes text, and this is a int"
    assert "a power is one of numbers, and these are a str and a int" in refused("{{ 'x' ** 3 }}").message


def test_values_are_escaped_in_pages_and_nowhere_else() -> None:
    assert made("{{ report.name }}", escaped=True) == "&lt;b&gt;"
    assert made("{{ report.name }}") == "<b>"


@pytest.mark.parametrize("name", ["a.html", "A.HTM", "a.html.j2", "a.xml.tmpl", "a.svg"])
def test_pages_are_known_by_their_names(name: str) -> None:
    assert ESCAPED.search(name)
    assert not ESCAPED.search("report.md.tmpl")


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ ''|attr('__class__') }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ report.clear() }}",
        "{{ report.rows.append(1) }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 2 ** 100000 }}",
        "{{ 'a' * 10 ** 10 }}",
        "{{ 100000000 * [1] }}",
    ],
)
def test_tricks_with_attributes_and_sizes_are_stopped(text: str) -> None:
    problem = refused(f"first line\n{text}")
    assert problem.message.startswith("the template reaches for what it may not have")
    assert (problem.place, problem.exit_code) == ("t.md:2", 2)


@pytest.mark.parametrize(
    "text", ["{% include '/etc/passwd' %}", "{% import 'a' as b %}", "{% extends '../base.html' %}"]
)
def test_there_are_no_files(text: str) -> None:
    assert refused(text).message.startswith("a template cannot read files")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("a\n\n{% if %}", "the template cannot be read: Expected an expression, got 'end of statement block'", 3),
        ("{{ nothing }}", "the template failed: 'nothing' is undefined", 1),
        ("a\n{{ report.nmae }}", "the template failed: 'dict object' has no attribute 'nmae'", 2),
        ("{{ 1 / 0 }}", "the template failed: division by zero", 1),
        ("{% for i in range(10000000) %}{% endfor %}", "the template failed: Range too big.", 1),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "the template failed: maximum recursion", 1),
        ("{{ 'x' | ms }}", "the template failed: ", 1),
        ("{{ 1 + 'a' }}", "the template failed: unsupported operand", 1),
    ],
)
def test_what_is_wrong_with_a_template_is_told_with_its_line(text: str, message: str, line: int) -> None:
    problem = refused(text)
    assert problem.message.startswith(message)
    assert problem.place == f"t.md:{line}"


def test_an_output_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "LONGEST_OUTPUT", 1_000)
    assert made("{{ 'a' * 900 }}") == "a" * 900
    problem = refused("{% for i in range(100) %}{{ 'a' * 100 }}{% endfor %}")
    assert "it writes more than 1,000 characters" in problem.message


def test_a_template_that_needs_too_much_memory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> str:
        raise MemoryError

    monkeypatch.setitem(template._OF_NUMBERS, "ms", full)  # noqa: SLF001 stands for a full machine
    assert refused("{{ 1 | ms }}").message == "the template needs too much memory"
