"""Notices by keyword, and the strings that must come to nothing in any chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lens_gate.vocabulary.notices import News, Notice, Trouble

HOSTILE = (
    "<!channel>",
    "<!here|here>",
    "<!everyone>",
    "<@U012AB3CD>",
    "<#C012AB3CD|general>",
    "<!subteam^SAZ94GDB8>",
    "<https://evil.example|click me>",
    "https://evil.example/pay",
    "@channel @here @everyone @octocat",
    "&lt;!channel&gt;",
    "*bold* _italic_ ~gone~ `code` ```block```",
    "> quoted",
    ":rotating_light:",
    "<at>Everyone</at>",
    "[click me](https://evil.example)",
    "![](https://evil.example/pixel.png)",
    "{{DATE(2026-03-02T10:00:00Z,SHORT)}} ${env} {{user}}",
    "<script>alert(1)</script>",
    '"}],"text":"injected',
    "${{ secrets.TOKEN }} $(touch /tmp/x) `id`",
    "\u202egnp.exe \ud800 \x00 \x1b[31m",
    "line\nbreak\r\nand\u2028more",
    "x" * 5000,
    "🔴" * 3000,
)


def a_trouble(**changes: Any) -> Trouble:
    values: dict[str, Any] = {
        "check": "openai/gpt-small/mean_ttft",
        "series": "openai/gpt-small",
        "subject": "gpt-small",
        "text": "gpt-small's first token comes 15 % later.",
        "severity": "error",
        "metric": "mean_ttft",
        "value": 14.8,
        "limit": 5.0,
        "unit": "%",
    }
    return Trouble(**(values | changes))


def a_notice(**changes: Any) -> Notice:
    series: Mapping[str, bool] = {"openai/gpt-small": True}
    values: dict[str, Any] = {
        "news": News.OPENED,
        "suite": "support-bot",
        "outcome": "regression",
        "exit_code": 1,
        "headline": "Regression: gpt-small's first token comes 15 % later",
        "story": "That is +74.0 ms on 500 ms.",
        "troubles": (a_trouble(),),
        "series": series,
        "moment": "2026-03-02T10:05:01Z",
        "source": "bench_0123456789abcdef",
        "project": "acme/widgets",
        "where": "main",
        "commit": "3f9c2ab",
        "url": "https://ci.example/acme/widgets/actions/runs/4242",
        "tool": "lens-gate 0.1.0",
    }
    return Notice(**(values | changes))
