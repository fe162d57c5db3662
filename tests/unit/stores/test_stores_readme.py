"""The README shows each kind of store in five lines, and they are those of that store."""

from __future__ import annotations

import re
from pathlib import Path

from lens_gate.stores.address import (
    FolderAddress,
    GcsAddress,
    GitAddress,
    S3Address,
    SqlAddress,
    parse_address,
)

README = Path(__file__).parents[3] / "README.md"


def part() -> str:
    """Return what the README says of stores."""
    text = README.read_text(encoding="utf-8")
    return text.partition("Where results are kept is an address.")[2].partition("## What it says")[0]


def blocks() -> list[list[str]]:
    """Return the lines of each set-up."""
    return [block.strip().splitlines() for block in re.findall(r"```console\n(.*?)```", part(), re.DOTALL)]


def address_of(block: list[str]) -> str:
    """Return the address that the lines name, each the same one."""
    named: set[str] = {word for line in block for word in re.findall(r"--(?:store|baseline|history|from) (\S+)", line)}
    (address,) = named
    return block[0].partition("DB=")[2].split()[0] if address == '"$DB"' else address


def test_every_kind_of_store_has_five_lines_that_name_one_address() -> None:
    assert {len(block) for block in blocks()} == {5}
    kinds = [type(parse_address(address_of(block))) for block in blocks()]
    assert kinds == [GitAddress, FolderAddress, S3Address, GcsAddress, SqlAddress, SqlAddress, SqlAddress]


def test_a_first_reader_passes_by_all_of_them_but_the_branch_of_git() -> None:
    assert part().count("<details") == part().count("</details>") == len(blocks())
    assert re.findall(r"<details open>\n.*\n\n```console\n(.*)", part()) == ["$ lens-gate ci --store git:lens-gate"]


def test_what_has_to_be_installed_is_the_extra_of_that_store() -> None:
    extras = [re.findall(r"lens-gate\[(\w+)\]", block[0]) for block in blocks()]
    assert extras == [[], [], ["s3"], ["gcs"], ["sql"], ["postgres"], ["mysql"]]
