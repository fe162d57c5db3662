"""Where the usual APIs write the parts of an answer: what is read where nobody says where they are."""

from __future__ import annotations

from collections.abc import Mapping

USUAL: Mapping[str, tuple[str, ...]] = {
    "text": (
        "$.choices[*].delta.content",
        "$.choices[*].message.content",
        "$.choices[*].text",
        "$.delta",
        "$.delta.text",
        "$.content[*].text",
        "$.candidates[*].content.parts[*].text",
        "$.message.content",
        "$.output[*].content[*].text",
        "$.response",
        "$.token.text",
        "$.generated_text",
        "$[*].generated_text",
    ),
    "reasoning": (
        "$.choices[*].delta.reasoning_content",
        "$.choices[*].message.reasoning_content",
        "$.delta.thinking",
        "$.message.thinking",
    ),
    "input_tokens": (
        "$.usage.prompt_tokens",
        "$.usage.input_tokens",
        "$.message.usage.input_tokens",
        "$.response.usage.input_tokens",
        "$.usageMetadata.promptTokenCount",
        "$.prompt_eval_count",
    ),
    "output_tokens": (
        "$.usage.completion_tokens",
        "$.usage.output_tokens",
        "$.response.usage.output_tokens",
        "$.usageMetadata.candidatesTokenCount",
        "$.eval_count",
    ),
    "cached_tokens": ("$.usage.prompt_tokens_details.cached_tokens", "$.usageMetadata.cachedContentTokenCount"),
    "finish_reason": (
        "$.choices[*].finish_reason",
        "$.delta.stop_reason",
        "$.stop_reason",
        "$.candidates[*].finishReason",
        "$.done_reason",
    ),
    "model": ("$.model", "$.message.model", "$.response.model", "$.modelVersion"),
}
"""JSON paths by the part of an answer; whatever any of them finds counts."""
