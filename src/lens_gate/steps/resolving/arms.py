"""Who is compared with whom: both arms resolved to what they would send, before anything is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import JsonValue

from lens_gate.artifacts.run import Comparison, Uncovered
from lens_gate.ci.repository import Repository
from lens_gate.config.confidential import confidential
from lens_gate.config.load import LoadedConfig, Source, load_config
from lens_gate.config.model import Config
from lens_gate.config.substitute import measuring_paths, secret_names, substitute
from lens_gate.config.trust import check_keys_go_to_public_addresses, check_keys_stay_home
from lens_gate.errors import ConfigProblem, UsageProblem
from lens_gate.load.arms.identity import same_requests, uncovered
from lens_gate.load.arms.plan import ArmPlan
from lens_gate.load.arms.resolve import resolve_arm
from lens_gate.load.schedule.replay import Log, with_log
from lens_gate.steps.resolving.certificates import located, require_trusted_files, require_usable
from lens_gate.steps.resolving.fetching import identities, with_secrets
from lens_gate.steps.resolving.order import (
    Against,
    Overrides,
    base_by_endpoint,
    base_by_model,
    overridden,
    providers_of,
    without_model,
)
from lens_gate.steps.resolving.placing import placing
from lens_gate.steps.resolving.replaying import log_of
from lens_gate.steps.resolving.trusted import source_at, text_of, trusted_config
from lens_gate.steps.world import World
from lens_gate.vocabulary.requests import UNCOMMITTED, Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """A run as asked for: the configuration files' texts, what the command line changes, and the other arm.

    With a `control` that share of the requests goes to the other arm, and no request is one of a pair.
    """

    sources: tuple[Source, ...]
    overrides: Overrides
    against: Against | None = None
    strict_env: bool = False
    control: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One arm before it is resolved: its configuration, and where its files are read from."""

    loaded: LoadedConfig
    config: Config
    label: str
    commit: str | None
    read_file: Callable[[str], bytes]
    target_name: str | None
    checkout: Callable[[], AbstractContextManager[Path]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """Both arms, ready to be sent; `base` is None where there is nothing to compare with.

    `keys` names the variables that either arm, or the trusted version, reads, `confidential` those among them whose
    values must not be shown. `configurations` are those of several alternatives by series, where they are not all
    `loaded`. `options` are those that won over keys of it, by key. `log` is what both arms play again, if anything.
    """

    loaded: LoadedConfig
    candidate_side: Side
    base_side: Side | None
    candidate: ArmPlan
    base: ArmPlan | None
    comparison: Comparison | None
    uncovered: tuple[Uncovered, ...]
    config_hash: str
    keys: frozenset[str]
    confidential: frozenset[str]
    configurations: Mapping[str, LoadedConfig] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    log: Log | None = None

    def snapshot(self) -> JsonValue:
        """Return the configuration for the artifact, without secrets; several of them by series."""
        if not self.configurations:
            return self.loaded.snapshot()
        return {series: loaded.snapshot() for series, loaded in self.configurations.items()}


def resolve(order: RunOrder, world: World) -> Arms:
    """Read, substitute and resolve both arms; refuses a candidate that would send a key to a new place."""
    if order.control is not None and order.against is None:
        raise UsageProblem(
            "a control is sent with the baseline's own configuration, and none is named",
            hint="Add one of the --against options, or in `lens-gate ci` a --baseline of which git knows the commit.",
        )
    loaded = load_config(order.sources)
    with placing(loaded, order.overrides.options):
        return _resolved(order, loaded, world)


def _resolved(order: RunOrder, loaded: LoadedConfig, world: World) -> Arms:
    candidate, base = sides(order, loaded, world)
    trusted = _trusted(order, world)
    both = (candidate, *([base] if base else []))
    asked = [side.loaded for side in both]
    known = [*asked, *([trusted] if trusted else [])]
    _keep_keys_home(asked, trusted, world)
    _require_certificates(both, _trusted_commit(order, world), world)
    config_hash = hashlib.sha256(f"{loaded.config_hash}|{order.overrides.text()}".encode()).hexdigest()
    plan = _plan(candidate, Arm.CANDIDATE, config_hash)
    other = _plan(base, Arm.BASE, config_hash, series_of=plan) if base else None
    log = log_of(candidate.config, plan, other, control=order.control, world=world)
    if log is not None:
        plan, other = with_log(plan, log), with_log(other, log) if other else None
    return Arms(
        loaded=loaded,
        candidate_side=candidate,
        base_side=base,
        candidate=plan,
        base=other,
        options=order.overrides.options,
        comparison=_comparison(order, plan, other),
        uncovered=uncovered(plan, other) if other else (),
        config_hash=config_hash,
        keys=frozenset(name for one in known for name in (*(use.name for use in one.variables), *identities(one))),
        confidential=frozenset(name for one in known for name in confidential(one)),
        log=log,
    )


def sides(order: RunOrder, loaded: LoadedConfig, world: World) -> tuple[Side, Side | None]:
    """Return the candidate and, where one is named, the base."""
    against = order.against
    match against:
        case None:
            return _work_tree(order, loaded, world), None
        case Against(kind="ref"):
            return _work_tree(order, loaded, world), _from_ref(order, against.value, world)
        case Against(kind="self"):
            mine = _work_tree(order, loaded, world)
            return mine, mine
        case Against(kind="config"):
            text = text_of(_read_bytes(world.directory / against.value), against.value)
            other = _work_tree(order, load_config([Source(against.value, text)]), world)
            return _work_tree(order, loaded, world), replace(other, label=against.value, commit=None)
        case _:
            return _by_override(order, against, loaded, world)


def _keep_keys_home(asked: Sequence[LoadedConfig], trusted: LoadedConfig | None, world: World) -> None:
    """Refuse a configuration that would send a key where the trusted version does not.

    In the pipeline of a pull request whose target branch holds no configuration, or is not checked out, only public
    addresses are trusted.
    """
    for loaded in asked:
        if trusted is not None:
            check_keys_stay_home(loaded, trusted)
        elif world.trusted_ref is not None:
            check_keys_go_to_public_addresses(loaded)


def _require_certificates(sides: Iterable[Side], trusted: str | None, world: World) -> None:
    """Refuse certificates that are of no use, or that are not those of the `trusted` commit, where one is known."""
    for side in sides:
        if trusted is not None:
            require_trusted_files(side.config, side.loaded, _needs_git(world), trusted)
        require_usable(side.config, side.loaded, world.environment)


def _trusted_ref(order: RunOrder, world: World) -> str | None:
    """Return the branch that a change goes to, else the commit that is compared with, if it is known here."""
    named = order.against.value if order.against is not None and order.against.kind == "ref" else None
    ref, repository = world.trusted_ref or named, world.repository
    return ref if repository is not None and ref is not None and repository.knows(ref) else None


def _trusted_commit(order: RunOrder, world: World) -> str | None:
    ref = _trusted_ref(order, world)
    return None if ref is None else _needs_git(world).resolve(ref)


def _trusted(order: RunOrder, world: World) -> LoadedConfig | None:
    """Return the configuration at the trusted ref."""
    ref = _trusted_ref(order, world)
    return None if ref is None else trusted_config([one.name for one in order.sources], _needs_git(world), ref)


def _by_override(order: RunOrder, against: Against, loaded: LoadedConfig, world: World) -> tuple[Side, Side]:
    """Two arms from one configuration, which differ by model or by endpoint."""
    mine = _work_tree(order, loaded, world)
    if against.kind == "endpoint":
        there = base_by_endpoint(mine.config, against.value)
        return mine, replace(mine, config=there, label=against.value, target_name=None)
    left = without_model(mine.config, against.value) if order.overrides.model is None else mine.config
    everything = _substituted(order, loaded, world, also=providers_of(loaded.config, against.value))
    base = base_by_model(left, everything, against.value)
    return replace(mine, config=left, label=_only_model(left)), replace(mine, config=base, label=against.value)


def _substituted(order: RunOrder, loaded: LoadedConfig, world: World, *, also: Collection[str] = ()) -> Config:
    """Put the variables in; only those of the providers that are used must be set, or all of them if that is asked."""
    name = order.overrides.provider
    used = None if order.strict_env else measuring_paths(loaded, None if name is None else [name, *also])
    if secret_names(loaded):
        # Who asks a manager shows it who we are, so that this comes before anything is fetched.
        _keep_keys_home([loaded], _trusted(order, world), world)
    return located(substitute(loaded, with_secrets(loaded, used, world), used=used), world.directory)


def _only_model(config: Config) -> str:
    return ", ".join(m.id for p in config.providers for m in p.models)


def _side(order: RunOrder, loaded: LoadedConfig, world: World, *, label: str) -> Side:
    config = _substituted(order, loaded, world)
    return Side(
        loaded=loaded,
        config=overridden(config, order.overrides),
        label=label,
        commit=None,
        read_file=lambda name: _read_bytes(world.directory / name),
        target_name=None,
        checkout=lambda: nullcontext(world.directory),
    )


def _work_tree(order: RunOrder, loaded: LoadedConfig, world: World) -> Side:
    """Return an arm as it lies in the work tree, with its uncommitted changes."""
    side = _side(order, loaded, world, label=", ".join(source.name for source in order.sources))
    repository = world.repository
    if repository is None or not repository.knows("HEAD"):
        return replace(side, target_name=_target_name(side.config, "this folder"))
    commit = repository.head()
    changes = repository.changes()
    label, tree = commit[:7], commit
    if changes is not None:
        label, tree = f"{label} {UNCOMMITTED}", f"{commit} with the changes {changes[:16]}"
    return replace(side, label=label, commit=commit, target_name=_target_name(side.config, tree))


def _from_ref(order: RunOrder, ref: str, world: World) -> Side:
    """Return the base as it was at `ref`: its own configuration, prompt files and checkout."""
    repository = _needs_git(world)
    commit = repository.resolve(ref)
    loaded = load_config([source_at(repository, commit, ref, source.name) for source in order.sources])
    side = _side(order, loaded, world, label=f"{commit[:7]} ({ref})" if not commit.startswith(ref) else commit[:7])
    return replace(
        side,
        commit=commit,
        read_file=lambda name: repository.read(commit, name),
        target_name=_target_name(side.config, commit),
        checkout=lambda: _checkout(repository, commit),
    )


@contextmanager
def _checkout(repository: Repository, commit: str) -> Iterator[Path]:
    """Check a commit out, and yield the folder in it that corresponds to ours."""
    ours = (repository.cwd or repository.root).relative_to(repository.root)
    with repository.worktree(commit) as tree:
        if not (tree / ours).is_dir():
            raise UsageProblem(
                f"commit {commit[:7]} has no folder {ours}, so its target cannot be started there",
                hint="Run lens-gate in a folder that both versions have.",
            )
        yield tree / ours


def _needs_git(world: World) -> Repository:
    if world.repository is None:
        raise UsageProblem(
            "--against-ref needs a git repository, and this folder is in none",
            hint="Run it inside the repository, or compare with --against-config, --against-model or "
            "--against-endpoint.",
        )
    return world.repository


def _target_name(config: Config, tree: str) -> str | None:
    return f"{config.target.command} @ {tree}" if config.target else None


def _plan(side: Side, arm: Arm, config_hash: str, *, series_of: ArmPlan | None = None) -> ArmPlan:
    with placing(side.loaded, {}):
        return resolve_arm(
            side.config,
            arm=arm,
            label=side.label,
            commit=side.commit,
            config_hash=side.loaded.config_hash if series_of else config_hash,
            read_file=side.read_file,
            base_series=series_of.series if series_of else None,
            target_name=side.target_name,
            target_endpoint=_unstarted(side.config),
        )


def _unstarted(config: Config) -> str | None:
    """Return what stands for the address of a target until it is started."""
    if config.target is None:
        return None
    return config.target.endpoint or config.target.ready_url


def _comparison(order: RunOrder, plan: ArmPlan, other: ArmPlan | None) -> Comparison | None:
    against = order.against
    if against is None or other is None:
        return None
    shared = plan.target is not None and other.target is not None
    equal = against.kind != "self" and same_requests(plan, other)
    return Comparison(
        kind=against.kind,
        value=against.value,
        equal=equal,
        shared_machine=shared,
        control_share=order.control,
    )


def find_against(value: str, *, world: World, sources: Sequence[Source]) -> Against:
    """Read `KIND:VALUE`, or find out the kind of a bare value; one that fits two kinds is an error."""
    kind, _, rest = value.partition(":")
    match kind:
        case "ref" | "config" | "model" | "endpoint" if rest:
            return Against(kind=kind, value=rest)
        case _:
            fits = _fitting(value, world, load_config(sources))
    if len(fits) == 1:
        return fits[0]
    if not fits:
        raise UsageProblem(
            f"--against {value}: no file, commit, configured model or address has this name",
            hint="Say what it is: --against ref:NAME, config:FILE, model:ID or endpoint:URL.",
        )
    kinds = " and ".join(fit.kind for fit in fits)
    raise UsageProblem(
        f"--against {value} fits more than one kind: {kinds}", hint=f"Write --against {fits[0].kind}:{value}, say."
    )


def _fitting(value: str, world: World, loaded: LoadedConfig) -> list[Against]:
    models = {name for p in loaded.config.providers for m in p.models for name in (m.id, f"{p.name}/{m.id}")}
    fits: list[Against] = []
    if value.startswith(("http://", "https://")):
        fits.append(Against(kind="endpoint", value=value))
    if (world.directory / value).is_file():
        fits.append(Against(kind="config", value=value))
    if value in models:
        fits.append(Against(kind="model", value=value))
    if world.repository is not None and world.repository.knows(value):
        fits.append(Against(kind="ref", value=value))
    return fits


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigProblem(
            f"the file cannot be read: {error.strerror}", place=str(path), hint="Correct the path, or create the file."
        ) from error
