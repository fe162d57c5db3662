"""Frames of each wire format, in detail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lens_gate.simulator.settings import ModelBehaviour
from lens_gate.simulator.wire_openai import go_duration
from lens_gate.vocabulary.requests import Api, FinishReason
from tests.unit.simulator.simulated_calls import APIS, PATHS, Answered, a_call, an_engine, answered, due_ms, kinds

LONG = "Tell me about the tide. " * 100


def an_answer(api: Api, model: str = "steady", **call: Any) -> Answered:
    return answered(an_engine(), a_call(api, model, **call))


def chat_deltas(answer: Answered) -> list[dict[str, Any]]:
    return [d["choices"][0]["delta"] for d in answer.data if isinstance(d, dict) and d["choices"]]


def gemini_parts(answer: Answered) -> list[dict[str, Any]]:
    return [part for d in answer.data for part in d["candidates"][0]["content"]["parts"]]


def test_chat_begins_with_the_role_alone_and_ends_with_done() -> None:
    answer = an_answer(Api.OPENAI_CHAT)
    first, *content, last = chat_deltas(answer)
    assert first == {"role": "assistant", "content": "", "refusal": None}
    assert all(delta.keys() == {"content"} and delta["content"] for delta in content)
    assert (len(content), last) == (10, {})
    assert answer.data[-1] == "[DONE]"
    assert answer.data[-2]["choices"][0]["finish_reason"] == "stop"
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert {name for name, _ in answer.events} == {None}


def test_chat_sends_usage_only_where_it_is_asked_for_and_null_before() -> None:
    silent = an_answer(Api.OPENAI_CHAT)
    assert all("usage" not in d for d in silent.data[:-1])
    asked = an_answer(Api.OPENAI_CHAT, stream_options={"include_usage": True})
    *frames, usage, done = asked.data
    assert done == "[DONE]"
    assert all(frame["usage"] is None for frame in frames)
    assert usage["choices"] == []
    assert usage["usage"]["prompt_tokens"] == 5
    assert usage["usage"]["completion_tokens"] == 10
    assert usage["usage"]["total_tokens"] == 15
    assert usage["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    assert usage["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0


def test_chat_counts_on_every_frame_where_continuous_usage_is_asked_for() -> None:
    answer = an_answer(
        Api.OPENAI_CHAT, "thinker", stream_options={"include_usage": True, "continuous_usage_stats": True}
    )
    counts = [frame["usage"]["completion_tokens"] for frame in answer.data[:-1]]
    assert counts == [*range(14), 13, 13]


def test_chat_streams_thoughts_as_reasoning_content() -> None:
    deltas = chat_deltas(an_answer(Api.OPENAI_CHAT, "thinker"))
    assert [next(iter(d)) for d in deltas[1:5]] == ["reasoning_content"] * 3 + ["content"]


def test_chat_names_the_tool_once_and_streams_its_arguments() -> None:
    answer = an_answer(Api.OPENAI_CHAT, "thinker+tool-call", tools=True)
    calls = [delta["tool_calls"][0] for delta in chat_deltas(answer) if "tool_calls" in delta]
    assert calls[0]["function"]["name"] == "search"
    assert calls[0]["id"].startswith("call_")
    assert all(call.keys() == {"index", "function"} for call in calls[1:])
    assert json.loads("".join(call["function"]["arguments"] for call in calls)).keys() == {"query"}
    assert answer.data[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_chat_refuses_in_a_field_of_its_own() -> None:
    answer = an_answer(Api.OPENAI_CHAT, "steady+fault=refusal")
    assert "".join(d.get("refusal") or "" for d in chat_deltas(answer)) == "I'm sorry, I can't help."
    assert answer.data[-2]["choices"][0]["finish_reason"] == "stop"


def test_responses_number_their_events_and_put_usage_into_the_last() -> None:
    answer = an_answer(Api.OPENAI_RESPONSES, "thinker")
    names = [name for name, _ in answer.events]
    assert names == [data["type"] for data in answer.data]
    assert [data["sequence_number"] for data in answer.data] == list(range(len(names)))
    assert names[:5] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
    ]
    assert names.count("response.reasoning_summary_text.delta") == 3
    assert names.count("response.output_text.delta") == 10
    assert names[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert answer.data[-1]["response"]["usage"] == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 13,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 18,
    }
    assert [data["response"]["usage"] for data in answer.data[:2]] == [None, None]


def test_responses_stream_the_text_that_they_end_with() -> None:
    answer = an_answer(Api.OPENAI_RESPONSES)
    text = "".join(d["delta"] for d in answer.data if d["type"] == "response.output_text.delta")
    (message,) = answer.data[-1]["response"]["output"]
    assert message["content"][0]["text"] == text
    assert message["status"] == "completed"


def test_responses_call_tools_and_refuse_by_events_of_their_own() -> None:
    call = an_answer(Api.OPENAI_RESPONSES, "steady+tool-call", tools=True)
    item = call.data[-1]["response"]["output"][0]
    assert (item["type"], item["name"]) == ("function_call", "search")
    deltas = [d["delta"] for d in call.data if d["type"] == "response.function_call_arguments.delta"]
    assert "".join(deltas) == item["arguments"]
    assert json.loads(item["arguments"]).keys() == {"query"}
    refusal = an_answer(Api.OPENAI_RESPONSES, "steady+fault=refusal")
    assert refusal.data[-1]["response"]["output"][0]["content"] == [
        {"type": "refusal", "refusal": "I'm sorry, I can't help."}
    ]
    assert [d["type"] for d in refusal.data].count("response.refusal.delta") == 8


def test_responses_that_are_cut_are_incomplete() -> None:
    last = an_answer(Api.OPENAI_RESPONSES, limit=3).data[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["status"] == "incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


def test_messages_begin_with_a_placeholder_and_end_with_cumulative_usage() -> None:
    answer = an_answer(Api.ANTHROPIC)
    names = [name for name, _ in answer.events]
    assert names == [
        "message_start",
        "ping",
        "content_block_start",
        *["content_block_delta"] * 10,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert names == [data["type"] for data in answer.data]
    assert answer.data[0]["message"]["usage"]["output_tokens"] == 1
    assert answer.data[-2]["usage"]["output_tokens"] == 10
    assert answer.data[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}


def test_messages_think_in_a_signed_block_of_their_own() -> None:
    data = an_answer(Api.ANTHROPIC, "thinker").data
    blocks = [d for d in data if d["type"].startswith("content_block")]
    assert [(d["index"], d.get("delta", {}).get("type")) for d in blocks] == [
        (0, None),
        *[(0, "thinking_delta")] * 3,
        (0, "signature_delta"),
        (0, None),
        (1, None),
        *[(1, "text_delta")] * 10,
        (1, None),
    ]


def test_messages_call_tools_by_partial_json_and_refuse_by_their_stop_reason() -> None:
    call = an_answer(Api.ANTHROPIC, "steady+tool-call", tools=True)
    start = next(d for d in call.data if d["type"] == "content_block_start")["content_block"]
    assert (start["type"], start["name"], start["input"]) == ("tool_use", "search", {})
    arguments = "".join(d["delta"]["partial_json"] for d in call.data if d["type"] == "content_block_delta")
    assert json.loads(arguments).keys() == {"query"}
    assert call.data[-2]["delta"]["stop_reason"] == "tool_use"
    assert an_answer(Api.ANTHROPIC, "steady+fault=refusal").data[-2]["delta"]["stop_reason"] == "refusal"


def test_messages_count_cached_tokens_apart_from_the_input_and_only_where_asked_to() -> None:
    engine = an_engine()
    system = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]
    usages = [answered(engine, a_call(Api.ANTHROPIC, "sim-small", system=system)).data[-2]["usage"] for _ in range(2)]
    assert [u["cache_creation_input_tokens"] for u in usages] == [576, 0]
    assert [u["cache_read_input_tokens"] for u in usages] == [0, 576]
    assert usages[0]["input_tokens"] == usages[1]["input_tokens"] == 606 - 576
    plain = answered(engine, a_call(Api.ANTHROPIC, "sim-small", system=LONG)).data[-2]["usage"]
    assert plain["cache_read_input_tokens"] == 0


def test_gemini_counts_on_every_event_with_thoughts_apart() -> None:
    answer = an_answer(Api.GOOGLE, "thinker")
    usages = [d["usageMetadata"] for d in answer.data]
    assert [u.get("thoughtsTokenCount") for u in usages] == [1, 2, 3, *[3] * 11]
    assert [u.get("candidatesTokenCount") for u in usages] == [None] * 3 + [*range(1, 11), 10]
    assert all(
        u["totalTokenCount"] == 5 + u.get("thoughtsTokenCount", 0) + u.get("candidatesTokenCount", 0) for u in usages
    )
    assert [part.get("thought") for part in gemini_parts(answer)[:4]] == [True, True, True, None]
    assert [d["candidates"][0].get("finishReason") for d in answer.data] == [None] * 13 + ["STOP"]
    assert answer.body.endswith(b"\r\n\r\n")


def test_gemini_without_sse_is_one_json_array_of_the_same_events() -> None:
    array = an_answer(Api.GOOGLE, target="/v1beta/models/steady:streamGenerateContent")
    events = an_answer(Api.GOOGLE)
    assert array.json == events.data
    assert array.headers["content-type"] == "application/json"
    assert kinds(array.script) == kinds(events.script)


def test_gemini_sends_a_call_whole_when_it_is_complete() -> None:
    answer = an_answer(Api.GOOGLE, "steady+tool-call", tools=True)
    call = gemini_parts(answer)[0]["functionCall"]
    assert (call["name"], call["args"].keys()) == ("search", {"query"})
    assert due_ms(answer.script, "tool") == [76.0]
    assert an_answer(Api.GOOGLE, "steady+tool-call", limit=3).data[0]["candidates"][0]["content"]["parts"] == [
        {"functionCall": {"name": "lookup", "args": {}}}
    ]


def test_gemini_refuses_for_safety() -> None:
    last = an_answer(Api.GOOGLE, "steady+fault=refusal").data[-1]
    assert last["candidates"][0]["finishReason"] == "SAFETY"


def test_gemini_reports_cached_tokens_inside_the_prompt() -> None:
    engine = an_engine()
    call = a_call(Api.GOOGLE, "sim-small", prompt=LONG)
    usages = [answered(engine, call).data[-1]["usageMetadata"] for _ in range(2)]
    assert "cachedContentTokenCount" not in usages[0]
    assert usages[1]["cachedContentTokenCount"] == 576
    assert usages[1]["promptTokenCount"] == usages[0]["promptTokenCount"] == 600


@pytest.mark.parametrize("api", APIS)
def test_frames_leave_when_the_model_has_their_tokens(api: Api) -> None:
    script = an_answer(api).script
    assert due_ms(script, "text") == [40.0 + 4 * i for i in range(10)]
    assert due_ms(script, "open", "head") == [20.0]
    assert due_ms(script, "ping") == ([30.0] if api is Api.ANTHROPIC else [])
    assert script.writes[-1].due_s == pytest.approx(0.076)


@pytest.mark.parametrize("api", APIS)
def test_whole_answers_say_and_bill_what_streams_do(api: Api) -> None:
    streamed, whole = an_answer(api, "thinker"), an_answer(api, "thinker", stream=False)
    assert whole.script.facts.counts == streamed.script.facts.counts
    assert len(whole.script.writes) == 1
    assert whole.script.writes[0].tokens == 13
    assert due_ms(whole.script, "reasoning") == [88.0]
    assert int(whole.headers["content-length"]) == len(whole.body)


def test_whole_answers_have_the_shape_of_their_api() -> None:
    chat = an_answer(Api.OPENAI_CHAT, "thinker", stream=False).json
    assert chat["choices"][0]["message"]["reasoning_content"].startswith("a note")
    assert chat["usage"]["completion_tokens_details"]["reasoning_tokens"] == 3
    called = an_answer(Api.OPENAI_CHAT, "steady+tool-call", stream=False, tools=True).json["choices"][0]
    assert (called["finish_reason"], called["message"]["content"]) == ("tool_calls", None)
    assert called["message"]["tool_calls"][0]["function"]["name"] == "search"
    responses = an_answer(Api.OPENAI_RESPONSES, "thinker", stream=False).json
    assert [item["type"] for item in responses["output"]] == ["reasoning", "message"]
    messages = an_answer(Api.ANTHROPIC, "thinker", stream=False).json
    assert [block["type"] for block in messages["content"]] == ["thinking", "text"]
    assert messages["content"][0]["signature"]
    used = an_answer(Api.ANTHROPIC, "steady+tool-call", stream=False, tools=True).json["content"][0]
    assert used["input"].keys() == {"query"}
    gemini = an_answer(Api.GOOGLE, "thinker", stream=False).json["candidates"][0]
    assert [part.get("thought") for part in gemini["content"]["parts"]] == [True, None]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("stream", [True, False])
def test_a_limit_of_tokens_ends_in_the_word_of_the_api(api: Api, *, stream: bool) -> None:
    answer = an_answer(api, limit=4, stream=stream)
    word = {
        Api.OPENAI_CHAT: b'"finish_reason":"length"',
        Api.OPENAI_RESPONSES: b'"reason":"max_output_tokens"',
        Api.ANTHROPIC: b'"stop_reason":"max_tokens"',
        Api.GOOGLE: b'"finishReason":"MAX_TOKENS"',
    }[api]
    assert word in answer.body.replace(b": ", b":")
    assert (answer.script.facts.finish_reason, answer.script.facts.counts.output) == (FinishReason.LENGTH, 4)


@pytest.mark.parametrize("api", APIS)
def test_several_tokens_in_a_frame_are_billed_one_by_one(api: Api) -> None:
    wide = ModelBehaviour(tokens_per_frame=4, output_tokens=10, output_sigma=0, cache=None)
    answer = answered(an_engine(models={"wide": wide}), a_call(api, "wide"))
    assert [write.tokens for write in answer.script.writes if write.tokens] == [4, 4, 2]
    assert answer.script.facts.counts.output == 10


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("prompt", ["a", "four", "five!", "naïve – 水"])
def test_prompts_are_one_token_for_every_four_characters(api: Api, prompt: str) -> None:
    counted = an_answer(api, prompt=prompt).script.facts.counts.prompt
    assert counted == -(-len(prompt) // 4)


def test_openai_tells_its_rate_limits_in_headers() -> None:
    for api in (Api.OPENAI_CHAT, Api.OPENAI_RESPONSES):
        headers = answered(an_engine(rate_limit_rps=2.0), a_call(api)).headers
        assert headers["x-ratelimit-limit-requests"] == "120"
        assert headers["x-ratelimit-remaining-requests"] == "1"
        assert headers["x-ratelimit-reset-requests"] == "500ms"
        assert headers["x-ratelimit-remaining-tokens"] == str(2_000_000 - 15)
        assert headers["openai-processing-ms"] == "20"
        assert headers["x-request-id"] == "req_000000000001"


def test_anthropic_tells_its_rate_limits_with_times() -> None:
    headers = answered(an_engine(rate_limit_rps=0.1), a_call(Api.ANTHROPIC)).headers
    assert headers["anthropic-ratelimit-requests-limit"] == "6"
    assert headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert headers["anthropic-ratelimit-requests-reset"] == "2023-11-14T22:13:30Z"
    assert headers["request-id"] == "req_000000000001"


def test_gemini_tells_no_rate_limits() -> None:
    assert not [name for name in an_answer(Api.GOOGLE).headers if "ratelimit" in name]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0ms"), (0.012, "12ms"), (1.5, "1.5s"), (59, "59s"), (360, "6m0s"), (61.2, "1m1s")]
)
def test_reset_times_are_written_as_openai_does(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


ERRORS = [
    ("500", 500, "server_error", "api_error", "INTERNAL"),
    ("429", 429, "requests", "rate_limit_error", "RESOURCE_EXHAUSTED"),
    ("529", 529, "service_unavailable_error", "overloaded_error", "UNAVAILABLE"),
    ("wrong-key", 401, "invalid_request_error", "authentication_error", "UNAUTHENTICATED"),
]


@pytest.mark.parametrize(("fault", "status", "openai", "anthropic", "google"), ERRORS)
def test_errors_have_the_shape_of_their_api(fault: str, status: int, openai: str, anthropic: str, google: str) -> None:
    answers = {api: an_answer(api, f"steady+fault={fault}") for api in APIS}
    assert {answer.status for answer in answers.values()} == {status}
    assert answers[Api.OPENAI_CHAT].json["error"]["type"] == openai
    assert answers[Api.OPENAI_RESPONSES].json["error"].keys() == {"message", "type", "param", "code"}
    assert answers[Api.ANTHROPIC].json["type"] == "error"
    assert answers[Api.ANTHROPIC].json["error"]["type"] == anthropic
    assert answers[Api.GOOGLE].json["error"]["status"] == google
    assert answers[Api.GOOGLE].json["error"]["code"] == status


def test_a_used_up_quota_is_not_a_rate_limit() -> None:
    answers = {api: an_answer(api, "steady+fault=quota") for api in APIS}
    assert answers[Api.OPENAI_CHAT].json["error"]["code"] == "insufficient_quota"
    assert answers[Api.ANTHROPIC].json["error"]["type"] == "billing_error"
    assert answers[Api.GOOGLE].json["error"]["details"][0]["@type"].endswith("QuotaFailure")
    assert not [a for a in answers.values() if "retry-after" in a.headers]


@pytest.mark.parametrize("fault", ["429", "529"])
def test_throttling_says_when_to_come_again(fault: str) -> None:
    chat = an_answer(Api.OPENAI_CHAT, f"steady+fault={fault}").headers
    assert (chat["retry-after"], chat["retry-after-ms"]) == ("1.000", "1000")
    assert an_answer(Api.ANTHROPIC, f"steady+fault={fault}").headers["retry-after"] == "1"
    details = an_answer(Api.GOOGLE, f"steady+fault={fault}").json["error"]["details"]
    assert details == [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.000s"}]


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model":3}', b"\xff", b'{"model":"m"}', b"[" * 5000])
def test_a_body_that_is_no_request_is_a_bad_request_in_the_shape_of_its_api(api: Api, body: bytes) -> None:
    call = a_call(api)
    answer = answered(
        an_engine(), type(call)(method="POST", target=call.target, headers={}, body=body, keep_alive=True)
    )
    assert answer.status == 400
    assert "error" in answer.json


def test_chat_without_any_model_is_a_bad_request_and_azure_names_it_in_the_path() -> None:
    assert an_answer(Api.OPENAI_CHAT, "").status == 400
    azure = an_answer(
        Api.OPENAI_CHAT, "", target="/openai/deployments/steady%2Bslower=100/chat/completions?api-version=1"
    )
    assert azure.data[0]["model"] == "steady+slower=100"
    assert due_ms(azure.script, "text")[0] == 80.0


@pytest.mark.parametrize(
    ("asked", "tokens", "finish"),
    [
        ({"ignore_eos": True, "max_tokens": 90}, 90, "length"),
        ({"min_tokens": 70}, 70, "stop"),
        ({"min_tokens": 70, "max_tokens": 50}, 50, "length"),
        ({"ignore_eos": True, "limit": 2}, 2, "length"),
    ],
)
def test_a_chat_answer_is_as_long_as_compatible_servers_can_be_told(
    asked: dict[str, Any], tokens: int, finish: str
) -> None:
    answer = an_answer(Api.OPENAI_CHAT, stream_options={"include_usage": True}, **asked)
    *_, choice, last = (one for one in answer.data if one != "[DONE]")
    assert (last["usage"]["completion_tokens"], choice["choices"][0]["finish_reason"]) == (tokens, finish)
