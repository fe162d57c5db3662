"""How a verdict is published, as far as a configuration says it that is wrong elsewhere (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue, ValidationError

from lens_gate.config.load import Source, read
from lens_gate.config.merge import merge
from lens_gate.config.model import Config, Profiler
from lens_gate.config.publish import Publish


@dataclass(frozen=True, slots=True, kw_only=True)
class Legible:
    """What can be made out; `named` is whether it is sure what a verdict goes by.

    A name that a key in its place might have changed is none: nothing would end a check, or clear a row, of it.
    """

    config: Config = field(default_factory=Config)
    named: bool = False


def legible(sources: Sequence[Source], *, whole: bool = True) -> Legible:
    """Return what files say of their publication, though they are wrong; `whole` is whether all could be opened.

    Variables are not known here, so that what waits for one is left out.
    """
    merged = merge([read(source) for source in sources])
    section, profiler = (_section(merged.tree.get(name)) for name in ("publish", "profiler"))
    kept = {key: value for key, value in section.items() if _holds(Publish, key, value)}
    name = profiler.get("name")
    known = {"name": name} if name is not None and _holds(Profiler, "name", name) else {}
    sure = whole and not merged.problems and len(kept) == len(section)
    return Legible(
        config=Config(publish=Publish.model_validate(kept), profiler=Profiler.model_validate(known)),
        named=sure and bool(known or kept.get("suite")),
    )


def _section(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _holds(model: type[Publish | Profiler], key: str, value: JsonValue) -> bool:
    """Whether a key is one of its section, and its value is right as it stands."""
    if "${" in str(value):
        return False
    try:
        model.model_validate({key: value})
    except ValidationError:
        return False
    return True
