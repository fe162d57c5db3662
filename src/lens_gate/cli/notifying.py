"""The options that tell of a verdict those who do not look at the pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from lens_gate.cli.options import grouped
from lens_gate.errors import PublishFailed
from lens_gate.steps.archived.told_before import memory_of
from lens_gate.steps.judging.judge import Judgement, Rules
from lens_gate.steps.publishing.notifying import notify
from lens_gate.steps.world import World
from lens_gate.stores.base import Store

_strict_option = click.option("--notify-strict", is_flag=True, help="Exit with 7 where a notification cannot be sent.")

notify_options = grouped(
    click.option(
        "--no-notify", is_flag=True, help="Send none of the configuration's notifications (docs/notifications.md)."
    ),
    _strict_option,
)

notify_asked_options = grouped(
    click.option(
        "--notify", is_flag=True, help="Send the configuration's notifications of each verdict (docs/notifications.md)."
    ),
    _strict_option,
)


def notified(
    verdict: Judgement,
    judged_by: Rules,
    options: Mapping[str, Any],
    here: World,
    *,
    stores: Sequence[Store] = (),
) -> tuple[PublishFailed, ...]:
    """Tell of a verdict unless the command line says not to; return the failures that count.

    What was told before lies in the first of the `stores` that the run went to, else in one that the configuration
    names.
    """
    loaded = judged_by.loaded
    if options.get("no_notify") or loaded is None or not loaded.config.regression.notifications:
        return ()
    store = stores[0] if stores else memory_of(loaded, here)
    return notify(verdict, judged_by, here, store=store, strict=options["notify_strict"])
