"""The addresses of stores as people write them, each read as one of a closed set of kinds.

A branch may hold slashes, so that a folder in it is parted from it by a colon, which no branch may hold: git's own
`BRANCH:path`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NoReturn, TypeAlias

from lens_gate.errors import UsageProblem
from lens_gate.stores.base import is_key

_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9.-]+)(?P<driver>\+[a-z0-9_]+)?:(?P<rest>.*)", re.DOTALL)
"""Two letters or more: one letter and a colon are a drive of Windows."""
_USER = re.compile(r"(?P<scheme>[^:/]+)://(?:(?P<user>[^:@/]*)(?::.*)?@)?(?P<rest>[^?#]*)", re.DOTALL)
"""A password is taken as far as the last @, so that one that was written with / or @ is not shown in part."""
_NO_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/]|[/.]$|(^|/)\.|\.lock(/|$)|^@$")
_DATABASES = ("sqlite", "postgresql", "postgres", "mysql", "mariadb")
_EXAMPLES = {
    "git": "git:BRANCH or git:BRANCH:FOLDER",
    "s3": "s3://BUCKET/PREFIX",
    "gs": "gs://BUCKET/PREFIX",
    "sqlite": "sqlite:///FILE",
    "postgresql": "postgresql://USER@HOST/DATABASE",
    "postgres": "postgresql://USER@HOST/DATABASE",
    "mysql": "mysql://USER@HOST/DATABASE",
    "mariadb": "mariadb://USER@HOST/DATABASE",
}
_KINDS = "A store is a folder (results/), git:BRANCH, s3://, gs://, sqlite:///, postgresql:// or mysql://."


@dataclass(frozen=True, slots=True)
class FolderAddress:
    """A folder on this machine, as its path was written."""

    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class GitAddress:
    """A branch of the repository here, and a folder in it (empty for all of it)."""

    branch: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"git:{self.branch}:{self.prefix}" if self.prefix else f"git:{self.branch}"


@dataclass(frozen=True, slots=True)
class S3Address:
    """A bucket, and the prefix of all keys in it (no slash around it, empty for none)."""

    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True)
class GcsAddress:
    """A bucket of Google Cloud Storage, and the prefix of all keys in it (no slash around it, empty for none)."""

    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"gs://{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True)
class SqlAddress:
    """The URL of a database as it was written, which may hold a password: what is shown does not."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        return _without_password(self.url)


Address: TypeAlias = FolderAddress | GitAddress | S3Address | GcsAddress | SqlAddress


def parse_address(text: str) -> Address:
    """Read an address; what has no scheme is a folder. Raises UsageProblem, which shows no password."""
    if not text.strip() or "\0" in text:
        raise UsageProblem("a store needs an address", hint=_KINDS)
    match = _SCHEME.fullmatch(text)
    if match is None:
        return FolderAddress(text)
    scheme, driver, rest = match["scheme"].lower(), match["driver"], match["rest"]
    if scheme == "git" and not driver:
        return _git(rest)
    if scheme in {"s3", "gs"} and not driver:
        return _bucket(scheme, rest)
    if scheme in _DATABASES:
        return _database(scheme, rest, text)
    return _folder_or_typo(scheme + (driver or ""), rest, text)


def _git(rest: str) -> GitAddress:
    if "//" in rest:
        raise UsageProblem(
            "a git store is a branch of the repository here, not the address of a repository",
            place="git:",
            hint="Write git:BRANCH. Another repository is named in the configuration: `stores: {git: {remote: …}}`.",
        )
    branch, _, folder = rest.partition(":")
    branch = branch.removeprefix("refs/heads/")
    if not branch or _NO_BRANCH.search(branch):
        raise UsageProblem(
            f"{branch[:80]!r} cannot be the name of a branch",
            place=f"git:{rest[:80]}",
            hint=f"Write {_EXAMPLES['git']}, as in git:lens-gate or git:lens-gate:api/chat.",
        )
    return GitAddress(branch, _prefix(folder, place=f"git:{rest[:80]}"))


def _bucket(scheme: str, rest: str) -> S3Address | GcsAddress:
    place = f"{scheme}:{rest[:80]}"
    bucket, _, prefix = rest.removeprefix("//").partition("/")
    if not rest.startswith("//") or not bucket:
        raise UsageProblem("this address names no bucket", place=place, hint=f"Write {_EXAMPLES[scheme]}.")
    if re.search(r"[?#@\s]", bucket + prefix):
        raise UsageProblem(
            "this address holds more than a bucket and a prefix",
            place=f"{scheme}://",
            hint="Regions, endpoints and keys belong to the configuration and the environment, not to the address.",
        )
    address = S3Address if scheme == "s3" else GcsAddress
    return address(bucket, _prefix(prefix, place=place))


def _database(scheme: str, rest: str, text: str) -> SqlAddress:
    if not rest.startswith("//"):
        raise UsageProblem(
            "this address of a database is not complete", place=f"{scheme}:", hint=f"Write {_EXAMPLES[scheme]}."
        )
    return SqlAddress(text)


def _prefix(text: str, *, place: str) -> str:
    prefix = text.strip("/")
    if not prefix or is_key(prefix):
        return prefix
    raise UsageProblem(
        f"{prefix[:80]!r} cannot be a folder of a store",
        place=place,
        hint="Use letters, digits and ._+=@,- in segments split by /, none of them starting with a dot.",
    )


def _folder_or_typo(scheme: str, rest: str, text: str) -> FolderAddress:
    near = get_close_matches(scheme, _EXAMPLES, n=1, cutoff=0.5)
    if rest.startswith("//"):
        _refuse(scheme + "://", near)
    if near:
        _refuse(scheme + ":", near, folder=True)
    return FolderAddress(text)


def _refuse(start: str, near: list[str], *, folder: bool = False) -> NoReturn:
    """Name the nearest kind; the rest of the address may hold a password and is not quoted."""
    meant = f"Did you mean {_EXAMPLES[near[0]]}? " if near else ""
    otherwise = f"A folder of this name is written ./{start}…" if folder else _KINDS
    raise UsageProblem(f"{start} is no kind of store", place=f"{start}…", hint=meant + otherwise)


def _without_password(url: str) -> str:
    """Return a URL without password, query and fragment: an option may hold another password."""
    match = _USER.match(url)
    if match is None:
        return url.partition(":")[0] + ":…"
    user = f"{match['user']}@" if match["user"] else ""
    return f"{match['scheme']}://{user}{match['rest']}"
