"""Configurations of the older dialect rewritten as today's, line by line, so that comments stay (pure)."""

from __future__ import annotations

import re

from lens_gate.config.load import LoadedConfig, Source, load_config


def migrate_config(text: str, name: str) -> str:
    """Return today's form of a configuration; the same text where there is nothing to change.

    Keys of the older dialect all load today. What changes: a file without `version` gets one, and the workload type
    `mixed` becomes `fixed`, which mixes prompts by weight as every type does (only where its rate is that of `fixed`).
    Raises ConfigProblem for a text that does not load.
    """
    loaded = load_config([Source(name, text)])
    return _with_version(_without_mixed(text, loaded), loaded)


def _without_mixed(text: str, loaded: LoadedConfig) -> str:
    workload = loaded.config.workload
    place = loaded.positions.get(("workload", "type"))
    if place is None or workload.type != "mixed" or (workload.fixed is None and workload.poisson is not None):
        return text
    lines = text.splitlines(keepends=True)
    index = place[1] - 1
    lines[index] = re.sub(r"""(\btype["']?\s*[:=]\s*["']?)mixed\b""", r"\1fixed", lines[index], count=1)
    return "".join(lines)


def _with_version(text: str, loaded: LoadedConfig) -> str:
    if "version" in loaded.tree or not loaded.tree:
        return text
    if next(iter(loaded.positions.values()))[0].lower().endswith(".toml"):
        return 'version = "1.0"\n\n' + text
    braces = re.match(r"(?:\s|#.*\n|---\s)*\{", text)
    if braces is not None:
        return text[: braces.end()] + '"version": "1.0", ' + text[braces.end() :]
    start = re.search(r"^---[ \t]*(?:#.*)?(?:\n|\Z)", text, flags=re.MULTILINE)
    head = start.end() if start is not None else 0
    return text[:head] + 'version: "1.0"\n\n' + text[head:]
