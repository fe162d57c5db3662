"""What a configuration says of its publication that is wrong elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lens_gate.config.legible import Legible, legible
from lens_gate.config.load import Source
from lens_gate.vocabulary.publishing import Publication

WRONG: dict[str, Any] = {"providerz": []}


def made_out(*parts: dict[str, Any], whole: bool = True) -> Legible:
    sources = [Source(f"{number}.yaml", json.dumps(part)) for number, part in enumerate(parts)]
    return legible(sources, whole=whole)


def test_a_wrong_key_elsewhere_hides_nothing() -> None:
    said = made_out(WRONG | {"publish": {"kinds": ["check"], "board": "night"}, "profiler": {"name": "bot", "sed": 1}})
    assert said.named
    assert said.config.profiler.name == "bot"
    assert (said.config.publish.kinds, said.config.publish.board) == ((Publication.CHECK,), "night")


def test_of_several_files_all_count() -> None:
    said = made_out(WRONG | {"profiler": {"name": "bot"}}, {"publish": {"suite": "chat"}})
    assert (said.named, said.config.publish.suite) == (True, "chat")


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"profiler": {"nmae": "bot"}},
        {"profiler": {"name": ["bot"]}},
        {"profiler": {"name": "${BOT}"}},
        {"profiler": "bot"},
        {"profiler": {"name": "bot"}, "publish": {"siute": "chat"}},
        {"profiler": {"name": "bot"}, "publish": {"suite": "${CHAT}"}},
    ],
)
def test_a_name_that_is_not_sure_is_none(part: dict[str, Any]) -> None:
    assert not made_out(WRONG | part).named


def test_what_is_right_in_a_section_is_taken_though_another_key_of_it_is_wrong() -> None:
    said = made_out({"publish": {"board": "night", "coment": "off"}})
    assert (said.named, said.config.publish.board) == (False, "night")


def test_what_another_file_might_say_makes_a_name_unsure() -> None:
    bot = {"profiler": {"name": "bot"}}
    assert made_out(bot).named
    assert not made_out(bot, whole=False).named
    assert not made_out(bot, bot).named
    assert not legible([Source("a.yaml", "publish: {board: night"), Source("b.yaml", "profiler: {name: bot}")]).named
