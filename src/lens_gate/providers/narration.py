"""What one response has told so far: the part of decoding that is the same in every dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from lens_gate.providers.base import End, Finish, ModelReturned, Token, Usage
from lens_gate.providers.json_values import text
from lens_gate.vocabulary.requests import FinishReason, TokenKind

_LONGEST_NAME = 200
_NO_COUNTS = Usage()
_NOTHING = ()

_REASONS: Mapping[str, FinishReason] = {
    # OpenAI Chat and Responses, Anthropic, Gemini, and servers that speak like them; in lower case
    **dict.fromkeys(("stop", "completed", "end_turn", "stop_sequence", "eos", "eos_token"), FinishReason.STOP),
    **dict.fromkeys(
        ("length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"),
        FinishReason.LENGTH,
    ),
    **dict.fromkeys(("tool_calls", "tool_use", "function_call"), FinishReason.TOOL),
    **dict.fromkeys(("content_filter", "refusal", "safety", "image_safety", "recitation"), FinishReason.REFUSAL),
    **dict.fromkeys(("blocklist", "prohibited_content", "spii", "model_armor"), FinishReason.REFUSAL),
}


class Narration:
    """Turns raw values into events, drops what says nothing, and says nothing twice."""

    def __init__(self) -> None:
        self.finished = False
        self.last_kind: TokenKind | None = None
        self._model = ModelReturned("")
        self._last_named: tuple[JsonValue, JsonValue] = (None, None)
        self._usage = _NO_COUNTS

    def token(self, kind: TokenKind, piece: JsonValue, tokens: int | None = None) -> Sequence[Token]:
        """Tell a generated piece; an empty one, or one that is no text, is none."""
        if not isinstance(piece, str) or not piece:
            return _NOTHING
        self.last_kind = kind
        return (Token(kind, piece, tokens),)

    def model(self, name: JsonValue, fingerprint: JsonValue = None) -> Sequence[ModelReturned]:
        """Tell the model when it is first named, and when its name or fingerprint changes."""
        if (name, fingerprint) == self._last_named:
            return _NOTHING
        self._last_named = (name, fingerprint)
        told = ModelReturned(
            text(name)[:_LONGEST_NAME] or self._model.model,
            text(fingerprint)[:_LONGEST_NAME] or self._model.fingerprint,
        )
        if told == self._model or not told.model:
            return _NOTHING
        self._model = told
        return (told,)

    def usage(self, told: Usage) -> Sequence[Usage]:
        """Tell counts that are new, completed by earlier ones where the server leaves some out."""
        if told == _NO_COUNTS:
            return _NOTHING
        merged = told if None not in told else _completed(told, self._usage)
        if merged == self._usage:
            return _NOTHING
        self._usage = merged
        return (merged,)

    def finish(self, raw: JsonValue, reason: FinishReason | None = None) -> Sequence[Finish]:
        """Tell why generation ended, if `raw` says so.

        Some APIs report a call of a tool, or a refusal, as an ordinary stop: then the last piece decides.
        """
        word = text(raw)[:_LONGEST_NAME]
        if not word:
            return _NOTHING
        self.finished = True
        meant = reason or _REASONS.get(word.lower(), FinishReason.OTHER)
        if meant is FinishReason.STOP and self.last_kind is TokenKind.TOOL:
            meant = FinishReason.TOOL
        if meant is FinishReason.STOP and self.last_kind is TokenKind.REFUSAL:
            meant = FinishReason.REFUSAL
        return (Finish(meant, word),)

    def end_if_finished(self) -> Sequence[End]:
        """Tell the end of an API that has no end marker of its own: a reason to stop, then the body's end."""
        return (End(),) if self.finished else _NOTHING


def _completed(told: Usage, before: Usage) -> Usage:
    return Usage(
        input=before.input if told.input is None else told.input,
        output=before.output if told.output is None else told.output,
        cached=before.cached if told.cached is None else told.cached,
        cache_write=before.cache_write if told.cache_write is None else told.cache_write,
        reasoning=before.reasoning if told.reasoning is None else told.reasoning,
    )
