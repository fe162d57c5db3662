"""The configuration that `init` prints: short, complete, commented, and the same in both formats."""

from __future__ import annotations

from typing import Literal, assert_never

_YAML = """\
# lens-gate configuration; all keys: docs/configuration-keys.md.
# For completion in editors: lens-gate schema config > lens-gate.schema.json
# yaml-language-server: $schema=lens-gate.schema.json
version: "1.0"

profiler:
  name: my-benchmark
  requests: 200          # both arms of a comparison together
  warmup: 5s             # measured, but left out of the verdict
  max_cost_usd: 1.00     # a run never spends more

providers:
  # An endpoint of your own, which speaks OpenAI's API (for others: `api`):
  # - name: mine
  #   endpoint: http://127.0.0.1:8080/v1
  #   models: [{id: my-model, max_tokens: 128}]
  - name: openai         # also: anthropic, google
    api_key: ${OPENAI_API_KEY}
    models:
      - id: gpt-4o-mini
        max_tokens: 128

workload:
  type: poisson          # also: fixed, random, gamma, burst, closed, users; stages, replay: docs/workloads.md
  poisson:
    lambda: 2            # requests per second
  prompts:
    - id: explain
      template: "Explain {{topic}} in three sentences."
      variables:
        topic: [photosynthesis, inflation, recursion]

resilience:
  timeouts:
    request: 60s         # a slower answer counts as a timeout

regression:
  methods:               # the smallest changes that matter
    - {type: threshold, metric: mean_latency, threshold_percent: 10}
    - {type: threshold, metric: mean_ttft, threshold_percent: 10}
    - {type: threshold, metric: error_rate, threshold_points: 2}
  quality_gates:         # absolute limits
    - name: success
      condition: success_rate > 99
"""

_TOML = """\
# lens-gate configuration; all keys: docs/configuration-keys.md.
# For completion in editors: lens-gate schema config > lens-gate.schema.json
#:schema ./lens-gate.schema.json
version = "1.0"

[profiler]
name = "my-benchmark"
requests = 200          # both arms of a comparison together
warmup = "5s"           # measured, but left out of the verdict
max_cost_usd = 1.00     # a run never spends more

# An endpoint of your own, which speaks OpenAI's API (for others: `api`):
# [[providers]]
# name = "mine"
# endpoint = "http://127.0.0.1:8080/v1"
# models = [{ id = "my-model", max_tokens = 128 }]

[[providers]]
name = "openai"         # also: anthropic, google
api_key = "${OPENAI_API_KEY}"

[[providers.models]]
id = "gpt-4o-mini"
max_tokens = 128

[workload]
type = "poisson"        # also: fixed, random, gamma, burst, closed, users; stages, replay: docs/workloads.md

[workload.poisson]
lambda = 2              # requests per second

[[workload.prompts]]
id = "explain"
template = "Explain {{topic}} in three sentences."
variables = { topic = ["photosynthesis", "inflation", "recursion"] }

[resilience.timeouts]
request = "60s"         # a slower answer counts as a timeout

[regression]
methods = [             # the smallest changes that matter
  { type = "threshold", metric = "mean_latency", threshold_percent = 10 },
  { type = "threshold", metric = "mean_ttft", threshold_percent = 10 },
  { type = "threshold", metric = "error_rate", threshold_points = 2 },
]
quality_gates = [       # absolute limits
  { name = "success", condition = "success_rate > 99" },
]
"""


def template(form: Literal["yaml", "toml"]) -> str:
    """Return the starting configuration in one of the two formats."""
    match form:
        case "yaml":
            return _YAML
        case "toml":
            return _TOML
        case _ as never:
            assert_never(never)
