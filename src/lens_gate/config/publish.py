"""What a verdict is published as where a pipeline runs us."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lens_gate.config.section import Section
from lens_gate.vocabulary.publishing import CommentMode, Publication

Name = Annotated[str, Field(min_length=1, max_length=100)]


class Publish(Section):
    """Where `ci` and `report` publish a verdict; `kinds: auto` is all that the platform and the event allow."""

    kinds: Literal["auto"] | tuple[Publication, ...] = ()
    comment: CommentMode = CommentMode.ALWAYS
    suite: Name | None = None
    board: Name = "lens-gate"
    strict: bool = False
