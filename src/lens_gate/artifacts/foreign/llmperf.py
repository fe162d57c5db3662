"""llmperf's `*_individual_responses.json`: a list of requests, and beside it `*_summary.json` with the model.

Times are seconds from the send of a request, and nothing says when that was; llmperf is a closed loop, so a request is
due when it is sent. `inter_token_latency_s` is the time of the last token divided by a number of tokens: until April
2024 by `number_output_tokens`, after that by one that is not in the file. The earlier files are told by a throughput
that counts chunks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from pydantic import ConfigDict, RootModel

from lens_gate.artifacts.foreign.failures import class_of
from lens_gate.artifacts.foreign.reading import Count, EpochSeconds, Lenient, Seconds, ns, validated
from lens_gate.artifacts.foreign.recording import Names, Recording, Source, a_plan, blank, recorded
from lens_gate.artifacts.samples import Sample
from lens_gate.errors import ArtifactProblem
from lens_gate.vocabulary.requests import ErrorClass, TokenSource, status_of

TOOL = "llmperf"
MARKS = (b'"ttft_s"', b'"end_to_end_latency_s"')
SUMMARY_MARKS = (b'"num_concurrent_requests"', b'"model"')
"""What the beginnings of the two files hold."""

_LIST = "Give the list of requests, *_individual_responses.json; *_summary.json may stand beside it."
_OWN_NAME = re.compile(r"(_\d+_\d+)?_(individual_responses|summary)$")
_UNTIMED = "they do not say when a request was sent, so there are no rates and no time series"
_TOKENS = "llmperf counts tokens with one tokenizer for all models"
_NO_LAST_TOKEN = "the time of the last token does not follow from them, so there is no time per token"
_HALF = 0.5


class _Request(Lenient):
    error_code: int | str | None = None
    error_msg: str = ""
    ttft_s: Seconds
    end_to_end_latency_s: Seconds
    inter_token_latency_s: Seconds = 0.0
    request_output_throughput_token_per_s: float = 0.0
    number_input_tokens: Count
    number_output_tokens: Count

    @property
    def failed(self) -> bool:
        return self.error_code is not None or bool(self.error_msg)


class _Requests(RootModel[list[_Request]]):
    model_config = ConfigDict(frozen=True)


class _Summary(Lenient):
    model: str
    timestamp: EpochSeconds | None = None
    num_concurrent_requests: Count | None = None


def read(sources: Sequence[Source], names: Names) -> tuple[Recording, ...]:
    """Translate lists of requests, each with the summary of its name. Raises ArtifactCorrupt and ArtifactProblem."""
    summaries = {_stem(one): validated(_Summary, one) for one in sources if _is_summary(one)}
    lists = [one for one in sources if not _is_summary(one)]
    if not lists:
        raise ArtifactProblem(
            "this is a summary, which holds no requests", place=", ".join(one.name for one in sources), hint=_LIST
        )
    return tuple(_recording(one, names, summaries.get(_stem(one))) for one in lists)


def _is_summary(source: Source) -> bool:
    return source.data.lstrip()[:1] == b"{" and all(mark in source.data for mark in SUMMARY_MARKS)


def _stem(source: Source) -> str:
    return _OWN_NAME.sub("", _base(source))


def _base(source: Source) -> str:
    return source.name.rsplit("/", 1)[-1].removesuffix(".gz").removesuffix(".json")


def _called(source: Source) -> tuple[str, str]:
    """Return provider and model by the name of the file: llmperf's own holds the model, else it is PROVIDER_MODEL."""
    stem = _stem(source)
    provider, _, model = stem.partition("_")
    return (provider, model) if model and stem == _base(source) else (TOOL, stem)


def _recording(source: Source, names: Names, summary: _Summary | None) -> Recording:
    requests = validated(_Requests, source, lacking=_LIST).root
    provider, model = _called(source)
    known = blank(names, provider=provider, model=summary.model if summary else model)
    by_tokens = _divided_by_tokens(requests)
    ended = summary.timestamp if summary else None
    return Recording(
        source=source.name,
        tool=TOOL,
        requests=tuple(
            recorded(_sample(one, known, paced=by_tokens), place=f"{source.name}, request {number}")
            for number, one in enumerate(requests)
        ),
        plan=a_plan(
            requests=len(requests),
            arrival="closed loop",
            concurrency=summary.num_concurrent_requests if summary else None,
        ),
        started=None if ended is None else datetime.fromtimestamp(ended, UTC),
        timed=False,
        remarks=(_UNTIMED, _TOKENS, *(() if by_tokens else (_NO_LAST_TOKEN,))),
    )


def _divided_by_tokens(requests: Sequence[_Request]) -> bool:
    """Whether the file is of the earlier form: its throughput counts chunks, which are another number than tokens."""
    counted = (
        one.request_output_throughput_token_per_s * one.end_to_end_latency_s - one.number_output_tokens
        for one in requests
        if not one.failed and one.ttft_s
    )
    return any(abs(difference) > _HALF for difference in counted)


def _sample(one: _Request, known: Sample, *, paced: bool) -> Sample:
    error, http_status = _failure(one)
    end = ns(one.end_to_end_latency_s) or None
    last = ns(one.inter_token_latency_s * one.number_output_tokens) if paced and one.ttft_s else None
    return replace(
        known,
        first_token_ns=ns(one.ttft_s) or None,
        last_token_ns=last if last and end and last <= end else None,
        end_ns=end,
        input_tokens=one.number_input_tokens,
        output_tokens=one.number_output_tokens or None,
        token_source=TokenSource.ESTIMATE if one.number_output_tokens else TokenSource.NONE,
        status=status_of(error, http_status),
        error_class=error,
        http_status=http_status,
    )


def _failure(one: _Request) -> tuple[ErrorClass, int | None]:
    """Return how a request failed; a success without a first token is an empty one, since llmperf always streams."""
    if not one.failed:
        return (ErrorClass.NONE if one.ttft_s else ErrorClass.EMPTY), None
    code = one.error_code if isinstance(one.error_code, int) and 100 <= one.error_code < 600 else None
    return class_of(code, f"{one.error_code} {one.error_msg}"), code
