"""The official SDKs, unmodified, stream from the simulator, and what they count is what its log says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from lens_gate.simulator.log import RequestRecord, read_log
from lens_gate.simulator.server import SimulatorThread
from lens_gate.simulator.settings import SimulatorSettings
from lens_gate.vocabulary.requests import FinishReason

KEY = "sk-simulated-0123456789"
PROMPT = "Write a line about the sea. " * 60

pytestmark = pytest.mark.real


@dataclass(frozen=True, slots=True)
class Desk:
    """A running simulator, and its log up to now."""

    base_url: str
    log_path: Path
    flush: Callable[[], None]
    closing: list[Callable[[], None]] = field(default_factory=list)

    def records(self) -> list[RequestRecord]:
        self.flush()
        return list(read_log(self.log_path))

    def openai(self, key: str = KEY) -> openai.OpenAI:
        client = openai.OpenAI(base_url=f"{self.base_url}/v1", api_key=key, max_retries=0)
        self.closing.append(client.close)
        return client

    def anthropic(self, key: str = KEY) -> anthropic.Anthropic:
        client = anthropic.Anthropic(base_url=self.base_url, api_key=key, max_retries=0)
        self.closing.append(client.close)
        return client

    def google(self, key: str = KEY) -> genai.Client:
        client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=self.base_url))
        self.closing.append(client.close)
        return client


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    log_path = tmp_path / "log.jsonl"
    with SimulatorThread(SimulatorSettings(api_keys=frozenset({KEY}), log_path=log_path)) as simulator:
        desk = Desk(simulator.base_url, log_path, simulator.flush_log)
        yield desk
        for close in desk.closing:
            close()


def test_openai_chat_streams_text_and_the_same_usage_as_the_log(desk: Desk) -> None:
    chunks = list(
        desk.openai().chat.completions.create(
            model="sim-small",
            messages=[{"role": "user", "content": PROMPT}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    pieces = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]
    usage = chunks[-1].usage
    (record,) = desk.records()
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (record.prompt_tokens, record.output_tokens)
    assert len(pieces) == record.output_tokens == sum(tokens for _, tokens, _ in record.writes)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_openai_chat_reports_cached_tokens_of_a_repeated_prompt(desk: Desk) -> None:
    client = desk.openai()
    answers = [
        client.chat.completions.create(model="sim-small", messages=[{"role": "user", "content": PROMPT}])
        for _ in range(2)
    ]
    details = [answer.usage.prompt_tokens_details for answer in answers if answer.usage]
    cached = [detail.cached_tokens for detail in details if detail]
    assert cached == [record.cached_tokens for record in desk.records()]
    assert cached[0] == 0
    assert cached[1] is not None
    assert cached[1] > 256


def test_openai_chat_calls_a_tool_with_whole_arguments(desk: Desk) -> None:
    stream = desk.openai().chat.completions.create(
        model="sim-small+tool-call",
        messages=[{"role": "user", "content": "Look it up."}],
        tools=[{"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}],
        stream=True,
    )
    calls = [call for c in stream if c.choices for call in c.choices[0].delta.tool_calls or []]
    arguments = "".join(call.function.arguments or "" for call in calls if call.function)
    assert calls[0].function is not None
    assert calls[0].function.name == "search"
    assert arguments.startswith('{"query":"')
    assert arguments.endswith('"}')


def test_openai_responses_accumulates_text_and_the_same_usage_as_the_log(desk: Desk) -> None:
    with desk.openai().responses.stream(model="sim-thinker", input=PROMPT) as stream:
        events = list(stream)
        final = stream.get_final_response()
    (record,) = desk.records()
    assert final.usage is not None
    assert (final.usage.input_tokens, final.usage.output_tokens) == (record.prompt_tokens, record.output_tokens)
    assert final.usage.output_tokens_details.reasoning_tokens == record.reasoning_tokens == 32
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == final.output_text
    assert [item.type for item in final.output] == ["reasoning", "message"]
    assert final.status == "completed"


def test_openai_responses_cut_by_its_limit_is_incomplete(desk: Desk) -> None:
    events = list(desk.openai().responses.create(model="sim-small", input="Hi", max_output_tokens=3, stream=True))
    (record,) = desk.records()
    terminal = events[-1]
    assert terminal.type == "response.incomplete"
    assert terminal.response.incomplete_details is not None
    assert terminal.response.incomplete_details.reason == "max_output_tokens"
    assert record.finish_reason is FinishReason.LENGTH
    assert record.output_tokens == 3


def test_anthropic_accumulates_thoughts_text_and_the_same_usage_as_the_log(desk: Desk) -> None:
    with desk.anthropic().messages.stream(
        model="sim-thinker", max_tokens=2000, messages=[{"role": "user", "content": PROMPT}]
    ) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    (record,) = desk.records()
    assert (final.usage.input_tokens, final.usage.output_tokens) == (record.prompt_tokens, record.output_tokens)
    assert [block.type for block in final.content] == ["thinking", "text"]
    assert final.content[-1].type == "text"
    assert final.content[-1].text == text
    assert final.stop_reason == "end_turn"


def test_anthropic_counts_written_and_read_cache_apart(desk: Desk) -> None:
    client = desk.anthropic()
    usages = [
        client.messages.create(
            model="sim-small",
            max_tokens=5,
            system=[{"type": "text", "text": PROMPT, "cache_control": {"type": "ephemeral"}}],
            messages=[{"role": "user", "content": f"Question {number}"}],
        ).usage
        for number in range(2)
    ]
    records = desk.records()
    assert [usage.cache_read_input_tokens for usage in usages] == [record.cached_tokens for record in records]
    assert usages[0].cache_creation_input_tokens == usages[1].cache_read_input_tokens
    totals = [
        usage.input_tokens + (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
        for usage in usages
    ]
    assert totals == [record.prompt_tokens for record in records]


def test_google_streams_text_and_the_same_usage_as_the_log(desk: Desk) -> None:
    chunks = list(desk.google().models.generate_content_stream(model="sim-thinker", contents=PROMPT))
    usage = chunks[-1].usage_metadata
    (record,) = desk.records()
    assert usage is not None
    assert usage.prompt_token_count == record.prompt_tokens
    assert usage.thoughts_token_count == record.reasoning_tokens == 32
    assert (usage.candidates_token_count or 0) + 32 == record.output_tokens
    parts = [p for c in chunks for k in c.candidates or [] if k.content for p in k.content.parts or []]
    assert sum(1 for part in parts if part.thought) == record.reasoning_tokens
    assert sum(1 for part in parts if part.text and not part.thought) == record.output_tokens - 32


def test_google_answers_whole(desk: Desk) -> None:
    answer = desk.google().models.generate_content(
        model="sim-small", contents="Hi", config=types.GenerateContentConfig(max_output_tokens=4)
    )
    (record,) = desk.records()
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.candidates_token_count == record.output_tokens == 4
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS


def test_every_sdk_reports_a_wrong_key_as_its_own_authentication_error(desk: Desk) -> None:
    with pytest.raises(openai.AuthenticationError):
        desk.openai("wrong").models.list()
    with pytest.raises(openai.AuthenticationError):
        desk.openai("wrong").responses.create(model="sim-small", input="Hi")
    with pytest.raises(anthropic.AuthenticationError):
        desk.anthropic("wrong").messages.create(
            model="sim-small", max_tokens=5, messages=[{"role": "user", "content": "Hi"}]
        )
    with pytest.raises(genai.errors.ClientError) as caught:
        desk.google("wrong").models.generate_content(model="sim-small", contents="Hi")
    assert caught.value.code == 401


def test_every_sdk_reports_throttling_as_its_own_rate_limit_error(desk: Desk) -> None:
    model = "sim-small+fault=429"
    with pytest.raises(openai.RateLimitError) as throttled:
        desk.openai().responses.create(model=model, input="Hi")
    assert throttled.value.response.headers["retry-after"] == "1.000"
    with pytest.raises(anthropic.RateLimitError) as slowed:
        desk.anthropic().messages.create(model=model, max_tokens=5, messages=[{"role": "user", "content": "Hi"}])
    assert slowed.value.response.headers["retry-after"] == "1"
    with pytest.raises(genai.errors.ClientError) as exhausted:
        desk.google().models.generate_content(model=model, contents="Hi")
    assert (exhausted.value.code, exhausted.value.status) == (429, "RESOURCE_EXHAUSTED")


def test_every_sdk_notices_an_error_inside_a_stream(desk: Desk) -> None:
    model = "sim-small+fault=error-in-stream"
    with pytest.raises(openai.APIError):
        list(
            desk.openai().chat.completions.create(
                model=model, messages=[{"role": "user", "content": "Hi"}], stream=True
            )
        )
    # This API has an event for it, which the SDK hands on instead of raising.
    assert list(desk.openai().responses.create(model=model, input="Hi", stream=True))[-1].type == "error"
    with pytest.raises(anthropic.APIStatusError):
        list(
            desk.anthropic().messages.create(
                model=model, max_tokens=50, messages=[{"role": "user", "content": "Hi"}], stream=True
            )
        )
    with pytest.raises(genai.errors.APIError):
        list(desk.google().models.generate_content_stream(model=model, contents="Hi"))


def test_every_sdk_lists_the_models(desk: Desk) -> None:
    assert "sim-small" in {model.id for model in desk.openai().models.list()}
    assert "sim-small" in {model.id for model in desk.anthropic().models.list()}
    assert "models/sim-small" in {model.name for model in desk.google().models.list()}
