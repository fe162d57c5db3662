"""Variables, files, fields, and what is kept of them."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from lens_gate.errors import LensGateError, NoSuchSecret, SecretNotFetched, UsageProblem
from lens_gate.secrets.base import (
    AwsManager,
    AzureManager,
    EnvironmentManager,
    FileManager,
    GoogleManager,
    Manager,
    Reference,
    Surroundings,
    VaultManager,
)
from lens_gate.secrets.keyring import Keyring, unfetched
from lens_gate.secrets.opening import fetch_secrets

KEY = "sk-live-0123456789abcdefKEY"
JSON = f'{{"api_key": "{KEY}", "limit": 5, "none": null, "empty": ""}}'


def fetched(manager: Manager, reference: Reference, folder: Path, **environment: str) -> str:
    (one,) = fetch_secrets(manager, [reference], Surroundings(folder, environment))
    return one.get_secret_value()


def test_a_variable_of_another_name_is_read_whole_or_by_its_field(tmp_path: Path) -> None:
    assert fetched(EnvironmentManager(), Reference("TEAM_KEY"), tmp_path, TEAM_KEY=KEY) == KEY
    assert fetched(EnvironmentManager(), Reference("TEAM", "api_key"), tmp_path, TEAM=JSON) == KEY
    assert fetched(EnvironmentManager(), Reference("TEAM", "limit"), tmp_path, TEAM=JSON) == "5"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_is_read_without_the_end_of_its_last_line(tmp_path: Path, end: str) -> None:
    (tmp_path / "openai").write_bytes(f"{KEY}{end}".encode())
    assert fetched(FileManager(), Reference("openai"), tmp_path) == KEY
    assert fetched(FileManager(), Reference(str(tmp_path / "openai")), Path("/")) == KEY


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (Reference("NOBODY"), "the environment has no secret at `NOBODY`"),
        (Reference("TEXT", "api_key"), "is no JSON object, so that it has no field `api_key`"),
        (Reference("LIST", "api_key"), "is no JSON object"),
        (Reference("TEAM", "key"), "no field `key`\n  Set `field` to one of: api_key, empty, limit, none."),
        (Reference("TEAM", "none"), "no field `none`"),
        (Reference("TEAM", "empty"), "is empty"),
        (Reference("NOTHING"), "is empty"),
    ],
)
def test_what_is_not_there_is_told_without_what_is(tmp_path: Path, reference: Reference, words: str) -> None:
    with pytest.raises(NoSuchSecret) as caught:
        fetched(EnvironmentManager(), reference, tmp_path, TEAM=JSON, TEXT=KEY, LIST=f'["{KEY}"]', NOTHING="")
    assert words in str(caught.value)
    assert KEY not in str(caught.value)


def test_files_that_are_missing_unreadable_or_no_text_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    found: dict[str, LensGateError] = {}
    for name in ("missing", "bytes", "."):
        with pytest.raises(LensGateError) as caught:
            fetched(FileManager(), Reference(name), tmp_path)
        found[name] = caught.value
    assert isinstance(found["missing"], NoSuchSecret)
    assert isinstance(found["."], SecretNotFetched)
    assert "cannot be read: Is a directory" in str(found["."])
    assert "not UTF-8" in str(found["bytes"])
    assert found["bytes"].__suppress_context__


def test_a_keyring_asks_once_tells_each_secret_and_shows_none() -> None:
    asked: list[list[str]] = []
    told: list[str] = []

    def fetch(_: Manager, references: Sequence[Reference]) -> Sequence[SecretStr]:
        asked.append([one.path for one in references])
        return [SecretStr(f"value of {one.path}") for one in references]

    keyring = Keyring(fetch, told.append)
    here, there = EnvironmentManager(), FileManager()
    one, other = Reference("one", place="a:1"), Reference("other")
    assert [s.get_secret_value() for s in keyring.get(here, [one, one])] == ["value of one", "value of one"]
    keyring.get(here, [other, Reference("one", place="b:2")])
    keyring.get(there, [one])
    assert asked == [["one"], ["other"], ["one"]]
    assert told == ["value of one", "value of other", "value of one"]
    assert keyring.known == {"value of one", "value of other"}
    assert "value of" not in repr(keyring.get(here, [one])) + repr(vars(keyring))


def test_where_nothing_is_sent_a_keyring_stands_in_for_secrets() -> None:
    assert [s.get_secret_value() for s in Keyring(unfetched).get(EnvironmentManager(), [Reference("x")])] == [
        "secret-that-was-not-fetched"
    ]


@pytest.mark.parametrize(
    ("manager", "package", "extra"),
    [
        (VaultManager(address="http://127.0.0.1:1"), "hvac", "vault"),
        (AwsManager(), "boto3", "aws-secrets"),
        (AzureManager(vault_url="https://127.0.0.1:1"), "azure", "azure-secrets"),
        (GoogleManager(), "google", "gcp-secrets"),
    ],
)
def test_a_package_that_is_missing_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, manager: Manager, package: str, extra: str
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == package or name.startswith("lens_gate.secrets."):
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageProblem) as caught:
        fetch_secrets(manager, [Reference("x")], Surroundings(tmp_path, {}))
    assert str(caught.value) == (
        f"secrets.provider: this secret manager needs a package that is not installed: {package}\n"
        f"  Run: pip install 'lens-gate[{extra}]'"
    )
