"""`lens-gate demo`: the whole line, three times, on a simulated endpoint in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from lens_gate.artifacts.verdict import Verdict
from lens_gate.cli.live import watching
from lens_gate.cli.wiring import read_sources, screen, world
from lens_gate.config.load import Source
from lens_gate.reports.console import console, machine_line
from lens_gate.reports.view import view
from lens_gate.steps.judging.judge import Chosen, Rules, rules
from lens_gate.steps.line import whole_line
from lens_gate.steps.resolving.arms import RunOrder
from lens_gate.steps.resolving.order import Against, Overrides
from lens_gate.steps.simulated import simulated
from lens_gate.steps.world import World
from lens_gate.vocabulary.outcomes import ExitCode, Outcome

TRIES = 3
EXAMPLE = "lens-gate.yaml"
"""What the folder of stored runs holds beside their store."""

CONFIG = """\
profiler:
  name: demo
providers:
  - name: demo
    api: openai-chat
    endpoint: {base_url}/v1
    models:
      - id: sim-small
        max_tokens: 64
        input_usd_per_million: 0.50
        output_usd_per_million: 1.50
      - id: sim-small+slower=20
        max_tokens: 64
        input_usd_per_million: 0.50
        output_usd_per_million: 1.50
workload:
  fixed:
    requests_per_second: 30
  prompts:
    - id: support
      system: {system}
      template: "Answer the customer in two sentences: {{{{question}}}}"
      variables:
        question:
          - "Where is my order?"
          - "How do I change my address?"
          - "Can I return an opened box?"
          - "Why was I charged twice?"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One comparison: what changed, and what should come out.

    `stored` is a folder that holds a configuration and a store, `baselines/` of the repository: what is measured by the
    one is compared with what the other keeps. Without one, both versions are measured at the same time.
    """

    name: str
    story: str
    expected: Outcome
    requests: int | None = None
    against_model: str | None = None
    stored: Path | None = None


SCENES = (
    Scene(
        name="1-reworded-prompt",
        story="The system prompt was reworded; nothing else changed.",
        expected=Outcome.PASS,
        requests=300,
    ),
    Scene(
        name="2-slower-model",
        story="The model was exchanged for one that is 20 % slower.",
        expected=Outcome.REGRESSION,
        requests=300,
        against_model="sim-small",
    ),
    Scene(
        name="3-too-few-requests",
        story="The same slower model, but only six pairs of requests.",
        expected=Outcome.INCONCLUSIVE,
        requests=12,
        against_model="sim-small",
    ),
)
SYSTEM = "You are a friendly and concise support agent."
BASE_SYSTEM = "You are a concise and friendly support agent."


@click.command()
@click.option("--output-dir", type=click.Path(), default="demo-results", show_default=True, help="Where the files go.")
@click.option(
    "--stored",
    type=click.Path(exists=True, file_okay=False),
    help="Also compare a run with the stored ones in this folder: baselines/ of lens-gate's repository.",
)
def demo(output_dir: str, stored: str | None) -> int:
    """Show a pass, a regression and an inconclusive verdict on a simulated endpoint.

    No key, no server and no money: the endpoint runs on this machine for about half a minute.
    """
    folder = Path(output_dir)
    scenes = (*SCENES, against_stored(Path(stored))) if stored else SCENES
    click.echo("Changes, judged on real streams from a simulated endpoint on this machine.\n")
    with simulated(folder / "simulator.jsonl") as base_url:
        verdicts = [(scene, measured(scene, base_url, folder / scene.name)) for scene in scenes]
    click.echo(f"Artifacts, Markdown reports and JUnit files are in {folder}/. The verdicts:\n")
    for scene, verdict in verdicts:
        click.echo(f"  {verdict.outcome.value:<13} exit {verdict.exit_code.value}   {scene.story}")
    as_told = all(verdict.outcome is scene.expected for scene, verdict in verdicts)
    if not as_told:
        click.echo("\nNot what this demo is built to show: is this machine very busy? See the reports.", err=True)
    return ExitCode.OK if as_told else ExitCode.COULD_NOT_MEASURE


def measured(scene: Scene, base_url: str, folder: Path) -> Verdict:
    """Play a scene, once or twice more where this machine was too busy to measure: that says nothing of the scene."""
    click.echo(click.style(scene.story, bold=True))
    verdict = play(scene, base_url, folder)
    for _ in range(TRIES - 1):
        if verdict.outcome is not Outcome.NOT_MEASURED:
            break
        click.echo("This machine was too busy to measure that; once more.", err=True)
        verdict = play(scene, base_url, folder)
    shown = screen()
    click.echo(
        console(
            view(verdict, str(folder / "verdict.json")), colour=shown.colour, width=shown.width, unicode=shown.unicode
        )
    )
    click.echo(machine_line(verdict) + "\n")
    return verdict


def play(scene: Scene, base_url: str, folder: Path) -> Verdict:
    """Run the whole line on one scene, and return its verdict."""
    here = world()
    order, judged_by = staged(scene, base_url, folder, here)
    with watching(here) as watch:
        done = whole_line(order, judged_by, folder, here, watch)
    for failure in done.failed:
        raise failure
    return done.verdict


def staged(scene: Scene, base_url: str, folder: Path, here: World) -> tuple[RunOrder, Rules]:
    """Return what a scene measures, and the rules that judge it."""
    if scene.stored is not None:
        sources = read_sources((str(scene.stored / EXAMPLE),))
        order = RunOrder(sources=sources, overrides=Overrides(endpoint=f"{base_url}/v1"), against=None)
        return order, rules(sources, here, Chosen(baselines=(f"{scene.stored / 'simulator'}/",)))
    sources = (config_source(folder, base_url, SYSTEM, "candidate.yaml"),)
    if scene.against_model is None:
        against = Against(kind="config", value=config_source(folder, base_url, BASE_SYSTEM, "base.yaml").name)
        model: str | None = "sim-small"
    else:
        against, model = Against(kind="model", value=scene.against_model), None
    overrides = Overrides(model=model, requests=scene.requests)
    return RunOrder(sources=sources, overrides=overrides, against=against), rules(sources, here)


def against_stored(folder: Path) -> Scene:
    """Return the scene that compares with stored runs; raises ConfigProblem where the folder holds no example."""
    read_sources((str(folder / EXAMPLE),))
    return Scene(
        name="4-stored-runs",
        story="Nothing changed, and nothing is measured beside: it is compared with runs of another machine.",
        expected=Outcome.PASS,
        stored=folder,
    )


def config_source(folder: Path, base_url: str, system: str, name: str) -> Source:
    """Write one configuration of the demo and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(CONFIG.format(base_url=base_url, system=system), encoding="utf-8")
    return Source(str(path), path.read_text(encoding="utf-8"))
