"""The notifications of a configuration that may be sent now, each with its variables put in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import urlsplit

from lens_gate.config.load import LoadedConfig, load_config
from lens_gate.config.notifications import (
    Notification,
    PagerDutyNotification,
    SlackNotification,
    TeamsNotification,
    WebhookNotification,
)
from lens_gate.config.substitute import substitute
from lens_gate.config.trust import trusted_notifications
from lens_gate.config.types import origin_of
from lens_gate.errors import ConfigProblem, LensGateError
from lens_gate.gates.occasions import DEFAULT, Asked, Occasion, parse_occasion
from lens_gate.notify import pagerduty, slack, teams, webhook
from lens_gate.notify.letter import Letter
from lens_gate.steps.resolving.fetching import with_secrets
from lens_gate.steps.resolving.trusted import trusted_config
from lens_gate.steps.world import World
from lens_gate.vocabulary.notices import Notice

_NEWS = ("regression", "notifications")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """One notification; `label` is what messages and the memory call it."""

    label: str
    asked: Notification
    conditions: tuple[Asked, ...]

    def concerned(self, occasion: Occasion) -> bool:
        """Say whether this is trouble to tell of: all conditions hold."""
        return all(condition.holds(occasion) for condition in self.conditions)

    @property
    def is_program(self) -> bool:
        """Whether a program is told, which keeps the state of each series, and not people who read."""
        return isinstance(self.asked, PagerDutyNotification | WebhookNotification)

    def letters(self, notice: Notice, *, now_s: int) -> tuple[Letter, ...]:
        """Return what is sent of a notice; `now_s` is the time of sending, in seconds since 1970."""
        match self.asked:
            case SlackNotification(webhook=address):
                return slack.letters(notice, address.get_secret_value())
            case TeamsNotification(webhook=address):
                return teams.letters(notice, address.get_secret_value())
            case PagerDutyNotification(integration_key=key, endpoint=endpoint):
                return pagerduty.letters(notice, key.get_secret_value(), endpoint)
            case WebhookNotification(webhook=address, secret=secret):
                signing = secret.get_secret_value() if secret else None
                return webhook.letters(notice, address.get_secret_value(), signing, now_s=now_s)
            case _ as never:
                assert_never(never)


def require_conditions(loaded: LoadedConfig) -> None:
    """Refuse conditions of notifications that cannot be read, before anything is measured. Raises ConfigProblem."""
    for index, one in enumerate(loaded.config.regression.notifications):
        if not any("${" in text for text in one.conditions):
            _conditions(one, index, loaded)


def addressees(loaded: LoadedConfig, files: Sequence[str], world: World) -> Iterator[Addressee]:
    """Yield the notifications that may be sent, and say why of each other one; `files` hold the configuration."""
    vouched = _vouched(loaded, files, world)
    for index, written in enumerate(loaded.config.regression.notifications):
        label = written.name or f"{written.type}-{index + 1}"
        if index not in vouched:
            world.say(
                f"warning: {label} is told nothing: the configuration of {world.trusted_ref} does not name it. "
                "Bring it into that branch first."
            )
        elif world.runner.fork and not written.forks:
            world.say(f"{label} is told nothing: this is a pull request of a fork")
        elif (known := _known(loaded, index, label, world)) is not None:
            yield known


def _vouched(loaded: LoadedConfig, files: Sequence[str], world: World) -> frozenset[int]:
    """Return the numbers of the notifications that a pull request may send: those of the branch that it goes to."""
    ref, repository = world.trusted_ref, world.repository
    if ref is None:
        return frozenset(range(len(loaded.config.regression.notifications)))
    known = repository is not None and repository.knows(ref)
    trusted = trusted_config(files, repository, ref) if repository is not None and known else None
    return trusted_notifications(loaded, trusted or load_config([]))


def _known(loaded: LoadedConfig, index: int, label: str, world: World) -> Addressee | None:
    """Return a notification with its variables put in; None, and a word why, where that cannot be."""
    try:
        used = [(*_NEWS, index)]
        config = substitute(loaded, with_secrets(loaded, used, world), used=used)
        asked = config.regression.notifications[index]
        _require_safe(asked, loaded.place((*_NEWS, index)))
        return Addressee(label=label, asked=asked, conditions=_conditions(asked, index, loaded))
    except LensGateError as error:
        world.say(f"warning: {label} is told nothing: {error}")
        return None


def _conditions(asked: Notification, index: int, loaded: LoadedConfig) -> tuple[Asked, ...]:
    places = [loaded.place((*_NEWS, index, "conditions", number)) for number in range(len(asked.conditions))]
    read = tuple(parse_occasion(text, place=at) for text, at in zip(asked.conditions, places, strict=True))
    return read or (parse_occasion(DEFAULT, place=None),)


def _require_safe(asked: Notification, place: str) -> None:
    """Refuse an address about whose host parsers could disagree, and one that would show a secret on its way."""
    address = asked.endpoint if isinstance(asked, PagerDutyNotification) else asked.webhook.get_secret_value()
    if origin_of(address) is None:
        raise ConfigProblem("its address is no plain http:// or https:// address", place=place, hint="Correct it.")
    parts = urlsplit(address)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not isinstance(asked, WebhookNotification):
        raise ConfigProblem(
            "its address is not encrypted, and everybody on the way could read its key",
            place=place,
            hint="Use https://.",
        )
