"""`profile`: any URL with a payload template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from pydantic import JsonValue

from lens_gate.cli.options import pace_of, pace_options, sending_options
from lens_gate.cli.running import sent
from lens_gate.cli.wiring import world
from lens_gate.config.model import ResponseMapping
from lens_gate.errors import UsageProblem
from lens_gate.steps.resolving.arms import RunOrder
from lens_gate.steps.resolving.order import Against
from lens_gate.steps.resolving.profiling import ProfileOrder, is_written_out, profile_source
from lens_gate.stores.files import read_file

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
FORMATS = ("sse", "ndjson", "json", "raw")
PARTS = tuple(ResponseMapping.model_fields)


@click.command()
@click.argument("address", metavar="[URL]", required=False)
@click.option("--url", help="The URL; or name it without --url.")
@click.option("--auth", help="The Authorization header, for instance 'Bearer ${API_KEY}' in single quotes.")
@click.option("--header", "-H", "headers", multiple=True, help="A header, 'Name: value' or 'Name: ${VARIABLE}'.")
@click.option(
    "--method", type=click.Choice(METHODS, case_sensitive=False), help="Default: POST with a payload, else GET."
)
@click.option("--payload", help="The JSON body, with {{prompt}}, {{model}} and so on.")
@click.option(
    "--payload-template", "--payload-file", "payload_file", type=click.Path(), help="File with the JSON body."
)
@click.option("--prompt", help="What {{prompt}} and {{messages}} in the payload stand for.")
@click.option("--model", help="What {{model}} stands for, and what the endpoint is called in reports.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="What {{max_tokens}} stands for.")
@click.option("--stream-format", type=click.Choice(FORMATS), help="How the answer is framed; default: by its type.")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="PART=PATH",
    help=f"JSON path of a part of the answer: {', '.join(PARTS)}.",
)
@pace_options
@click.option("--against-endpoint", help="Compare with the same requests sent to this address.")
@sending_options
@click.option("--output", "-o", type=click.Path(), help="Where the artifact goes; default results/profile-TIME.json.")
def profile(**options: Any) -> int:
    """Measure any URL with a payload template, and write a run like `lens-gate run` does.

    An answer in one of the usual shapes is read by itself, streamed or not; of another shape --map says where its parts
    are. An answer without tokens, of any endpoint, is timed as a whole. Without a limit it lasts a minute at one
    request per second.
    """
    here = world(fetches=not options["dry_run"])
    order = _order(options)
    if is_written_out(order):
        here.say("warning: --auth holds the key itself, which other users of this machine may see; quote '${VARIABLE}'")
    there = options["against_endpoint"]
    run = RunOrder(
        sources=(profile_source(order),),
        overrides=pace_of(options),
        against=None if there is None else Against(kind="endpoint", value=there),
        strict_env=True,
    )
    return sent(run, options, here, name="profile")


def _order(options: dict[str, Any]) -> ProfileOrder:
    urls = [url for url in (options["address"], options["url"]) if url]
    if len(urls) != 1:
        raise UsageProblem(
            "name one URL", hint="lens-gate profile https://host/v1/chat --payload-template request.json"
        )
    return ProfileOrder(
        url=urls[0],
        method=options["method"],
        auth=options["auth"],
        headers=options["headers"],
        payload=_payload(options),
        stream_format=options["stream_format"],
        mapping=_mapping(options["mapping"]),
        prompt=options["prompt"],
        model=options["model"],
        max_tokens=options["max_tokens"],
    )


def _payload(options: dict[str, Any]) -> JsonValue:
    text, path = options["payload"], options["payload_file"]
    if text is not None and path is not None:
        raise UsageProblem("--payload and --payload-template both give a body", hint="Leave one of them out.")
    if text is None and path is None:
        return None
    place = "--payload" if path is None else str(path)
    try:
        value: JsonValue = json.loads(text if path is None else read_file(Path(path)))
    except json.JSONDecodeError as error:
        raise UsageProblem(
            f"the payload is not JSON: {error.msg}",
            place=f"{place}:{error.lineno}:{error.colno}",
            hint="Put {{placeholders}} in quotes; they become values of the right type.",
        ) from error
    except UnicodeDecodeError as error:
        raise UsageProblem("the payload is not UTF-8 text", place=place, hint="Save it as UTF-8.") from error
    return value


def _mapping(values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        name, equals, path = (part.strip() for part in value.partition("="))
        if not equals or name not in PARTS:
            raise UsageProblem(
                f"--map {value} names no part of an answer",
                hint=f"Write --map text='$.answer'; the parts are {', '.join(PARTS)}.",
            )
        found[name] = path
    if found and "text" not in found:
        raise UsageProblem(
            "--map says where parts of the answer are, and not its text", hint="Add --map text='$.answer'."
        )
    return found
