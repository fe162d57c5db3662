"""Words about stored runs that configuration, choice and reports share."""

from __future__ import annotations

from enum import StrEnum

MOST_CACHE_DIFFERENCE = 10.0
"""In points of cached input: beyond it, two runs were not asked the same of the server's cache."""


MOST_RUNS = 20
"""So many stored runs, the newest ones, are a history; older ones say little about today."""


class Selection(StrEnum):
    """Which stored run is the baseline."""

    NAMED = "named"
    MERGE_BASE = "merge_base"
    BRANCH = "branch"
    TAG = "tag"
    NEWEST_GOOD = "newest_good"
    ROLLING = "rolling"


class Aspect(StrEnum):
    """What two runs may differ in, so that they cannot be compared."""

    MODEL = "model"
    RETURNED_MODEL = "returned_model"
    ENDPOINT = "endpoint"
    REGION = "region"
    RUNNER = "runner"
    PROMPTS = "prompts"
    CONFIG = "config"
    CACHE = "cache"
    SCHEMA = "schema"


MUST_MATCH = (
    Aspect.MODEL,
    Aspect.RETURNED_MODEL,
    Aspect.ENDPOINT,
    Aspect.REGION,
    Aspect.RUNNER,
    Aspect.CACHE,
    Aspect.SCHEMA,
)
"""What must be equal unless the configuration says otherwise.

Prompts and configuration are what most changes change: a difference there is told, and the change is judged.
"""
