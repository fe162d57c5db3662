"""The files of `providers[].tls`: found, tried before anything is sent, and held against the trusted version."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from lens_gate.ci.repository import Repository
from lens_gate.config.load import LoadedConfig
from lens_gate.config.model import Config, Provider
from lens_gate.config.tls import Tls
from lens_gate.errors import ConfigProblem, SecurityRefusal
from lens_gate.load.arms.resolve import tls_choice
from lens_gate.load.wire.tls import BadCertificate, Contexts

_FILES = ("ca_bundle", "client_certificate", "client_key")


def located(config: Config, folder: Path) -> Config:
    """Return the configuration with the paths of its certificates made absolute; they start from `folder`."""
    providers = tuple(_located(provider, folder) for provider in config.providers)
    return config.model_copy(update={"providers": providers})


def require_usable(config: Config, loaded: LoadedConfig, environment: Mapping[str, str]) -> None:
    """Read what every enabled provider names, and try it; raises ConfigProblem.

    What still waits for a variable is passed over.
    """
    contexts = Contexts(environment)
    for provider, tls in _sections(config):
        if not provider.enabled or any("${" in text for text in _texts(tls)):
            continue
        try:
            contexts.of(tls_choice(tls))
        except BadCertificate as error:
            place = loaded.place(("providers", _index(loaded, provider), "tls", error.key))
            raise ConfigProblem(error.message, place=place, hint=error.hint) from error
        except OSError:
            # It is about SSL_CERT_FILE or SSL_CERT_DIR, of which the transport says more.
            continue


def require_trusted_files(config: Config, loaded: LoadedConfig, repository: Repository, commit: str) -> None:
    """Refuse files of certificates that a change to the repository could have brought in; raises SecurityRefusal.

    A file inside the repository must be what it was at the trusted `commit`.
    """
    for provider, tls in _sections(config):
        for key, path in _files(tls):
            if provider.enabled and _changed(path, repository, commit):
                raise SecurityRefusal(
                    f"the provider `{provider.name}` would use {path}, which is not as it is in the trusted branch",
                    place=loaded.place(("providers", _index(loaded, provider), "tls", key)),
                    hint="Bring this change into the trusted branch first, or keep the file outside of the repository.",
                )


def _changed(path: Path, repository: Repository, commit: str) -> bool:
    """Whether a path leads into the repository, by its name or by a link, and not to what the commit has there."""
    inside = [
        there
        for there in (Path(os.path.normpath(path)), path.resolve())
        if there.is_relative_to(repository.root) or there.is_relative_to(repository.root.resolve())
    ]
    try:
        return bool(inside) and path.read_bytes() != repository.read(commit, str(inside[0]))
    except ConfigProblem:  # the commit has no such file
        return True
    except OSError:  # nor is there one to be used
        return False


def _sections(config: Config) -> Iterator[tuple[Provider, Tls]]:
    return ((provider, provider.tls) for provider in config.providers if provider.tls is not None)


def _located(provider: Provider, folder: Path) -> Provider:
    if provider.tls is None:
        return provider
    paths = {key: str(path if "${" in str(path) else folder / path) for key, path in _files(provider.tls)}
    return provider.model_copy(update={"tls": provider.tls.model_copy(update=paths)})


def _files(tls: Tls) -> Iterator[tuple[str, Path]]:
    named = ((key, getattr(tls, key)) for key in _FILES)
    return ((key, Path(path)) for key, path in named if path is not None)


def _texts(tls: Tls) -> Iterator[str]:
    password = tls.client_key_password
    yield from (str(path) for _, path in _files(tls))
    yield from () if password is None else (password.get_secret_value(),)


def _index(loaded: LoadedConfig, provider: Provider) -> int:
    """Return where a provider stands in the file, of which others may have been left out since."""
    names = [one.name for one in loaded.config.providers]
    return names.index(provider.name) if provider.name in names else 0
