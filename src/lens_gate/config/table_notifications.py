"""The rows of the table of keys that say who is told of a verdict."""

from __future__ import annotations

from collections.abc import Mapping

from lens_gate.config.status import Effect, Status

TELLING: Mapping[str, Status] = {
    "regression.notifications[].type": Effect("notify", "where the news goes (docs/notifications.md)"),
    "regression.notifications[].name": Effect("notify", "what messages call it; default: its type and number"),
    "regression.notifications[].webhook": Effect("notify", "the address that takes the message; it is a secret"),
    "regression.notifications[].integration_key": Effect("notify", "the key of the integration (Events API v2)"),
    "regression.notifications[].endpoint": Effect(
        "notify", "PagerDuty's region, such as https://events.eu.pagerduty.com"
    ),
    "regression.notifications[].secret": Effect("notify", "signs what is sent, by HMAC with SHA-256"),
    "regression.notifications[].conditions": Effect(
        "gates", "which verdicts are trouble to tell of; all must hold. Default: `outcome == 'regression'`"
    ),
    "regression.notifications[].when": Effect("gates", "`change` of what was told before, or each `failing` run"),
    "regression.notifications[].forks": Effect("steps", "whether pull requests of forks send it too"),
    "regression.notifications[].strict": Effect("steps", "whether a failure to send it is exit code 7"),
}
