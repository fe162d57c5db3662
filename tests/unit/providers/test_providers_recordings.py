"""Every transcript gives the events written beside it, however its bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import settings

from lens_gate.providers.base import End
from lens_gate.vocabulary.requests import Api
from tests.recordings.recording import Recording, all_recordings, as_json, decode

RECORDINGS = all_recordings()
SCENARIOS = ("cut", "html_page", "error_401", "error_429", "error_500", "error_529")
STRIDE = 1 if settings.get_current_profile_name() == "proof" else 7
"""How far apart the cuts are inside of lines; `--hypothesis-profile proof` cuts at every byte."""

OF_A_MODEL = ("text", "reasoning", "tools", "cached_usage", "length", "refusal", "error_in_stream", "whole")


@pytest.mark.parametrize("recording", RECORDINGS, ids=str)
def test_a_recording_gives_its_events(recording: Recording) -> None:
    assert [as_json(event) for event in decode(recording, [recording.body])] == recording.events


@pytest.mark.proving
@pytest.mark.parametrize("recording", RECORDINGS, ids=str)
def test_a_cut_at_any_byte_changes_nothing(recording: Recording) -> None:
    body = recording.body
    whole = decode(recording, [body])
    for at in range(len(body)):
        if at % STRIDE == 0 or b"\n" in body[at - 2 : at + 2]:
            assert decode(recording, [body[:at], body[at:]]) == whole, f"cut at byte {at}"


@pytest.mark.proving
@pytest.mark.parametrize("recording", RECORDINGS, ids=str)
def test_single_bytes_and_empty_reads_change_nothing(recording: Recording) -> None:
    pieces = [piece for i in range(len(recording.body)) for piece in (b"", recording.body[i : i + 1])]
    assert decode(recording, pieces) == decode(recording, [recording.body])


@pytest.mark.parametrize("recording", [r for r in RECORDINGS if "End" in [e["event"] for e in r.events]], ids=str)
def test_a_body_without_its_last_half_is_not_whole(recording: Recording) -> None:
    events = decode(recording, [recording.body[: len(recording.body) // 2]])
    assert not [event for event in events if isinstance(event, End)]


def test_a_closed_decoder_says_nothing_more() -> None:
    for recording in RECORDINGS:
        decoder = recording.decoder()
        decoder.feed(recording.body)
        decoder.close()
        assert [*decoder.feed(recording.body), *decoder.close()] == [], str(recording)


@pytest.mark.parametrize("api", [Api.OPENAI_CHAT, Api.OPENAI_RESPONSES, Api.ANTHROPIC, Api.GOOGLE])
def test_every_api_has_its_recordings(api: Api) -> None:
    names = {recording.name for recording in RECORDINGS if recording.api is api}
    assert names >= {*SCENARIOS, *OF_A_MODEL}
