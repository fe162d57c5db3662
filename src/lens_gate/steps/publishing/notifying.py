"""Telling those who do not look at the pipeline: what each notification of the configuration says of a verdict."""

from __future__ import annotations

from dataclasses import dataclass, field

from lens_gate.artifacts.identity import moment_of
from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.config.notifications import PagerDutyNotification
from lens_gate.errors import LensGateError, PublishFailed
from lens_gate.gates.news import Failing, Judged, news, standing, still_failing
from lens_gate.gates.occasions import Occasion, severity_of
from lens_gate.reports.notices import Circumstances, notice
from lens_gate.steps.archived.told_before import Remembered, Told, memory_key, remember, remembered
from lens_gate.steps.judging.judge import Judgement, Rules
from lens_gate.steps.resolving.addressees import Addressee, addressees
from lens_gate.steps.world import World
from lens_gate.stores.base import Store
from lens_gate.vocabulary.notices import News, Notice, When
from lens_gate.vocabulary.outcomes import Outcome, Severity

_STATELESS = (
    "no store remembers what was told (see --store and `output`), so each run that fails is told, and a recovery to "
    "PagerDuty alone"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The verdict to tell of: when its run began (RFC 3339), and the branch or change that it ran for (`where`)."""

    verdict: Judgement
    suite: str
    moment: str
    where: str
    project: str | None

    @property
    def judged(self) -> Judged:
        """The verdict as far as news depend on it."""
        return Judged(outcome=self.verdict.outcome, checks=self.verdict.checks)

    @property
    def occasion(self) -> Occasion:
        """What conditions may ask of the verdict."""
        return Occasion(
            regression_detected=self.verdict.outcome is Outcome.REGRESSION,
            outcome=self.verdict.outcome.value,
            severity=severity_of(self.verdict.checks),
            branch=self.verdict.provenance.branch or "",
            event=self.verdict.provenance.event or "",
            suite=self.suite,
        )

    @property
    def worst_case(self) -> Occasion:
        """What conditions would be asked if this run had failed."""
        mine = self.occasion
        return Occasion(
            regression_detected=True,
            outcome=Outcome.REGRESSION.value,
            severity=Severity.ERROR.value,
            branch=mine.branch,
            event=mine.event,
            suite=mine.suite,
        )


@dataclass(slots=True, kw_only=True)
class _Telling:
    """One round through all addressees: what was remembered, what is to be, and what failed."""

    subject: Subject
    world: World
    before: Remembered | None
    strict: bool
    told: dict[str, Told] = field(default_factory=dict)
    failed: list[PublishFailed] = field(default_factory=list)

    def tell(self, one: Addressee) -> None:
        """Tell one addressee what is new to it."""
        known = self.before.told.get(one.label) if self.before else None
        if known is not None and _is_later(known.moment, self.subject.moment):
            self.world.say(f"{one.label} is told nothing: it was told of a later run already")
            return
        before = None if self.before is None else (known.failing if known else {})
        now = still_failing(before, self.subject.judged, trouble=one.concerned(self.subject.occasion))
        message = self._message(one, before, now)
        if message is not None and not self._delivered(one, message):
            return
        if before is not None and dict(now) != before:
            self.told[one.label] = Told(failing=dict(now), moment=self.subject.moment)

    def _message(self, one: Addressee, before: Failing | None, now: Failing) -> Notice | None:
        what = news(before, now)
        if what is None and now and one.asked.when is When.FAILING:
            what = News.FAILING
        if what is None and before is None and self._might_be_over(one):
            what = News.RECOVERED
        if what is None or (what is News.BETTER and not one.is_program):
            return None
        return notice(
            self.subject.verdict,
            Circumstances(
                news=what,
                failing=now,
                series=standing(before, now, self.subject.judged),
                suite=self.subject.suite,
                project=self.subject.project,
                where=self.subject.where,
            ),
        )

    def _might_be_over(self, one: Addressee) -> bool:
        """Whether an incident that nobody remembers may be open there; to resolve one that is not does nothing."""
        passed = self.subject.verdict.outcome is Outcome.PASS
        return passed and isinstance(one.asked, PagerDutyNotification) and one.concerned(self.subject.worst_case)

    def _delivered(self, one: Addressee, message: Notice) -> bool:
        now_s = int(self.world.now().timestamp())
        try:
            for letter in one.letters(message, now_s=now_s):
                self.world.messenger.deliver(letter, place=one.label)
        except PublishFailed as failure:
            self._note(failure, counts=self.strict or one.asked.strict)
            return False
        self.world.log.note("info", "told", whom=one.label, news=message.news.value)
        self.world.say(f"told {one.label}: {message.news.value}")
        return True

    def _note(self, failure: PublishFailed, *, counts: bool) -> None:
        if counts:
            self.failed.append(failure)
        else:
            self.world.say(f"warning: not told: {failure}")


def notify(
    verdict: Judgement,
    judged_by: Rules,
    world: World,
    *,
    store: Store | None,
    strict: bool,
) -> tuple[PublishFailed, ...]:
    """Tell whom the configuration names of a verdict; return what failed where that is to count.

    Every other failure is said, and changes nothing.
    """
    loaded = judged_by.loaded
    whom = list(addressees(loaded, judged_by.files, world)) if loaded else []
    if not whom:
        return ()
    subject = subject_of(verdict, world)
    key = memory_key(subject.suite, subject.where)
    telling = _Telling(subject=subject, world=world, before=_memory(store, key, world), strict=strict)
    for one in whom:
        telling.tell(one)
    _keep(telling, store, key)
    return tuple(telling.failed)


def subject_of(verdict: Judgement, world: World) -> Subject:
    """Return a verdict with what it goes by: its suite, and the branch or change that it ran for."""
    provenance, runner = verdict.provenance, world.runner
    where = runner.change or provenance.branch or provenance.commit or "unknown"
    if isinstance(verdict, TrendVerdict):
        suite, moment, where = verdict.trend.name, verdict.trend.last_time, verdict.trend.policy.branch or where
    else:
        suite, moment = verdict.analysis.benchmark.name, verdict.analysis.benchmark.start_time
    return Subject(verdict=verdict, suite=suite, moment=moment, where=where, project=runner.project)


def _is_later(one: str, other: str) -> bool:
    """Say whether a moment surely comes after another."""
    moments = moment_of(one), moment_of(other)
    return moments[0] is not None and moments[1] is not None and moments[0] > moments[1]


def _memory(store: Store | None, key: str, world: World) -> Remembered | None:
    """Return what was told before; None, and a word why, where nobody knows."""
    if store is None:
        world.say(_STATELESS)
        return None
    try:
        return remembered(store, key)
    except LensGateError as error:
        world.say(f"warning: what was told before cannot be read, so each run that fails is told: {error}")
        return None


def _keep(telling: _Telling, store: Store | None, key: str) -> None:
    """Remember what was told; where that cannot be, the next run tells it again."""
    if store is None or telling.before is None or not telling.told:
        return
    try:
        remember(store, key, telling.before, telling.told)
    except LensGateError as error:
        telling.world.say(f"warning: what was told is not remembered, and will be told again: {error}")
