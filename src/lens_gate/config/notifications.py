"""Whom to tell of a verdict, where, and when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from lens_gate.config.section import Section
from lens_gate.config.types import Address
from lens_gate.vocabulary.notices import When

PAGERDUTY = "https://events.pagerduty.com"


class _Notification(Section):
    """What all kinds have in common; `forks` sends from pull requests of forks too, `strict` makes a failure count."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    conditions: tuple[str, ...] = ()
    when: When = When.CHANGE
    forks: bool = False
    strict: bool = False


class SlackNotification(_Notification):
    """An incoming webhook of Slack, or of a chat that understands those."""

    type: Literal["slack"]
    webhook: SecretStr


class TeamsNotification(_Notification):
    """A webhook of a workflow in Microsoft Teams."""

    type: Literal["teams"]
    webhook: SecretStr


class PagerDutyNotification(_Notification):
    """An integration of PagerDuty that takes events of version 2; `endpoint` is its region."""

    type: Literal["pagerduty"]
    integration_key: SecretStr
    endpoint: Address = PAGERDUTY


class WebhookNotification(_Notification):
    """Any address that takes JSON; what is sent there is signed with `secret`."""

    type: Literal["webhook"]
    webhook: SecretStr
    secret: SecretStr | None = None


Notification = Annotated[
    SlackNotification | TeamsNotification | PagerDutyNotification | WebhookNotification, Field(discriminator="type")
]
