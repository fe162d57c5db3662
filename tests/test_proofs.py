"""The page of proofs names what is there, and the README leads to every page."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_test_and_benchmark_that_the_page_names_exists() -> None:
    page = (ROOT / "docs/proofs.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:tests|benchmarks)/[\w/.]*\w", page))
    assert len(named) > 15
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_readme_leads_to_every_page() -> None:
    pages = {str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")}
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert len(pages) > 20
    assert linked == pages


def test_every_link_of_a_page_leads_to_a_page_and_a_heading_of_it() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for name, anchor in re.findall(r"\]\(((?!https?:)[^)#\s]*)(?:#([^)\s]*))?\)", text):
            target = page.parent / name if name else page
            assert target.exists(), (page.name, name)
            if anchor:
                assert anchor in _anchors(target), (page.name, name, anchor)


def _anchors(page: Path) -> set[str]:
    """Return what the headings of a page are linked by: small letters and hyphens, without other marks."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
