"""Secrets that lie on this machine: variables of the environment, and files."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import SecretStr

from lens_gate.errors import SecretNotFetched
from lens_gate.secrets.base import EnvironmentManager, FileManager, Reference, Surroundings, not_found, secret_of


def from_here(
    manager: EnvironmentManager | FileManager, references: Sequence[Reference], around: Surroundings
) -> list[SecretStr]:
    """Return the values of variables, or the contents of files without the end of their last line."""
    read = _variable if isinstance(manager, EnvironmentManager) else _content
    return [secret_of(read(one, around), one) for one in references]


def _variable(reference: Reference, around: Surroundings) -> str:
    value = around.environment.get(reference.path)
    if value is None:
        raise not_found(reference, "the environment", f"Set the variable {reference.path}, or correct `path`.")
    return value


def _content(reference: Reference, around: Surroundings) -> str:
    try:
        text = (around.directory / reference.path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise not_found(reference, "this machine", "Mount the file, or correct `path`.") from None
    except UnicodeDecodeError:
        # The error of the decoder holds the bytes, so that it must not go along.
        raise SecretNotFetched(
            f"the file `{reference.path}` is not UTF-8 text", place=reference.place, hint="Save it as UTF-8."
        ) from None
    except OSError as error:
        raise SecretNotFetched(
            f"the file `{reference.path}` cannot be read: {error.strerror}",
            place=reference.place,
            hint="Let the user that runs lens-gate read it.",
        ) from error
    return text.removesuffix("\n").removesuffix("\r")
