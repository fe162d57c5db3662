"""The configuration that a change is held against: the one at the branch that it goes to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from lens_gate.ci.repository import Repository
from lens_gate.config.defaults import CONFIG_NAMES
from lens_gate.config.load import LoadedConfig, Source, load_config
from lens_gate.config.trust import check_stores_stay_home
from lens_gate.errors import ConfigProblem
from lens_gate.steps.world import World


def keep_stores_home(loaded: LoadedConfig, sources: Sequence[Source], world: World) -> None:
    """Refuse rules of a pull request that would open a store, or read a variable, which its target branch does not.

    Where that holds no configuration, or is not checked out, nothing vouches for any. Raises SecurityRefusal.
    """
    ref, repository = world.trusted_ref, world.repository
    if ref is None:
        return
    known = repository is not None and repository.knows(ref)
    trusted = (
        trusted_config([one.name for one in sources], repository, ref) if repository is not None and known else None
    )
    check_stores_stay_home(loaded, trusted or load_config([]))


def trusted_config(names: Sequence[str], repository: Repository, ref: str) -> LoadedConfig | None:
    """Return the configuration at a ref, from files of the same names, else of the usual one; None without any."""
    commit = repository.resolve(ref)
    found = _sources_at(repository, commit, ref, names) or _sources_at(repository, commit, ref, CONFIG_NAMES)[:1]
    return load_config(found) if found else None


def _sources_at(repository: Repository, commit: str, ref: str, names: Sequence[str]) -> list[Source]:
    """Return those of the files that a commit has."""
    found = []
    for name in names:
        with suppress(ConfigProblem):
            found.append(source_at(repository, commit, ref, name))
    return found


def source_at(repository: Repository, commit: str, ref: str, path: str) -> Source:
    """Read a file of a commit; ConfigProblem where it has none, or it is no text."""
    try:
        data = repository.read(commit, path)
    except ConfigProblem as error:
        raise ConfigProblem(
            f"{path} does not exist at {ref}, so there is no base configuration",
            place=path,
            hint="Commit the configuration first, or compare with --against-config, --against-model or "
            "--against-endpoint.",
        ) from error
    name = f"{path}@{commit[:7]}"
    return Source(name, text_of(data, name))


def text_of(data: bytes, name: str) -> str:
    """Return a file's text; ConfigProblem where it is none."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigProblem("the file is not UTF-8 text", place=name, hint="Save it as UTF-8.") from error
