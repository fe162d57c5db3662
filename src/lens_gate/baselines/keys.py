"""Where runs and baselines lie in a store: keys that every store can hold, and that no two names share."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from lens_gate.errors import ArtifactCorrupt
from lens_gate.vocabulary.index import IndexEntry, RunRow

RESULTS: Final = "results"
REPORTS: Final = "reports"
BASELINES: Final = "baselines/"
NOTIFICATIONS: Final = "notifications"
RUN_ENDING: Final = ".json.gz"
SAMPLES_ENDING: Final = ".samples.jsonl.gz"
REPORT_ENDING: Final = ".html"

_PLAIN = re.compile(r"[a-z0-9_.-]")
_CODED = re.compile(r"\+([a-z])|=([0-9a-f]{2})|(,)|([a-z0-9_.-])")
_LONGEST_SEGMENT = 150
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})T")
_OWN_ID = re.compile(r"bench_([0-9a-f]{8})[0-9a-f]*")


def segment(name: str) -> str:
    """Return a name as one part of a key; names that differ have parts that differ, even where case does not count.

    Small letters, digits, `_`, `-` and `.` stay (no dot at the start); `/` becomes `,`, a capital letter `+` and the
    small one, and everything else its bytes in UTF-8 as `=XX`. The end of a very long name becomes a digest.
    """
    text = "".join(map(_coded, name))
    if text.startswith("."):
        text = f"=2e{text[1:]}"
    if len(text) <= _LONGEST_SEGMENT:
        return text
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[:100]}=={digest[:32]}"


def name_of(part: str) -> str:
    """Return the name that a part of a key stands for; the part itself where it was shortened, or made elsewhere."""
    found = list(_CODED.finditer(part))
    if "".join(one[0] for one in found) != part:
        return part
    try:
        name = b"".join(map(_decoded, found)).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return part
    return name if segment(name) == part else part


def _coded(character: str) -> str:
    if character == "/":
        return ","
    if "A" <= character <= "Z":
        return f"+{character.lower()}"
    if _PLAIN.fullmatch(character):
        return character
    return "".join(f"={byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def _decoded(found: re.Match[str]) -> bytes:
    capital, byte, slash, plain = found.groups()
    if byte:
        return bytes.fromhex(byte)
    return (capital.upper() if capital else "/" if slash else plain).encode()


def run_key(entry: IndexEntry, row: RunRow) -> str:
    """Return where a run lies in the history: by the day that it began, what it measured, and its id.

    Raises ArtifactCorrupt for an entry without a day.
    """
    day = _DAY.match(row.start_time)
    if day is None:
        raise ArtifactCorrupt("the entry of a run names no day", place=entry.id, hint="Save the run anew.")
    return f"{RESULTS}/{'/'.join(day.groups())}/{_what(entry, row)}-{run_tag(entry.id)}{RUN_ENDING}"


def _what(entry: IndexEntry, row: RunRow) -> str:
    if row.event == "schedule":
        return f"scheduled-{row.start_time[:10].replace('-', '')}"
    commit = re.match(r"[0-9a-f]{7,12}", entry.commit or "")
    return f"commit-{commit[0]}" if commit else "run"


def run_tag(run: str) -> str:
    """Return eight characters of the id of a run, or of its digest where the id is not of our making."""
    own = _OWN_ID.fullmatch(run)
    return own[1] if own else hashlib.sha256(run.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def samples_key(key: str) -> str:
    """Return where the samples of a large run lie: beside it."""
    return key.removesuffix(RUN_ENDING) + SAMPLES_ENDING


def report_key(key: str) -> str:
    """Return where the report on a run of the history lies: by the same day and name, among reports alone."""
    return f"{REPORTS}/{key.removeprefix(f'{RESULTS}/').removesuffix(RUN_ENDING)}{REPORT_ENDING}"


def baseline_key(name: str) -> str:
    """Return where a named baseline lies."""
    return f"{BASELINES}{segment(name)}{RUN_ENDING}"


def baseline_name(key: str) -> str | None:
    """Return the name of the baseline under a key; None where another thing lies there."""
    part = key.removeprefix(BASELINES)
    if part == key or "/" in part or not part.endswith(RUN_ENDING):
        return None
    return name_of(part.removesuffix(RUN_ENDING))


def versions_folder(name: str) -> str:
    """Return where the entries of the former versions of a baseline lie."""
    return f"{BASELINES}{segment(name)}/"


def version_key(name: str, entry: IndexEntry, row: RunRow) -> str:
    """Return where it is kept that a run was this baseline once; the newest version comes last."""
    stamp = re.sub(r"[^0-9TZ]", "", row.start_time[:19])
    return f"{versions_folder(name)}{stamp}-{run_tag(entry.id)}.json"
