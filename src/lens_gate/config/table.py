"""The table of keys: one row for each key that has an effect, and for each key or section that has none yet.

A row for a section holds for all keys in it that have no row of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from lens_gate.config.status import JUDGING, REPORTING, SENDING, Effect, Later, Refused, Status
from lens_gate.config.table_notifications import TELLING
from lens_gate.config.table_publish import PUBLISHING
from lens_gate.config.table_secrets import SECRETS
from lens_gate.config.table_stores import STORING

_DISTRIBUTED = "distributed mode"
_OBSERVABILITY = "observability mode"
_FALSE = "it would falsify a measurement: "

_RUN: Mapping[str, Status] = {
    "version": Effect("config", "the version of this format; a file of another one is refused"),
    "profiler.name": Effect("load", "names the run in artifacts and reports"),
    "profiler.mode": Later(
        text="choosing which metrics a report shows first; all are measured", commands=SENDING, off=("latency",)
    ),
    "profiler.duration": Effect("load", "how long requests are sent, both arms together"),
    "profiler.requests": Effect("load", "how many requests are sent, both arms together"),
    "profiler.warmup": Effect("load", "the first part of the run: measured, marked, left out of the verdict"),
    "profiler.cooldown": Effect("load", "the last part of the run: measured, marked, left out of the verdict"),
    "profiler.seed": Effect("load", "the seed of arrivals, prompts and order of arms"),
    "profiler.max_cost_usd": Effect("load", "cap on dollars, reserved before each request is sent"),
    "profiler.until_decided": Effect("steps", "whether a run with two versions ends as soon as the answer is clear"),
    "profiler.transport": Effect(
        "load", "how requests leave: `fast`, `httpx` (proxies, HTTP/2), or `auto`, which takes `fast` where it can"
    ),
    "profiler.kernel_timestamps": Effect(
        "load",
        "whether bytes carry the kernel's stamps: `on`, `off`, or `auto` (Linux, an open loop of up to 500 requests per"
        " second)",
    ),
    "profiler.defer_decoding": Effect(
        "load", "answers are decoded after everything was sent, which leaves more of a core to sending and stamping"
    ),
    "profiler.warm_connections": Effect(
        "load", "whether connections for the first quarter of a second are opened before the run (open loop, `fast`)"
    ),
    "profiler.processes": Effect(
        "steps", "how many processes send one schedule together, each its share, where one core is not enough"
    ),
    "providers[].name": Effect("load", "names the series; known names bring their API and address"),
    "providers[].enabled": Effect("load", "whether this provider is measured"),
    "providers[].api": Effect("providers", "the wire format; by name where the name is known, else openai-chat"),
    "providers[].api_key": Effect("providers", "the key, sent in the header that the API wants"),
    "providers[].endpoint": Effect("load", "the address that requests go to"),
    "providers[].headers": Effect("providers", "headers of every request"),
    "providers[].headers.*": Effect("providers", "one header; it may hold variables"),
    "providers[].tls.ca_bundle": Effect(
        "load", "PEM file of the certificates that its server is checked by, instead of the system's and Mozilla's"
    ),
    "providers[].tls.client_certificate": Effect("load", "PEM file of the certificate that we show to its server"),
    "providers[].tls.client_key": Effect(
        "load", "PEM file of the key to that certificate; default: the file of the certificate holds it"
    ),
    "providers[].tls.client_key_password": Effect("load", "the password of that key, where it has one"),
    "providers[].tls.server_name": Effect(
        "load", "the name that its server is asked for and checked against, instead of the address's host"
    ),
    "providers[].http2": Effect(
        "load", "whether it is asked by HTTP/2 and nothing else, through the `httpx` transport (extra `http2`)"
    ),
    "providers[].models[].id": Effect("providers", "the model that is asked for; a bare id stands for a whole entry"),
    "providers[].models[].max_tokens": Effect("providers", "the longest answer; also bounds the forecast of cost"),
    "providers[].models[].temperature": Effect("providers", "sampling temperature"),
    "providers[].models[].system": Effect("load", "system prompt where a prompt has none of its own"),
    "providers[].models[].params": Effect("providers", "passed to the API unchecked, and wins over all else"),
    "providers[].models[].input_usd_per_million": Effect("load", "your own price of input tokens"),
    "providers[].models[].output_usd_per_million": Effect("load", "your own price of output tokens"),
    "providers[].rate_limits.requests_per_minute": Effect("load", "requests per minute of this provider, both arms"),
    "providers[].rate_limits.tokens_per_minute": Effect("load", "tokens per minute of this provider, both arms"),
    "providers[].rate_limits.from_headers": Effect(
        "load", "whether its own word on what is left of its allowance is kept as well"
    ),
    "providers[].rate_limits.max_wait": Effect(
        "load", "how long a request of an open loop waits for its turn at most; beyond that it is not sent"
    ),
    "providers[].generic.path": Effect("providers", "appended to `endpoint`; begins with a slash"),
    "providers[].generic.method": Effect("providers", "the HTTP method"),
    "providers[].generic.body": Effect("providers", "the JSON body, with `{{model}}`, `{{prompt}}` and so on"),
    "providers[].generic.format": Effect("providers", "how the answer is framed"),
    "providers[].generic.response.text": Effect("providers", "JSON path of generated text"),
    "providers[].generic.response.reasoning": Effect("providers", "JSON path of reasoning text"),
    "providers[].generic.response.input_tokens": Effect("providers", "JSON path of the input token count"),
    "providers[].generic.response.output_tokens": Effect("providers", "JSON path of the output token count"),
    "providers[].generic.response.cached_tokens": Effect("providers", "JSON path of the cached token count"),
    "providers[].generic.response.finish_reason": Effect("providers", "JSON path of the reason why it ended"),
    "providers[].generic.response.model": Effect("providers", "JSON path of the model that answered"),
    "providers[].generic.response.error": Effect("providers", "JSON path of an error inside a successful answer"),
    "providers[].generic.response.done": Effect("providers", "JSON path that is true, or text, in the last event"),
    "workload.type": Effect("load", "how requests arrive; `mixed` is `fixed`: prompts are always mixed"),
    "workload.fixed.requests_per_second": Effect(
        "load", "rate of `fixed`, `mixed` and `random` sends, both arms together"
    ),
    "workload.poisson.lambda": Effect("load", "mean rate per second of `poisson` sends, both arms together"),
    "workload.gamma.rate": Effect("load", "mean rate per second of `gamma` sends, both arms together"),
    "workload.gamma.burstiness": Effect("load", "shape of their gaps: 1 is Poisson, less comes in flocks"),
    "workload.burst.size": Effect("load", "how many requests a `burst` sends at once, both arms together"),
    "workload.burst.every": Effect("load", "time from one burst to the next"),
    "workload.stages[].duration": Effect("load", "length of this stage; after the last one its rate goes on"),
    "workload.stages[].rate": Effect("load", "requests per second of this stage, both arms together"),
    "workload.stages[].ramp": Effect("load", "whether the rate goes there evenly from the stage before, or from 0"),
    "workload.closed.concurrency": Effect("load", "requests in flight of `closed`"),
    "workload.users.count": Effect("load", "how many `users` ask, each one request at a time"),
    "workload.users.think_time": Effect("load", "how long a user waits between an answer and the next request"),
    "workload.users.think_time.distribution": Effect("load", "how the time is distributed"),
    "workload.users.think_time.value": Effect("load", "the time that is always the same"),
    "workload.users.think_time.mean": Effect("load", "mean time"),
    "workload.users.think_time.stddev": Effect("load", "standard deviation of the time"),
    "workload.users.think_time.min": Effect("load", "the shortest"),
    "workload.users.think_time.max": Effect("load", "the longest"),
    "workload.users.ramp_up": Effect("load", "time over which the users start, evenly one after the other"),
    "workload.replay.source": Effect("load", "the log or trace that `replay` plays again (docs/replaying.md)"),
    "workload.replay.time_scale": Effect("load", "how many times as fast; 1 is the pace of the log"),
    "workload.replay.format": Effect("artifacts", "its format; told from the file without it"),
    "workload.replay.from": Effect("load", "where in the log to begin, from its first request on"),
    "workload.replay.to": Effect("load", "where in the log to end"),
    "workload.replay.limit": Effect("load", "how many requests of the log are played at most"),
    "workload.replay.route": Effect(
        "load", "`all`: each request goes to every model; `log`: to the model that the log names"
    ),
    "workload.replay.exact_output": Effect(
        "load", "the parameter by which the server is told to make answers as long as the log says"
    ),
    "workload.prompts[].id": Effect("load", "pairs the prompt across arms; default: its position"),
    "workload.prompts[].template": Effect("load", "the user's message, with `{{variables}}`"),
    "workload.prompts[].messages[].role": Effect("providers", "who speaks"),
    "workload.prompts[].messages[].content": Effect("providers", "what is said, or the API's own content blocks"),
    "workload.prompts[].turns": Effect("load", "what a user says, turn by turn; each answer is fed back"),
    "workload.prompts[].think_time": Effect("load", "time between an answer and the next turn"),
    "workload.prompts[].think_time.distribution": Effect("load", "how the time is distributed"),
    "workload.prompts[].think_time.value": Effect("load", "the time that is always the same"),
    "workload.prompts[].think_time.mean": Effect("load", "mean time"),
    "workload.prompts[].think_time.stddev": Effect("load", "standard deviation of the time"),
    "workload.prompts[].think_time.min": Effect("load", "the shortest"),
    "workload.prompts[].think_time.max": Effect("load", "the longest"),
    "workload.prompts[].system": Effect("providers", "system prompt of this prompt"),
    "workload.prompts[].tools": Effect("providers", "tool definitions in the API's own form"),
    "workload.prompts[].params": Effect("providers", "parameters of this prompt, over those of the model"),
    "workload.prompts[].headers": Effect("providers", "headers of this prompt; no variables"),
    "workload.prompts[].headers.*": Effect("providers", "one header; no variables"),
    "workload.prompts[].weight": Effect("load", "its share among the prompts"),
    "workload.prompts[].variables": Effect("load", "values of the `{{names}}` in its text"),
    "workload.prompts[].variables.*": Effect("load", "a list of values, or where they come from"),
    "workload.prompts[].variables.*.type": Effect("load", "where values come from"),
    "workload.prompts[].variables.*.source": Effect("load", "file with one value per line, or a JSON list"),
    "workload.prompts[].variables.*.generator": Effect("load", "what is made up, from the seed"),
    "workload.prompts[].variables.*.words": Effect("load", "length of made up text, in words, or how it varies"),
    "workload.prompts[].variables.*.words.distribution": Effect("load", "how the length is distributed"),
    "workload.prompts[].variables.*.words.value": Effect("load", "the length that is always the same"),
    "workload.prompts[].variables.*.words.mean": Effect("load", "mean length"),
    "workload.prompts[].variables.*.words.stddev": Effect("load", "standard deviation of the length"),
    "workload.prompts[].variables.*.words.min": Effect("load", "the shortest"),
    "workload.prompts[].variables.*.words.max": Effect("load", "the longest"),
    "workload.prompts[].max_tokens": Effect("load", "the longest answer to this prompt, or how that varies"),
    "workload.prompts[].max_tokens.distribution": Effect("load", "how the length is distributed"),
    "workload.prompts[].max_tokens.value": Effect("load", "the length that is always the same"),
    "workload.prompts[].max_tokens.mean": Effect("load", "mean length"),
    "workload.prompts[].max_tokens.stddev": Effect("load", "standard deviation of the length"),
    "workload.prompts[].max_tokens.min": Effect("load", "the shortest"),
    "workload.prompts[].max_tokens.max": Effect("load", "the longest"),
    "workload.cache.nonce": Effect("load", "where each request has a string of its own, so that no prefix is reused"),
    "workload.cache.prefix.words": Effect("load", "so many words that all requests begin with, made up from the seed"),
    "workload.cache.prefix.text": Effect("load", "the text that all requests begin with"),
    "metrics.collect": Later(
        text="leaving metrics out; all are measured and reported",
        commands=REPORTING,
        off=([], ["latency", "throughput", "cost", "errors", "token_usage"]),
    ),
    "metrics.percentiles": Effect("reports", "percentiles that summaries show"),
    "metrics.resolution": Effect("load", "width of an interval of the time series"),
    "metrics.slo": Effect("analysis", "objectives of a request, such as `ttft < 500ms and tpot < 30ms`, for goodput"),
    "metrics.aggregation": Later(
        text="windows that slide or follow sessions; the time series has windows of `metrics.resolution`",
        commands=REPORTING,
    ),
    "resilience.retries.max_attempts": Effect(
        "load",
        "how often a request is tried, the first time included, where the provider is busy, broken or not reached",
    ),
    "resilience.retries.backoff": Effect(
        "load", "how the wait before another try grows; `exponential` draws it from below its limit (full jitter)"
    ),
    "resilience.retries.initial_delay": Effect("load", "the first wait, or what it is drawn from below"),
    "resilience.retries.max_delay": Effect(
        "load", "the longest wait; where a server asks for a longer one, the request is not tried again"
    ),
    "resilience.timeouts.connect": Effect("load", "limit for opening a connection"),
    "resilience.timeouts.request": Effect("load", "limit of a whole attempt; a timeout counts at this length"),
    "resilience.timeouts.idle": Effect("load", "limit between two reads"),
    "resilience.timeouts.run": Effect("load", "limit of the whole run: it ends there with exit code 6"),
    "resilience.circuit_breaker.enabled": Effect(
        "load", "whether an endpoint that keeps failing is left alone; what is not sent is counted as shed"
    ),
    "resilience.circuit_breaker.failure_threshold": Effect("load", "failures in a row that open the breaker"),
    "resilience.circuit_breaker.success_threshold": Effect(
        "load", "successes in a row, one request at a time, that close it again"
    ),
    "resilience.circuit_breaker.timeout": Effect("load", "how long it stays open before a request tries it out"),
    "resilience.abort.error_rate": Effect(
        "load", "percent of the last requests of a model that fail or are throttled, from which on it is given up"
    ),
    "resilience.abort.min_requests": Effect("load", "how many requests must have ended before"),
    "resilience.abort.window": Effect("load", "how many of the last requests are counted"),
    "target.command": Effect("steps", "starts the server of an arm in its own checkout"),
    "target.ready_url": Effect("steps", "answers with 2xx once the server is ready"),
    "target.port": Effect("steps", "the port; default: a free one, for each arm its own"),
    "target.ready_timeout": Effect("steps", "how long to wait for the server"),
    "target.environment": Effect("steps", "variables that the command sees although this configuration reads them"),
    "target.endpoint": Effect("steps", "where requests of this arm go; default: the origin of `ready_url`"),
    "target.provider": Effect("steps", "the provider that is measured there; default: all"),
}

_TRUST: Mapping[str, Status] = {
    **{
        f"validity.{check}.{key}": Effect("load", f"{of}: {what}")
        for check, of in (
            ("send_lateness", "99th percentile of how late requests were sent"),
            ("loop_lag", "99th percentile of how late arriving bytes may have been read"),
        )
        for key, what in (
            ("warn", "from this time on it is said"),
            ("warn_of_ttft", "or from this share of the median time to first token on, if that is longer"),
            ("invalid", "from this time on the run is invalid"),
            ("invalid_of_ttft", "or from this share of the median time to first token on, if that is longer"),
        )
    },
    **{
        f"validity.{check}.{effect}": Effect("load", f"{of}: {beyond} this {what}")
        for check, of, beyond in (
            ("cpu_share", "processor time of this process while it sends, of one core", "above"),
            ("ceiling_share", "asked rate over the ceiling that `lens-gate selftest` found here", "above"),
            ("achieved_rate", "sent of what the schedule asked for", "below"),
            ("zero_gap_share", "chunks that came in the same read as the one before", "above"),
            ("buffered_share", "streams that arrived in one piece", "above"),
            ("missing_usage_share", "answers without the server's token counts", "above"),
            ("throttled_share", "requests that were asked to slow down (429, 529)", "above"),
            ("reused_share", "requests on a connection that was open already", "below"),
            ("cached_share", "input tokens from the provider's cache", "above"),
        )
        for effect, what in (("warn", "it is said"), ("invalid", "the run is invalid"))
    },
    "validity.zero_gap_share.drop": Effect(
        "load", "chunks that came in the same read as the one before: above this inter-chunk latency is left out"
    ),
}

_JUDGE: Mapping[str, Status] = {
    "regression.decision": Effect("analysis", "calibrated rules, or the literal methods below"),
    "regression.alpha": Effect("analysis", "share of false alarms allowed per gate"),
    "regression.gate_small_effects": Effect("gates", "an established change below its threshold fails as well"),
    "regression.strict": Effect("gates", "a regression needs its whole interval beyond the threshold"),
    "regression.cover": Effect("analysis", "rare events that a pass must cover: tails, errors"),
    "regression.disaster_percent": Effect(
        "analysis", "a change beyond it is a regression even against a single stored run, whatever the drift"
    ),
    "regression.min_coverage": Effect("gates", "share of series that must have been measured"),
    "regression.methods[].type": Effect(
        "analysis", "threshold, under `decision: classic` a two-sample test, or for `lens-gate trend` a slope"
    ),
    "regression.methods[].metric": Effect("analysis", "the metric (docs/metrics.md)"),
    "regression.methods[].threshold_percent": Effect("analysis", "the smallest change that matters"),
    "regression.methods[].threshold_points": Effect("analysis", "the same in percentage points, for error rates"),
    "regression.methods[].method": Effect("analysis", "which test `decision: classic` applies"),
    "regression.methods[].confidence": Effect("analysis", "confidence of that test"),
    "regression.methods[].window": Effect(
        "trends", "how many of the newest runs `lens-gate trend` draws its line through"
    ),
    "regression.methods[].max_slope": Effect("trends", "how much that line may grow from run to run (0.05 is 5 %)"),
    "regression.quality_gates[].name": Effect("gates", "names the gate in reports"),
    "regression.quality_gates[].condition": Effect("gates", "an expression over the metrics of a run"),
    "regression.quality_gates[].severity": Effect("gates", "only `error` fails the gate"),
    "budgets[].metric": Effect("gates", "the metric (docs/metrics.md)"),
    "budgets[].budget": Effect("gates", "its absolute limit, in the metric's unit"),
    "budgets[].baseline": Effect("gates", "names what `variance` compares with in reports"),
    "budgets[].variance": Effect("gates", "allowed change in percent against the other arm or the stored baseline"),
    "budgets[].severity": Effect("gates", "only `error` fails the gate"),
}

_SHOW: Mapping[str, Status] = {
    "output.console.enabled": Later(text="silent runs", commands=REPORTING, off=(True,)),
    "output.console.format": Later(text="other forms of results on the terminal", commands=REPORTING, off=("table",)),
    "output.console.colors": Later(text="switching colours off here; NO_COLOR does", commands=REPORTING, off=(True,)),
    "output.console.live_updates": Effect("cli", "progress while a run goes on"),
    "output.files[].type": Effect("reports", "what is written: json, csv, markdown, junit or html"),
    "output.files[].path": Effect("steps", "where; `{{timestamp}}` is the start of the run"),
    "output.files[].pretty": Effect("steps", "whether JSON is indented"),
    "output.files[].delimiter": Effect("reports", "what stands between the fields of a CSV line"),
    "output.files[].template": Effect("steps", "a template of your own for this file (docs/reports.md)"),
    "output.prometheus.enabled": Effect("cli", "whether metrics of the run are served while it goes on"),
    "output.prometheus.host": Effect("cli", "the address that they are served at; default: for this machine alone"),
    "output.prometheus.port": Effect("cli", "the port that they are served at"),
    "output.prometheus.path": Effect("cli", "the path that they are served at"),
    "logging.level": Effect("cli", "how much is logged by the commands that send or judge; the section switches it on"),
    "logging.format": Effect("cli", "`pretty` for people, `compact` as `name=value`, or `json`"),
    "logging.output": Effect("cli", "the stream that the log goes to; `none` leaves it to the file"),
    "logging.file.enabled": Effect("cli", "whether the log is written to a file"),
    "logging.file.path": Effect("cli", "the file; it is written on at its end"),
    "logging.file.max_size": Effect("cli", "the file begins anew before it would be larger; 0 for never"),
    "logging.file.max_backups": Effect("cli", "how many earlier files are kept, as PATH.1, PATH.2 …"),
    "logging.file.compress": Effect("cli", "whether earlier files are compressed, as PATH.1.gz …"),
}

_MODES: Mapping[str, Status] = {
    "coordinator": Later(text=_DISTRIBUTED, commands=SENDING),
    "worker": Later(text=_DISTRIBUTED, commands=SENDING),
    "distribution": Later(text=_DISTRIBUTED, commands=SENDING),
    "cost_optimization.worker_instance_type": Later(text=_DISTRIBUTED, commands=SENDING),
    "cost_optimization.auto_scaling": Later(text=_DISTRIBUTED, commands=SENDING),
    "cost_optimization.deduplication": Refused(_FALSE + "an answer that is reused was not measured"),
    "cost_controls.budgets.daily_usd": Effect("steps", "dollars that all runs of a day (UTC) may cost together"),
    "cost_controls.budgets.monthly_usd": Effect("steps", "dollars that all runs of a month (UTC) may cost together"),
    "cost_controls.budgets.ledger": Effect(
        "steps", "folder in which runs write down what they spend; default: one of this user on this machine"
    ),
    "cost_controls.rate_limits.requests_per_minute": Effect("load", "requests per minute of all providers together"),
    "cost_controls.rate_limits.tokens_per_minute": Effect(
        "load", "tokens per minute of all providers together; counted with the limit of each answer until it has ended"
    ),
    "cost_controls.rate_limits.from_headers": Effect(
        "load", "whether each provider's own word on what is left of its allowance is kept as well"
    ),
    "cost_controls.rate_limits.max_wait": Effect(
        "load", "how long a request of an open loop waits for its turn at most; beyond that it is not sent"
    ),
    "cost_controls.optimization.model_selection": Refused(
        _FALSE + "a cheaper model is not the model that was asked for", off=("none",)
    ),
    "cost_controls.optimization.caching": Refused(_FALSE + "an answer from a cache says nothing about the endpoint"),
    "cost_controls.optimization.batching": Refused(_FALSE + "a batch has another latency than its requests"),
    "prometheus": Later(text=_OBSERVABILITY, commands=SENDING),
    "opentelemetry": Later(text=_OBSERVABILITY, commands=SENDING),
    "privacy.save_bodies": Effect("steps", "keeps requests and answers in a file beside the run; `--save-bodies`"),
    "privacy.pii_detection.enabled": Effect("steps", "whether personal data is taken out of saved bodies"),
    "privacy.pii_detection.patterns": Effect(
        "load", "what is looked for; without it the first four, and all others need the extra `pii`"
    ),
    "privacy.pii_detection.phone_regions": Effect(
        "load", "countries (ISO 3166) whose phone numbers are found as they are written there (extra `pii`)"
    ),
    "privacy.pii_detection.custom": Effect("load", "your own patterns: a name, and a regular expression"),
    "privacy.pii_detection.custom.*": Effect("load", "a regular expression; its name stands where a match stood"),
    "privacy.pii_detection.action": Effect(
        "load", "redact writes the name of the pattern instead, hash a keyed hash, block leaves the whole body out"
    ),
    "privacy.compliance": Later(
        text="naming a law changes nothing; bodies are not stored unless asked, and then cleaned", commands=SENDING
    ),
}

KEYS: Mapping[str, Status] = {
    **_RUN,
    **_TRUST,
    **_JUDGE,
    **_SHOW,
    **PUBLISHING,
    **STORING,
    **SECRETS,
    **TELLING,
    **_MODES,
}

VALUES: Mapping[str, Later] = {
    "regression.methods[].type": Later(
        text="judging a run by those before it; `lens-gate trend` does that", commands=JUDGING, only="trend"
    ),
}
"""Single values, of keys that have an effect, which are for later."""


def status_of(pattern: str) -> Status:
    """Return the row of a key, or of the innermost section around it that has one; raises KeyError where none has."""
    outer = pattern
    while outer and outer not in KEYS:
        outer = outer.removesuffix("[]") if outer.endswith("[]") else outer.rpartition(".")[0]
    return KEYS[outer or pattern]


def status_text(status: Status) -> str:
    """Return what a key does, or why it does nothing, in one line."""
    match status:
        case Effect(text=text):
            return text[0].upper() + text[1:] + "."
        case Refused(text=text):
            return f"Refused in a run: {text}."
        case Later(text=text):
            return f"No effect yet: {text}."
        case _ as never:
            assert_never(never)
