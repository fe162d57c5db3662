"""Commands on files only: nothing is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from lens_gate.artifacts.codec import dumps, loads
from lens_gate.artifacts.envelope import Kind
from lens_gate.artifacts.schemas import schema_text
from lens_gate.cli.baselines import validate_baseline
from lens_gate.cli.options import config_options
from lens_gate.cli.wiring import environment, read_sources
from lens_gate.config.load import LoadedConfig, load_config
from lens_gate.config.migrate import migrate_config
from lens_gate.config.schema import schema_text as config_schema_text
from lens_gate.config.substitute import missing_variables
from lens_gate.config.template import template
from lens_gate.errors import ConfigProblem, MissingVariable, NotAvailableYet
from lens_gate.load.schedule.unmeasured import foretold
from lens_gate.steps.validating import checked_whole
from lens_gate.stores.files import read_file, write_named


@click.command()
@click.option(
    "--format", "form", type=click.Choice(["yaml", "toml"]), default="yaml", show_default=True, help="Dialect."
)
def init(form: Any) -> None:
    """Print a configuration to start from: `lens-gate init > lens-gate.yaml`."""
    click.echo(template(form), nl=False)


@click.group(invoke_without_command=True)
@config_options
@click.pass_context
def validate(context: click.Context, configs: tuple[str, ...], strict_env: bool) -> None:  # noqa: FBT001 a click flag
    """Check a configuration: keys, types, variables and what a later version will do. Sends nothing."""
    if context.invoked_subcommand is not None:
        return
    sources = read_sources(configs)
    if not sources:
        raise ConfigProblem(
            "there is no configuration file here", hint="Name one with --config, or run `lens-gate init`."
        )
    loaded = load_config(sources)
    settings = checked_whole(loaded, folder=Path(), environment=environment(), on=datetime.now(UTC))
    if settings is not None and (remark := foretold(settings)):
        click.echo(f"{loaded.place(('profiler', 'warmup'))}: {remark}")
    for line in _findings(loaded, strict=strict_env):
        click.echo(line)
    click.echo(f"valid: {', '.join(source.name for source in sources)}")


validate.add_command(validate_baseline, "baseline")


def _findings(loaded: LoadedConfig, *, strict: bool) -> list[str]:
    """List missing variables and remarks; under --strict-env a missing variable is an error."""
    missing = missing_variables(loaded, environment())
    if missing and strict:
        raise MissingVariable(
            "these variables are not set: " + ", ".join(sorted({use.name for use in missing})),
            place=f"{missing[0].file}:{missing[0].line}",
            hint="Set them, or give defaults like ${NAME:-value}.",
        )
    lines = [
        f"{use.file}:{use.line}: variable {use.name} is not set; it is needed when this part is used" for use in missing
    ]
    return lines + [str(remark) for remark in loaded.remarks]


@click.command()
@click.argument("kind", type=click.Choice([*(kind.value for kind in Kind), "config"]))
def schema(kind: str) -> None:
    """Print the JSON Schema of an artifact or of the configuration."""
    click.echo(config_schema_text() if kind == "config" else schema_text(Kind(kind)), nl=False)


@click.group()
def migrate() -> None:
    """Bring an older artifact or configuration up to date."""


@migrate.command("artifact")
@click.argument("path", type=click.Path())
@click.option("--output", "-o", type=click.Path(), help="Where to write; default: in place.")
def migrate_artifact(path: str, output: str | None) -> None:
    """Rewrite an artifact in the newest version of its format."""
    artifact = loads(read_file(Path(path)), name=path)
    target = Path(output or path)
    write_named(target, dumps(artifact))
    click.echo(f"{target}: {artifact.kind} artifact, schema version {artifact.schema_version}")


@migrate.command("config")
@click.option("--from", "source", required=True, type=click.Path(), help="The configuration to read.")
@click.option("--to", "target", type=click.Path(), help="Where to write; default: standard output.")
@click.option(
    "--mode",
    type=click.Choice(["standalone", "distributed"]),
    default="standalone",
    show_default=True,
    help="What the configuration is for; distributed comes later.",
)
def migrate_configuration(source: str, target: str | None, mode: str) -> None:
    """Rewrite a configuration of an older dialect as today's."""
    if mode == "distributed":
        raise NotAvailableYet("distributed configurations are not available yet", hint="Leave --mode out.")
    text = migrate_config(read_file(Path(source)).decode("utf-8"), source)
    if target is None:
        click.echo(text, nl=False)
    else:
        write_named(Path(target), text.encode("utf-8"))
