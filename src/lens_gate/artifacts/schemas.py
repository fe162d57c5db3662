"""The JSON Schemas of the artifacts, as published in `schemas/` and by `lens-gate schema KIND`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial

from pydantic import JsonValue

from lens_gate.artifacts.codec import MODELS, SCHEMA_VERSIONS
from lens_gate.artifacts.envelope import Kind


def json_schema(kind: Kind) -> dict[str, JsonValue]:
    """Return the schema (draft 2020-12) of the version that this lens-gate writes."""
    schema = MODELS[kind].model_json_schema()
    schema["properties"]["schema_version"] = {"const": SCHEMA_VERSIONS[kind], "title": "Schema Version"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:lens-gate:artifact:{kind}:{SCHEMA_VERSIONS[kind]}",
        **schema,
    }


def schema_text(kind: Kind) -> str:
    """Return the text of the published file: indented, in the order of the models, with a final line break."""
    return json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"


def generated_schemas() -> Mapping[str, Callable[[], str]]:
    """Return the published files, by their path from the root of the project, each with what makes its text."""
    return {f"schemas/{kind}.schema.json": partial(schema_text, kind) for kind in MODELS}
