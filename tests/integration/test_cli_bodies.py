"""`--save-bodies`: what was asked and answered is kept only where it is wanted, and cleaned."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lens_gate.steps.running import findable
from tests.integration.conftest import KEY, Invoke
from tests.measuring import run_in

Configure = Callable[..., Path]
TEMPLATE = "Write to ada@example.com about 4111 1111 1111 1111, key {{key}}"
PROMPTS = [{"id": "mail", "template": TEMPLATE, "variables": {"key": [KEY]}}]


@pytest.fixture
def asking(configure: Configure) -> Callable[..., Path]:
    """Write a configuration whose prompt holds personal data, and by mistake the key."""

    def write(**sections: Any) -> Path:
        return configure(workload={"fixed": {"requests_per_second": 40}, "prompts": PROMPTS}, **sections)

    return write


@pytest.fixture
def without_extra(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.setattr(findable, "find_spec", lambda _: None)
    return invoke


def kept(folder: Path) -> list[dict[str, Any]]:
    with gzip.open(folder / "run.bodies.jsonl.gz") as lines:
        return [json.loads(line) for line in lines]


def test_bodies_are_not_kept_unless_that_is_asked(
    invoke: Invoke, home: Path, asking: Configure, unhurried: None
) -> None:
    asking()
    assert invoke("run", "--requests", "4", "-o", "out/run.json").code == 0
    assert [path.name for path in (home / "out").iterdir()] == ["run.json"]


def test_what_is_kept_holds_every_request_and_neither_personal_data_nor_keys(
    invoke: Invoke, home: Path, asking: Configure, unhurried: None
) -> None:
    asking()
    answer = invoke("run", "--requests", "6", "--save-bodies", "-o", "out/run.json")
    assert answer.code == 0, answer.err
    lines = kept(home / "out")
    assert sorted(line["index"] for line in lines) == list(range(6))
    for line in lines:
        asked = line["request"]["messages"][0]["content"]
        assert asked == "Write to [email] about [credit_card], key [secret]"
        assert line["found"] == {"credit_card": 1, "email": 1}
        assert len(line["answer"]) > 4
    written = gzip.decompress((home / "out/run.bodies.jsonl.gz").read_bytes())
    assert KEY.encode() not in written
    assert b"uthorization" not in written


def test_the_configuration_can_ask_for_hashes_and_for_patterns_of_its_own(
    invoke: Invoke, home: Path, asking: Configure, unhurried: None
) -> None:
    detection = {"patterns": ["email"], "custom": {"verb": "Write"}, "action": "hash"}
    asking(privacy={"save_bodies": True, "pii_detection": detection})
    assert invoke("run", "--requests", "3", "-o", "out/run.json").code == 0
    asked = {line["request"]["messages"][0]["content"] for line in kept(home / "out")}
    (one,) = asked  # equal values have equal hashes in one run
    assert one.startswith("[verb:")
    assert "[email:" in one
    assert "4111 1111 1111 1111" in one


def test_block_leaves_whole_bodies_out(invoke: Invoke, home: Path, asking: Configure, unhurried: None) -> None:
    asking(privacy={"pii_detection": {"action": "block"}})
    assert invoke("run", "--requests", "3", "--save-bodies", "-o", "out/run.json").code == 0
    assert {tuple(line) for line in kept(home / "out")} == {("index", "blocked")}


def test_both_arms_are_kept_and_the_hash_of_the_configuration_stays(
    invoke: Invoke, home: Path, asking: Configure, unhurried: None
) -> None:
    asking()
    arguments = ("run", "--requests", "8", "--against-model", "sim-large")
    assert invoke(*arguments, "--save-bodies", "-o", "out/run.json").code == 0
    assert {line["request"]["model"] for line in kept(home / "out")} == {"sim-small", "sim-large"}
    assert invoke(*arguments, "-o", "plain/run.json").code == 0
    hashes = {run_in(home / name / "run.json").fingerprint.config_hash for name in ("out", "plain")}
    assert len(hashes) == 1


def test_an_expression_that_cannot_be_read_is_an_error_with_its_place(
    invoke: Invoke, home: Path, asking: Configure
) -> None:
    asking(privacy={"pii_detection": {"custom": {"mine": "("}}})
    answer = invoke("validate")
    assert answer.code == 2
    assert "the expression of 'mine' cannot be read" in answer.err
    assert "lens-gate.yaml:" in answer.err


def test_more_kinds_are_found_with_the_extra(invoke: Invoke, home: Path, configure: Configure, unhurried: None) -> None:
    template = "Pay DE89 3704 0044 0532 0130 00 for 44051401359, call 612 345 678 or write to ada@example.com"
    detection = {"patterns": ["iban", "pl_pesel", "phone"], "phone_regions": ["es"]}
    configure(
        workload={"fixed": {"requests_per_second": 40}, "prompts": [{"id": "pay", "template": template}]},
        privacy={"pii_detection": detection},
    )
    answer = invoke("run", "--requests", "3", "--save-bodies", "-o", "out/run.json")
    assert answer.code == 0, answer.err
    for line in kept(home / "out"):
        asked = line["request"]["messages"][0]["content"]
        assert asked == "Pay [iban] for [pl_pesel], call [phone] or write to ada@example.com"
        assert line["found"] == {"iban": 1, "phone": 1, "pl_pesel": 1}


@pytest.mark.parametrize(
    ("key", "names", "needs"),
    [
        ("patterns", ["email", "iban"], "`iban` needs the package python-stdnum"),
        ("phone_regions", ["ES"], "numbers by country need the package phonenumberslite"),
    ],
)
def test_without_the_extra_what_needs_it_is_an_error(
    home: Path, without_extra: Invoke, asking: Configure, key: str, names: list[str], needs: str
) -> None:
    asking(privacy={"pii_detection": {key: names}})
    assert without_extra("validate").code == 0  # the configuration is right, and may be meant for another machine
    answer = without_extra("run", "--requests", "3", "--save-bodies", "-o", "out/run.json")
    assert answer.code == 2
    assert f"`privacy.pii_detection.{key}`: {needs}, which is not installed" in answer.err
    assert "lens-gate.yaml:" in answer.err
    assert "pip install 'lens-gate[pii]'" in answer.err
    assert not (home / "out").exists()


def test_what_is_not_looked_for_needs_no_extra(
    without_extra: Invoke, home: Path, asking: Configure, unhurried: None
) -> None:
    asking(privacy={"pii_detection": {"enabled": False, "patterns": ["iban"]}})
    answer = without_extra("run", "--requests", "3", "--save-bodies", "-o", "out/run.json")
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("command", [("validate",), ("run", "--requests", "3", "--save-bodies")])
def test_a_country_that_is_none_is_an_error_with_its_place(
    invoke: Invoke, home: Path, asking: Configure, command: tuple[str, ...]
) -> None:
    asking(privacy={"pii_detection": {"phone_regions": ["DE", "UK"]}})
    answer = invoke(*command)
    assert answer.code == 2
    assert "no telephone numbers of UK are known" in answer.err
    assert "lens-gate.yaml:" in answer.err
    assert "GB" in answer.err


@pytest.mark.parametrize(
    ("detection", "said"),
    [
        ({"phone_regions": ["ES"], "patterns": ["iban"]}, "`phone_regions` goes with the pattern `phone`"),
        ({"phone_regions": ["Spain"]}, "phone_regions"),
        ({"patterns": ["ibann"]}, "patterns"),
    ],
)
def test_what_cannot_be_meant_is_an_error(
    invoke: Invoke, home: Path, asking: Configure, detection: dict[str, Any], said: str
) -> None:
    asking(privacy={"pii_detection": detection})
    answer = invoke("validate")
    assert answer.code == 2
    assert said in answer.err
