"""Whether what is looked for in bodies can be found here: some of it needs libraries (extra `pii`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib.util import find_spec

from lens_gate.config.guards import PiiDetection
from lens_gate.errors import ConfigProblem
from lens_gate.load.record.home_phones import unknown_regions
from lens_gate.load.record.identifiers import SHAPES

_SECTION = "privacy.pii_detection"


def require_findable(asked: PiiDetection) -> None:
    """Raise ConfigProblem where a library is missing, or knows no such region."""
    for module, key, text in _needed(asked):
        if find_spec(module) is None:
            raise ConfigProblem(
                f"{text}, which is not installed",
                place=f"{_SECTION}.{key}",
                hint="Install lens-gate with it: pip install 'lens-gate[pii]'.",
            )
    require_known(asked.phone_regions)


def require_known(regions: Collection[str]) -> None:
    """Raise ConfigProblem where no telephone numbers of a region are known; without the library none is refused."""
    unknown = unknown_regions(regions) if regions and find_spec("phonenumbers") else []
    if unknown:
        raise ConfigProblem(
            f"no telephone numbers of {unknown[0]} are known",
            place=f"{_SECTION}.phone_regions",
            hint="Name countries by the two letters of ISO 3166, such as GB or DE.",
        )


def _needed(asked: PiiDetection) -> Iterator[tuple[str, str, str]]:
    """Yield each module that is needed, the key that asks for it, and what needs which package."""
    checked = next((name for name in asked.patterns if name in SHAPES), None)
    if checked is not None:
        yield "stdnum", "patterns", f"`{checked}` needs the package python-stdnum"
    if asked.phone_regions:
        yield "phonenumbers", "phone_regions", "numbers by country need the package phonenumberslite"
