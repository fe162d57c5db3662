"""Which variables bring in what must not be shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lens_gate.config.confidential import confidential
from lens_gate.config.load import Source, load_config


def found(provider: dict[str, Any], **sections: Any) -> frozenset[str]:
    named = {"name": "p", "endpoint": "http://h/v1", "models": [{"id": "m"}]} | provider
    return confidential(load_config([Source("c.yaml", json.dumps({"providers": [named], **sections}))]))


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ({"api_key": "${ONE}"}, {"ONE"}),
        ({"headers": {"X-Site": "a ${ONE} ${TWO:-none}"}}, {"ONE", "TWO"}),
        ({"models": [{"id": "m", "params": {"user": "${ONE}"}}]}, {"ONE"}),
        ({"api": "generic", "generic": {"path": "/ask?q=${ONE}", "body": {"deep": ["${TWO}"]}}}, {"ONE", "TWO"}),
        ({"endpoint": "https://h/v1", "tls": {"ca_bundle": "${ONE}"}}, {"ONE"}),
        ({"models": [{"id": "${ONE}"}], "rate_limits": {"requests_per_minute": "${TWO}"}, "name": "${THREE}"}, set()),
        ({"models": [{"id": "${ONE_TOKEN}"}]}, {"ONE_TOKEN"}),
    ],
)
def test_all_that_a_provider_reads_is_confidential_but_numbers_and_names(
    provider: dict[str, Any], expected: set[str]
) -> None:
    assert found(provider) == expected


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://${ONE}:${TWO}/v1", set()),
        ("${ONE}://host/v1", set()),
        ("${ONE}/v1/${TWO}", {"TWO"}),
        ("${ONE:-http://127.0.0.1:1/v1}", set()),
        ("https://${ONE}:${TWO}@${THREE}/v1", {"ONE", "TWO"}),
        ("https://host/${ONE}/v1?code=${TWO}#${THREE}", {"ONE", "TWO", "THREE"}),
        ("https://host?code=${ONE}", {"ONE"}),
    ],
)
def test_of_an_address_only_the_host_is_not_confidential(endpoint: str, expected: set[str]) -> None:
    assert found({"endpoint": endpoint}) == expected


def test_elsewhere_the_name_tells() -> None:
    assert found({}, profiler={"name": "${STAGE} ${STAGE_TOKEN}"}) == {"STAGE_TOKEN"}


def test_a_variable_that_is_shown_in_one_place_and_sent_in_another_is_confidential() -> None:
    assert found({"name": "${ONE}", "headers": {"X-Site": "${ONE}"}}) == {"ONE"}
