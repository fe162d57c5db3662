from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.artifacts.codec import SCHEMA_VERSIONS, dumps, loads
from lens_gate.artifacts.journal import SAMPLES_KIND, SAMPLES_VERSION
from lens_gate.artifacts.migrations import STEPS, Document, Steps, migrate, oldest_version
from lens_gate.errors import ArtifactCorrupt
from tests.builders import a_run

DOCUMENTS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5),
    max_size=4,
)


def rename(document: Document) -> Document:
    return {**{key: value for key, value in document.items() if key != "carrier"}, "transport": document.get("carrier")}


PLANTED: Steps = {
    ("run", -1): lambda document: {**document, "carrier": document.get("client")},
    ("run", 0): lambda document: {key: value for key, value in rename(document).items() if key != "client"},
    ("analysis", -1): lambda document: document,
}


def test_every_version_from_the_first_on_has_a_chain_of_steps_to_the_current_one() -> None:
    current = {SAMPLES_KIND: SAMPLES_VERSION} | {str(kind): number for kind, number in SCHEMA_VERSIONS.items()}
    assert {kind: oldest_version(kind, current=version) for kind, version in current.items()} == dict.fromkeys(
        current, 1
    )


@given(DOCUMENTS)
def test_the_steps_accept_any_document_and_leave_it_alone(document: Document) -> None:
    before = repr(document)
    for (kind, start), step in {**STEPS, **PLANTED}.items():
        assert isinstance(step(document), dict), (kind, start)
    assert repr(document) == before


@given(DOCUMENTS)
def test_a_current_document_comes_back_as_it_is(document: Document) -> None:
    once = migrate(document, kind="run", version=-1, current=1, steps=PLANTED)
    assert migrate(once, kind="run", version=1, current=1, steps=PLANTED) == once


def test_an_old_artifact_is_read_step_by_step() -> None:
    old = dumps(a_run()).replace(b'"schema_version":1', b'"schema_version":-1').replace(b'"transport":', b'"client":')
    assert loads(old, name="run.json", steps=PLANTED) == a_run()


def test_a_gap_in_the_chain_makes_older_versions_unreadable() -> None:
    assert oldest_version("run", current=1, steps=PLANTED) == -1
    assert oldest_version("analysis", current=1, steps=PLANTED) == 1
    old = dumps(a_run()).replace(b'"schema_version":1', b'"schema_version":-2')
    with pytest.raises(ArtifactCorrupt, match="schema_version -2 never existed"):
        loads(old, name="run.json", steps=PLANTED)
