"""The rows of the table of keys that say what a verdict is published as."""

from __future__ import annotations

from collections.abc import Mapping

from lens_gate.config.status import Effect, Status

PUBLISHING: Mapping[str, Status] = {
    "publish.kinds": Effect(
        "steps", "what `ci` and `report` publish a verdict as: `auto`, or a list of what `--publish` takes"
    ),
    "publish.comment": Effect("steps", "when the comment on a pull request is written"),
    "publish.suite": Effect("steps", "the name of this result among others on the same commit; default: profiler.name"),
    "publish.board": Effect("steps", "the name of the comment; suites of one board share it"),
    "publish.strict": Effect("steps", "whether a verdict that cannot be published is exit 7 instead of a warning"),
}
