"""Where in the repository a check's breach belongs: the line of its rule, else that of the model it is about."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from lens_gate.config.load import LoadedConfig
from lens_gate.reports.page import Row
from lens_gate.reports.published import Place

Places: TypeAlias = Callable[[Row], Place | None]

_FILE_AND_LINE = re.compile(r"(?P<file>.+):(?P<line>[1-9][0-9]{0,8})")


def no_places(_: Row) -> Place | None:
    """Know no place: for a verdict whose repository is not here."""
    return None


def places_in(loaded: LoadedConfig | None, *, directory: Path, root: Path) -> Places:
    """Return what finds the place of a check; paths are from `root`, in whose folder `directory` we run.

    A file outside of the repository has no place in it.
    """
    models = _models(loaded) if loaded else {}

    def place_of(row: Row) -> Place | None:
        written = row.place or models.get(row.series or "")
        found = _FILE_AND_LINE.fullmatch(written or "")
        path = _from_root(found["file"], directory, root) if found else None
        return (path, int(found["line"])) if found and path else None

    return place_of


def _models(loaded: LoadedConfig) -> dict[str, str]:
    """Return the place of each configured model by its series, as `PROVIDER/MODEL`."""
    return {
        f"{provider.name}/{model.id}": loaded.place(("providers", index, "models", number))
        for index, provider in enumerate(loaded.config.providers)
        for number, model in enumerate(provider.models)
    }


def _from_root(name: str, directory: Path, root: Path) -> str | None:
    path = Path(os.path.normpath(directory / name))
    return PurePosixPath(path.relative_to(root)).as_posix() if path.is_relative_to(root) else None
