"""The head of a journal: it comes back as it was, and what is none is refused with the place that is wrong."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from lens_gate.artifacts.run_head import read_head
from lens_gate.errors import ArtifactCorrupt
from tests.builders import a_run_head

HEAD = a_run_head()


def test_a_head_comes_back_from_its_journal() -> None:
    assert read_head(HEAD.model_dump(mode="json"), name="x") == HEAD


@pytest.mark.parametrize(
    ("head", "where"),
    [
        (None, "run_head"),
        ({**HEAD.model_dump(mode="json"), "percentiles": ["half"]}, "percentiles.0"),
    ],
)
def test_what_describes_no_run_is_told_with_its_place(head: JsonValue, where: str) -> None:
    with pytest.raises(ArtifactCorrupt, match=rf"does not describe a run \(`{where}`: ") as caught:
        read_head(head, name="run.samples.jsonl.gz")
    assert caught.value.place == "run.samples.jsonl.gz"
    assert caught.value.hint
