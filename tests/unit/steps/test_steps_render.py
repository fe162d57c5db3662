"""From artifacts to texts, alone and several in one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from junitparser import JUnitXml

from lens_gate.artifacts.codec import Artifact
from lens_gate.errors import UsageProblem
from lens_gate.steps.judging.judge import rules
from lens_gate.steps.rendering.render import Format, Screen, chosen_format, joined, render, render_all
from tests.builders import a_duet_run, a_pair, a_run, a_sample, a_verdict, an_analysis
from tests.fakes.world import a_world

PATH = Path("some.json")


def shown(folder: Path, form: Format, *artifacts: Artifact) -> str:
    world = a_world(folder)
    found = [(artifact, PATH) for artifact in artifacts]
    return render_all(found, form, rules=rules((), world), world=world, screen=Screen())


@pytest.mark.parametrize(
    ("name", "output", "form"),
    [
        ("csv", "x.md", Format.CSV),
        (None, "x.md", Format.MARKDOWN),
        (None, "x.xml", Format.JUNIT),
        (None, "x.html", Format.HTML),
        (None, "x.htm", Format.HTML),
        (None, "x.unknown", Format.TEXT),
        (None, None, Format.TEXT),
    ],
)
def test_a_named_format_wins_over_the_ending_and_that_over_the_default(
    name: str | None, output: str | None, form: Format
) -> None:
    assert chosen_format(name, output, Format.TEXT) is form


@pytest.mark.parametrize("artifact", [a_run([a_sample()]), an_analysis(), a_verdict()])
def test_every_artifact_has_every_format_that_fits_it(tmp_path: Path, artifact: Artifact) -> None:
    assert json.loads(shown(tmp_path, Format.JSON, artifact))["kind"] == artifact.kind.value
    assert "gpt-small" in shown(tmp_path, Format.MARKDOWN, artifact)
    assert "gpt-small" in shown(tmp_path, Format.TEXT, artifact)
    assert len(JUnitXml.fromstring(shown(tmp_path, Format.JUNIT, artifact).encode())) == 1


@pytest.mark.parametrize("artifact", [a_run([a_sample()]), an_analysis(), a_verdict()])
def test_one_artifact_alone_can_be_junit_as_a_verdict_writes_it(tmp_path: Path, artifact: Artifact) -> None:
    world = a_world(tmp_path)
    text = render(artifact, PATH, Format.JUNIT, rules=rules((), world), world=world, screen=Screen())
    assert len(JUnitXml.fromstring(text.encode())) == 1


def test_only_a_run_has_rows(tmp_path: Path) -> None:
    assert shown(tmp_path, Format.CSV, a_run([a_sample()])).count("\n") == 2
    with pytest.raises(UsageProblem, match=r"some\.json holds an artifact of kind verdict"):
        shown(tmp_path, Format.CSV, a_verdict())


def test_several_runs_make_one_table_one_page_and_one_junit_file(tmp_path: Path) -> None:
    one, two = a_run([a_sample()]), a_run([a_sample(), a_sample(index=1)])
    table = shown(tmp_path, Format.CSV, one, two)
    assert table.count("\n") == 4
    assert table.count("timestamp") == 1
    page = shown(tmp_path, Format.MARKDOWN, one, two)
    assert page.count(shown(tmp_path, Format.MARKDOWN, one).splitlines()[0]) == 2
    assert len(JUnitXml.fromstring(shown(tmp_path, Format.JUNIT, one, a_verdict(), an_analysis()).encode())) == 3


def test_runs_of_one_and_of_two_arms_do_not_make_one_table(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="different columns"):
        shown(tmp_path, Format.CSV, a_run([a_sample()]), a_duet_run(a_pair(0)))


def test_a_line_break_inside_a_cell_stays_where_it_is() -> None:
    assert joined(["a\n1\u20282\n", 'a\n"x\ny"\n'], Format.CSV) == 'a\n1\u20282\n"x\ny"\n'


def test_several_artifacts_are_no_json_document(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="several inputs"):
        shown(tmp_path, Format.JSON, a_run(), a_run())
