from __future__ import annotations

import pytest

from lens_gate.config.load import NO_FILE
from lens_gate.reports.onward import configured_by, onward, whose_rules
from lens_gate.reports.page import Onward
from lens_gate.reports.view import run_view, view
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Arm
from tests.builders import a_run, a_summary, a_verdict, an_analysis, an_arm

OURS = (an_arm(label="conf/pois.yaml"),)
THEIRS = "but the run was made with conf/pois.yaml: its own rules are applied with -c conf/pois.yaml."


@pytest.mark.parametrize(
    ("label", "files"),
    [
        ("pois.yaml", ("pois.yaml",)),
        ("one.yml, two.toml", ("one.yml", "two.toml")),
        (NO_FILE, ()),
        ("work tree", ()),
    ],
)
def test_the_configuration_of_a_run_is_read_from_the_label_of_its_version(label: str, files: tuple[str, ...]) -> None:
    assert configured_by((an_arm(Arm.BASE, label="base.yaml"), an_arm(label=label))) == files


def test_a_run_without_arms_has_no_configuration() -> None:
    assert configured_by(()) == ()


def test_the_next_command_names_the_run_and_its_configuration() -> None:
    page = run_view(a_run(arms=OURS), "results/my run.json")
    assert page.onward == Onward("Next", "lens-gate gate -c conf/pois.yaml 'results/my run.json'")


def test_nothing_comes_after_a_run_that_measured_nothing() -> None:
    assert onward(a_run(summary=a_summary(successful_requests=0)), "run.json") is None


def test_an_interrupted_run_says_how_to_go_on() -> None:
    told = onward(a_run(arms=OURS, ending=Ending.INTERRUPTED), "run.json")
    assert told == Onward("To go on, with your other options", "lens-gate run -c conf/pois.yaml --resume run.json")


def test_the_verdict_on_an_interrupted_run_says_how_to_go_on() -> None:
    page = view(a_verdict(an_analysis(arms=OURS, ending=Ending.INTERRUPTED)))
    assert "`lens-gate run --resume` goes on with it." in page.second
    assert page.next_step == "lens-gate run -c conf/pois.yaml --resume RUN_FILE"


@pytest.mark.parametrize(
    ("applied", "chosen", "told"),
    [
        (("pois.yaml",), True, "Rules: pois.yaml."),
        (("gates.yaml", "more.yaml"), True, "Rules: gates.yaml and more.yaml; the run was made with conf/pois.yaml."),
        (
            ("lens-gate.yaml",),
            False,
            f"warning: rules: lens-gate.yaml, {THEIRS}",
        ),
        (
            (),
            False,
            f"warning: rules: the defaults, as there is no configuration file, {THEIRS}",
        ),
    ],
)
def test_rules_that_are_not_those_of_the_run_are_told(applied: tuple[str, ...], chosen: bool, told: str) -> None:
    assert whose_rules(applied, OURS, chosen=chosen) == told


def test_a_run_without_a_configuration_is_warned_of_no_rules() -> None:
    told = whose_rules((), (an_arm(label=NO_FILE),), chosen=False)
    assert told == "Rules: the defaults, as there is no configuration file."
