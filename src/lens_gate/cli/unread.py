"""What is published where the rules of a command cannot be read: that there is no verdict, as on any other failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from lens_gate.cli.publishing import Names, give_up, names_of, wish_of
from lens_gate.cli.wiring import read_sources
from lens_gate.config.legible import Legible, legible
from lens_gate.config.load import Source
from lens_gate.errors import LensGateError
from lens_gate.steps.judging.judge import Rules
from lens_gate.steps.publishing.names import bounded
from lens_gate.steps.world import World


@contextmanager
def closing_unread(
    options: Mapping[str, Any], here: World, *, measures: bool = False, alone: bool = True
) -> Iterator[None]:
    """Do what `closing_check` does while rules are read: by the names, and the wish, that can be made out without them.

    Else what an earlier commit was worth would stand there for one that breaks its configuration. The words are our
    own, as whoever `measures` has them.
    """
    try:
        yield
    except BaseException as error:
        # The words that say where to publish may be what is wrong.
        with suppress(LensGateError):
            said = _made_out(options)
            wish = wish_of(options, said.config.publish, here.environment)
            wish = replace(wish, kinds=()) if options.get("dry_run") else wish
            names = _names(options, said, here, measures=measures, alone=alone)
            give_up(error, names, wish, here, vouched=True)
        raise


def _made_out(options: Mapping[str, Any]) -> Legible:
    """Read what can be read of the configuration files that are given, or that lie here."""
    asked: list[tuple[str, ...]] = [(name,) for name in options["configs"]] or [()]
    found: list[tuple[Source, ...]] = []
    for names in asked:
        with suppress(LensGateError):
            found.append(read_sources(names))
    return legible([one for sources in found for one in sources], whole=len(found) == len(asked))


def _names(options: Mapping[str, Any], said: Legible, here: World, *, measures: bool, alone: bool) -> Names:
    if not said.named:
        given = tuple(map(bounded, options["suites"]))
        return Names(given, given)
    judged_by = Rules(config=said.config, loaded=None, baselines=())
    names = names_of(options, judged_by, here, alone=alone)
    return names.measured(judged_by) if measures else names
