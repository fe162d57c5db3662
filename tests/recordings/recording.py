"""Reading the transcripts of this folder; README.md says how they are written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lens_gate.config.model import GenericHttp
from lens_gate.providers.base import Decoder, Event, ResponseHead, Token, Usage
from lens_gate.providers.select import provider_for
from lens_gate.vocabulary.requests import Api

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One response as a server sent it, and what must be understood from it."""

    api: Api
    name: str
    head: ResponseHead
    body: bytes
    stream: bool
    generic: GenericHttp | None
    events: list[dict[str, Any]]

    def __str__(self) -> str:
        return f"{self.api}/{self.name}"

    def decoder(self) -> Decoder:
        return provider_for(self.api, self.generic).decoder(self.head, stream=self.stream)


STRETCH = 16
"""Pieces that a decoder is shown at once."""


def decode(recording: Recording, pieces: Iterable[bytes]) -> list[Event]:
    """Feed the body in pieces and return all events."""
    return fed(recording.decoder(), pieces)


def fed(decoder: Decoder, pieces: Iterable[bytes]) -> list[Event]:
    """Feed pieces as a run does, and as many of them at once as the decoder takes, and return all events."""
    reads = [piece for piece in pieces if piece]
    events: list[Event] = []
    at = 0
    while at < len(reads):
        run = decoder.feed_run(reads[at : at + STRETCH])
        events += decoder.feed(reads[at]) if run is None else [Token(run.kind, text) for text in run.texts]
        at += 1 if run is None else len(run.texts)
    return [*events, *decoder.close()]


def as_json(event: Event) -> dict[str, Any]:
    """Write an event as recordings do: its type, and the fields that are not None."""
    fields = event._asdict() if isinstance(event, Token | Usage) else asdict(event)
    return {"event": type(event).__name__, **{k: v for k, v in fields.items() if v is not None}}


def all_recordings() -> list[Recording]:
    """Read every transcript."""
    return [_read(path) for path in sorted(FOLDER.glob("*/*.http"))]


def _read(path: Path) -> Recording:
    head, _, body = path.read_bytes().partition(b"\n\n")
    status, *lines = head.decode().splitlines()
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    headers = dict(line.split(": ", 1) for line in lines)
    generic = expected.get("generic")
    return Recording(
        api=Api(path.parent.name),
        name=path.stem,
        head=ResponseHead(status=int(status.split()[1]), headers=headers),
        body=body,
        stream=expected["stream"],
        generic=GenericHttp.model_validate(generic) if generic else None,
        events=expected["events"],
    )
