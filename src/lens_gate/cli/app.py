"""The command group, and the one place where an error becomes an exit code.

Commands are imported when they are called: `lens-gate --help` loads no statistics, no HTTP client and no cloud SDK.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from keyword import iskeyword
from typing import NoReturn

import click
from typing_extensions import override

from lens_gate import __version__
from lens_gate.ci.log_text import in_log
from lens_gate.cli.later import later_command
from lens_gate.cli.redact import redacted
from lens_gate.errors import LensGateError, NoBaseline
from lens_gate.vocabulary.outcomes import ExitCode, Outcome

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("running", "Measure endpoints, one version or two at the same time; write run.json."),
    "analyze": ("judging", "Judge a run against its other arm or a stored baseline; write analysis.json."),
    "gate": ("judging", "Apply thresholds, quality gates and budgets; write verdict.json and exit with the verdict."),
    "trend": ("trending", "Find shifts, slopes and creep in a history of runs; write trend.json."),
    "report": ("judging", "Render any artifact as Markdown, JUnit, CSV, JSON or text."),
    "ci": ("running", "Run, analyze, gate and report in one command."),
    "replay": ("replaying", "Play recorded traffic again, at its own pace or faster; write run.json."),
    "profile": ("profiling", "Measure any URL with a payload template; write run.json."),
    "compare": ("comparing", "Measure several models or configurations at the same time, and put them in order."),
    "explain": ("explaining", "Retell in plain words why a gate decided as it did."),
    "import": ("importing", "Turn results of guidellm, aiperf, vLLM, llmperf, or a CSV into a run."),
    "cost": ("costing", "Say what runs cost, and would cost by another price list."),
    "export": ("exporting", "Export the metrics of a run to Prometheus."),
    "plan": ("planning", "Say how many pairs, dollars and minutes an answer would take; sends nothing."),
    "doctor": ("doctor", "Measure the noise of your endpoint, and say what a gate can see of it."),
    "selftest": ("selftest", "Measure how true this machine measures, and up to which rate."),
    "demo": ("demo", "Show a pass, a regression and an inconclusive verdict on a simulated endpoint."),
    "simulate": ("simulate", "Serve a fake LLM endpoint with known timing and known faults."),
    "baseline": ("baselines", "Save, show, list, accept, validate, prune, compact, reindex and sync baselines."),
    "init": ("files", "Print a configuration to start from."),
    "validate": ("files", "Check a configuration without sending anything."),
    "schema": ("files", "Print the JSON Schema of an artifact or of the configuration."),
    "migrate": ("files", "Bring an older artifact or configuration up to date."),
}

HIDDEN: dict[str, str] = {"action": "action"}
"""By command, the module of what only `action.yml` calls: neither help nor documents list it."""

LATER: dict[str, str] = {
    "distributed": "Run from several machines.",
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and help, and imports a command when it is called."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the pipeline."""
        return [*COMMANDS, *LATER]

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        module_name = COMMANDS[cmd_name][0] if cmd_name in COMMANDS else HIDDEN.get(cmd_name)
        if module_name is not None:
            module = importlib.import_module(f"lens_gate.cli.{module_name}")
            command: click.Command = getattr(module, f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name)
            return command
        if cmd_name in LATER:
            return later_command(cmd_name, LATER[cmd_name])
        return None

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table above, so that help imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
        with formatter.section("Not available yet"):
            formatter.write_dl(list(LATER.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="lens-gate")
def app() -> None:
    """Measure LLM endpoints and decide, in a pipeline, whether a change made them slower, dearer or flakier.

    Exit codes: 0 pass or neutral, 1 gate failed, 2 usage, 3 could not measure, 4 inconclusive, 5 no baseline,
    6 stopped by a cap, 7 could not publish, 70 defect, 130 interrupted (docs/exit-codes.md).
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with the documented code."""
    sys.exit(execute(arguments))


def execute(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; every error of any kind ends here."""
    try:
        result = app.main(
            args=None if arguments is None else list(arguments), prog_name="lens-gate", standalone_mode=False
        )
    except Exception as error:  # noqa: BLE001 the last resort: a crash must never look like a verdict
        return _ended(error)
    except KeyboardInterrupt:
        return _told(ExitCode.INTERRUPTED)
    return int(result) if isinstance(result, int) else ExitCode.OK


def _ended(error: Exception) -> int:
    """Tell the user about `error`, without any secret that it may quote, and return its exit code."""
    match error:
        case LensGateError():
            said, code = f"lens-gate: {error}", error.exit_code
        case click.ClickException():
            said, code = _shown(error), ExitCode.USAGE
        case click.Abort():
            said, code = "", ExitCode.INTERRUPTED
        case _:
            trace = "".join(traceback.format_exception(error))
            said = f"{trace}lens-gate: this is a defect of lens-gate and not a verdict; please report it"
            code = ExitCode.DEFECT
    if said:
        click.echo(in_log(redacted(said, os.environ), os.environ), err=True)
    return _told(code, Outcome.NO_BASELINE if isinstance(error, NoBaseline) else Outcome.NOT_MEASURED)


def _shown(error: click.ClickException) -> str:
    """Return what click would print of a usage error."""
    text = io.StringIO()
    error.show(file=text)
    return text.getvalue().rstrip()


def _told(code: int, outcome: Outcome = Outcome.NOT_MEASURED) -> int:
    """Print the last line that wrappers read when they lose the exit code, and return the code."""
    click.echo(f"lens-gate: outcome={outcome} exit={int(code)}", err=True)
    return int(code)
