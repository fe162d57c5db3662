"""What the engine decides: who gets in, what each effect and fault does to the writes, and what the log will say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_gate.simulator.effects import Fault
from lens_gate.simulator.engine import wire_of
from lens_gate.simulator.faults import Ending
from lens_gate.simulator.routes import find_route
from lens_gate.vocabulary.requests import Api, FinishReason
from tests.unit.simulator.simulated_calls import APIS, PATHS, a_call, an_engine, answered, due_ms, kinds

KEYS = st.sampled_from(
    [
        *("model", "messages", "input", "contents", "parts", "text", "content", "tools", "function", "name", "stream"),
        *("max_tokens", "stream_options", "generationConfig", "system", "functionDeclarations"),
    ]
)
LONG = "Tell me about the tide. " * 100


def a_get(target: str, **headers: str) -> Any:
    return replace(a_call(Api.OPENAI_CHAT), method="GET", target=target, headers=headers, body=b"")


def test_one_seed_gives_the_same_answers_in_the_same_order_and_another_seed_others() -> None:
    def run(seed: int) -> list[list[float]]:
        engine = an_engine(seed=seed)
        return [due_ms(engine.answer(a_call(Api.OPENAI_CHAT, "sim-small"), 0.0), "text") for _ in range(5)]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_requests_to_other_models_in_between_change_nothing() -> None:
    alone, mixed = an_engine(), an_engine()
    call = a_call(Api.OPENAI_CHAT, "sim-small")
    expected = [due_ms(alone.answer(call, 0.0), "text") for _ in range(4)]
    seen = []
    for _ in range(4):
        mixed.answer(a_call(Api.ANTHROPIC, "sim-small+slower=10"), 0.0)
        seen.append(due_ms(mixed.answer(call, 0.0), "text"))
    assert seen == expected


def test_the_load_wave_is_the_same_for_all_models_at_one_moment() -> None:
    def factor(model: str, at_s: float) -> float:
        engines = [an_engine(seed=5) for _ in range(2)]
        first, later = (e.answer(a_call(Api.OPENAI_CHAT, model), t) for e, t in zip(engines, (0.0, at_s), strict=True))
        return due_ms(later, "open")[0] / due_ms(first, "open")[0]

    assert factor("sim-small", 20.0) == pytest.approx(factor("sim-large+slower=10", 20.0), rel=1e-4)
    assert factor("sim-small", 20.0) != pytest.approx(1.0, rel=1e-3)


def test_a_header_switches_effects_on_and_wins_over_the_model_name() -> None:
    engine = an_engine()
    headers = {"x-lens-simulate": "slower=100"}
    assert due_ms(engine.answer(a_call(Api.ANTHROPIC, headers=headers), 0.0), "text")[0] == 80.0
    both = a_call(Api.ANTHROPIC, "steady+slower=50", headers=headers)
    assert due_ms(engine.answer(both, 0.0), "text")[0] == 80.0


@pytest.mark.parametrize("api", APIS)
def test_an_unknown_effect_is_a_bad_request_that_names_the_nearest(api: Api) -> None:
    answer = answered(an_engine(), a_call(api, headers={"x-lens-simulate": "slowre=5"}))
    assert answer.status == 400
    assert "did you mean 'slower'?" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [{"authorization": "Bearer right"}, {"x-api-key": "right"}, {"api-key": "right"}, {"x-goog-api-key": "right"}],
)
def test_the_right_key_opens_from_wherever_an_api_puts_it(headers: dict[str, str]) -> None:
    engine = an_engine(api_keys=frozenset({"right"}))
    for api in APIS:
        assert answered(engine, a_call(api, headers=headers)).status == 200
        assert (
            answered(engine, a_call(api, headers={n: v.replace("right", "wrong") for n, v in headers.items()})).status
            == 401
        )
    assert answered(engine, a_call(Api.GOOGLE, target="/v1beta/models/steady:generateContent?key=right")).status == 200


def test_no_key_at_all_is_a_wrong_key_unless_every_key_will_do() -> None:
    assert answered(an_engine(api_keys=frozenset({"right"})), a_call(Api.OPENAI_CHAT)).status == 401
    assert answered(an_engine(), a_call(Api.OPENAI_CHAT)).status == 200


def test_a_wrong_key_is_never_repeated() -> None:
    engine = an_engine(api_keys=frozenset({"sk-right"}))
    call = a_call(Api.OPENAI_CHAT, headers={"authorization": "Bearer sk-wrong"})
    assert b"sk-" not in b"".join(write.data for write in engine.answer(call, 0.0).writes)
    assert "sk-" not in repr(call)
    assert "sk-" not in repr(a_get("/v1beta/models?key=sk-wrong"))


def test_more_requests_than_the_rate_limit_allows_are_throttled_until_it_has_filled_again() -> None:
    engine = an_engine(rate_limit_rps=1.0)
    statuses = [answered(engine, a_call(Api.OPENAI_CHAT), at_s) for at_s in (0.0, 0.25, 1.0)]
    assert [answer.status for answer in statuses] == [200, 429, 200]
    assert statuses[1].headers["retry-after"] == "0.750"


@pytest.mark.parametrize(("effect", "status"), [("errors=30", 500), ("throttle=30", 429), ("fault=529:30", 529)])
def test_a_share_of_requests_fails_as_asked(effect: str, status: int) -> None:
    engine = an_engine()
    call = a_call(Api.OPENAI_CHAT, f"steady+{effect}")
    statuses = [engine.answer(call, 0.0).facts.status for _ in range(600)]
    assert set(statuses) == {200, status}
    assert statuses.count(status) / 600 == pytest.approx(0.3, abs=0.06)


def test_a_model_may_fail_by_itself() -> None:
    behaviour = {"error_rate": 1.0}
    assert answered(an_engine(models={"bad": behaviour}), a_call(Api.OPENAI_CHAT, "bad")).status == 500
    assert answered(an_engine(models={"bad": {"throttle_rate": 1.0}}), a_call(Api.OPENAI_CHAT, "bad")).status == 429


def test_the_cache_serves_a_repeated_prompt_faster_unless_it_is_switched_off() -> None:
    engine = an_engine(models={"m": {"ttft_sigma": 0, "tail_probability": 0, "load_wave": None}})
    first, second = (engine.answer(a_call(Api.OPENAI_CHAT, "m", prompt=LONG), 0.0) for _ in range(2))
    assert (first.facts.counts.cached, second.facts.counts.cached) == (0, 576)
    assert due_ms(second, "text")[0] == pytest.approx(40 * (1 - 0.6 * 576 / 600))
    broken = [engine.answer(a_call(Api.OPENAI_CHAT, "m+no-cache", prompt=LONG), 0.0) for _ in range(2)]
    assert [script.facts.counts.cached for script in broken] == [0, 0]
    assert due_ms(broken[1], "text")[0] == pytest.approx(40)


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        (Fault.CUT, Ending.CLOSE),
        (Fault.END_EARLY, Ending.COMPLETE),
        (Fault.STALL, Ending.SILENCE),
        (Fault.RESET, Ending.RESET),
    ],
)
@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_breaks_off_sends_half_and_has_no_finish(api: Api, fault: Fault, ending: Ending) -> None:
    answer = answered(an_engine(), a_call(api, f"steady+fault={fault}"))
    script = answer.script
    assert script.ending is ending
    assert script.writes[-1].data.endswith(b"0\r\n\r\n") is (ending is Ending.COMPLETE)
    assert 0 < sum(write.tokens for write in script.writes) < 10
    assert "end" not in kinds(script)
    assert (script.facts.fault, script.facts.finish_reason) == (fault, FinishReason.NONE)
    assert script.facts.counts.output == 10


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("fault", [Fault.CUT, Fault.STALL, Fault.RESET])
def test_a_whole_answer_that_breaks_off_announces_more_than_it_sends(api: Api, fault: Fault) -> None:
    answer = answered(an_engine(), a_call(api, f"steady+fault={fault}", stream=False))
    assert int(answer.headers["content-length"]) > len(answer.body) > 0
    assert answer.script.ending is not Ending.COMPLETE


@pytest.mark.parametrize("api", APIS)
def test_a_whole_answer_that_is_damaged_is_no_json_and_has_its_true_length(api: Api) -> None:
    answer = answered(an_engine(), a_call(api, "steady+fault=malformed", stream=False))
    assert int(answer.headers["content-length"]) == len(answer.body)
    with pytest.raises(ValueError, match=r"."):
        _ = answer.json


@pytest.mark.parametrize("api", APIS)
def test_an_error_over_status_200_stands_alone_or_where_the_stream_breaks_off(api: Api) -> None:
    whole = answered(an_engine(), a_call(api, "steady+fault=error-in-stream", stream=False))
    assert (whole.status, "error" in whole.json) == (200, True)
    streamed = answered(an_engine(), a_call(api, "steady+fault=error-in-stream"))
    assert kinds(streamed.script)[-1] == "error"
    assert b"while generating" in streamed.script.writes[-1].data
    assert streamed.script.ending is Ending.COMPLETE


def test_errors_inside_streams_have_the_form_of_their_api() -> None:
    def tail(api: Api, **call: Any) -> bytes:
        return answered(an_engine(), a_call(api, "steady+fault=error-in-stream", **call)).body

    assert tail(Api.OPENAI_CHAT).endswith(b'"code":null}}\n\ndata: [DONE]\n\n')
    responses = answered(an_engine(), a_call(Api.OPENAI_RESPONSES, "steady+fault=error-in-stream"))
    assert [d["sequence_number"] for d in responses.data] == list(range(len(responses.data)))
    assert responses.events[-1][0] == "error"
    assert b"event: error\n" in tail(Api.ANTHROPIC)
    assert tail(Api.GOOGLE).endswith(b"}\r\n")
    assert b'\n{\n  "error"' in tail(Api.GOOGLE)
    array = answered(
        an_engine(),
        a_call(Api.GOOGLE, target="/v1beta/models/steady+fault=error-in-stream:streamGenerateContent"),
    )
    assert array.json[-1]["error"]["status"] == "INTERNAL"


@pytest.mark.parametrize("api", APIS)
def test_a_buffered_stream_comes_whole_at_its_end(api: Api) -> None:
    usual = answered(an_engine(), a_call(api))
    buffered = answered(an_engine(), a_call(api, headers={"x-lens-simulate": "fault=buffered"}))
    assert kinds(buffered.script) == ["head", "text"]
    assert buffered.script.writes[-1].due_s == usual.script.writes[-1].due_s
    assert buffered.script.writes[-1].tokens == 10
    assert buffered.body == usual.body


@pytest.mark.parametrize("api", APIS)
def test_slow_headers_delay_everything_by_the_stall(api: Api) -> None:
    script = an_engine(stall_s=7.0).answer(a_call(api, "steady+fault=slow-headers"), 0.0)
    assert script.writes[0].due_s == pytest.approx(7.02)
    assert due_ms(script, "text")[0] == pytest.approx(7040)


@pytest.mark.parametrize("api", APIS)
def test_one_frame_of_a_malformed_stream_is_no_json_and_the_rest_is(api: Api) -> None:
    answer = answered(an_engine(), a_call(api, "steady+fault=malformed"))
    assert kinds(answer.script).count("malformed") == 1
    broken = [data for data in answer.data if isinstance(data, str) and data != "[DONE]"]
    assert len(broken) == 1
    assert kinds(answer.script)[-1] == "end"


@pytest.mark.parametrize("api", APIS)
def test_an_empty_answer_is_whole_but_says_nothing(api: Api) -> None:
    script = an_engine().answer(a_call(api, "steady+fault=empty"), 0.0)
    assert sum(write.tokens for write in script.writes) == script.facts.counts.output == 0
    assert (kinds(script)[-1], script.facts.finish_reason) == ("end", FinishReason.STOP)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("stream", [True, False])
def test_a_page_of_a_gateway_comes_with_status_200(api: Api, *, stream: bool) -> None:
    answer = answered(an_engine(), a_call(api, "steady+fault=html", stream=stream))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!doctype html>")
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_the_log_learns_the_client_s_own_id() -> None:
    engine = an_engine()
    own = {"x-request-id": "theirs", "x-lens-request": "ours"}
    assert engine.answer(a_call(Api.OPENAI_CHAT, headers=own), 0.0).facts.request_id == "ours"
    del own["x-lens-request"]
    assert engine.answer(a_call(Api.OPENAI_CHAT, headers=own), 0.0).facts.request_id == "theirs"
    assert engine.answer(a_call(Api.OPENAI_CHAT), 0.0).facts.request_id is None
    long = {"x-request-id": "x" * 5000}
    assert engine.answer(a_call(Api.OPENAI_CHAT, headers=long), 0.0).facts.request_id == "x" * 200


def test_models_are_listed_in_the_style_of_the_api_that_asks() -> None:
    engine = an_engine()
    assert "sim-small" in [m["id"] for m in answered(engine, a_get("/v1/models")).json["data"]]
    anthropic = answered(engine, a_get("/v1/models", **{"anthropic-version": "2023-06-01"})).json
    assert anthropic["data"][0]["type"] == "model"
    assert anthropic["first_id"] == "sim-small"
    for page in (a_get("/v1beta/models"), a_get("/v1/models", **{"x-goog-api-key": "any"})):
        assert "models/steady" in [m["name"] for m in answered(engine, page).json["models"]]


def test_health_needs_no_key_but_lists_do() -> None:
    engine = an_engine(api_keys=frozenset({"right"}))
    assert answered(engine, a_get("/health")).json == {"status": "ok"}
    assert answered(engine, a_get("/v1/models")).status == 401
    assert answered(engine, a_get("/v1/models", authorization="Bearer right")).status == 200


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/v1/chat/completions"),
        ("PUT", "/v1/messages"),
        ("POST", "/v1/v1/chat/completions"),
        ("POST", "/v1/models"),
        ("POST", "/v1beta/models/m:countTokens"),
        ("POST", "/openai/deployments/a/b/chat/completions"),
    ],
)
def test_an_address_that_no_api_has_is_not_found(method: str, target: str) -> None:
    call = replace(a_call(Api.OPENAI_CHAT), method=method, target=target)
    answer = answered(an_engine(), call)
    assert answer.status == 404
    assert target in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("target", "api"),
    [
        ("/openai/v1/chat/completions", Api.OPENAI_CHAT),
        ("/openai/responses?api-version=preview", Api.OPENAI_RESPONSES),
        ("/openai/v1/responses", Api.OPENAI_RESPONSES),
        ("/v1/models/m:generateContent", Api.GOOGLE),
        ("/v1alpha/models/m%2Bfault=cut:50:streamGenerateContent", Api.GOOGLE),
    ],
)
def test_other_spellings_of_an_address_reach_the_same_api(target: str, api: Api) -> None:
    route = find_route("POST", target)
    assert getattr(route, "api", None) is api


def test_the_simulator_speaks_no_generic_api() -> None:
    with pytest.raises(ValueError, match="no API of its own"):
        wire_of(Api.GENERIC)


@settings(max_examples=150)
@given(
    st.sampled_from([*PATHS.values(), "/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent"]),
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
    st.text(max_size=12),
)
def test_no_request_is_too_strange_for_an_answer(target: str, body: bytes, effects: str) -> None:
    call = replace(a_call(Api.OPENAI_CHAT), target=target, body=body, headers={"x-lens-simulate": effects})
    assert answered(an_engine(), call).status in {200, 400}
