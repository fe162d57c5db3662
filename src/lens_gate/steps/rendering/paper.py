"""A page printed to PDF by a browser that is there; none is brought along."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from lens_gate.errors import PublishFailed, UsageProblem
from lens_gate.stores.files import read_file

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)
"""Programs that print without a window, by name; the first one on the path is taken."""

_LONGEST_S = 120


def printed(page: str) -> bytes:
    """Return a page as PDF, in its light colours and the layout for paper.

    Raises UsageProblem where there is no browser, PublishFailed where it prints nothing.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise UsageProblem(
            "PDF is printed by a browser, and there is none on the path",
            hint=f"Install one of {', '.join(BROWSERS[:3])}, or write HTML and print that.",
        )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return _printed_in(Path(folder), page, browser)


def _printed_in(folder: Path, page: str, browser: str) -> bytes:
    source, target = folder / "report.html", folder / "report.pdf"
    source.write_text(page, encoding="utf-8")
    # A browser refuses its sandbox to root, which is who runs in most containers; the page runs no script anyway.
    unboxed = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    options = ["--headless", "--disable-gpu", "--no-first-run", "--no-pdf-header-footer", *unboxed]
    command = [browser, *options, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={target}", source.as_uri()]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_LONGEST_S)  # noqa: S603 every word is ours
    except (OSError, subprocess.SubprocessError) as error:
        raise PublishFailed(
            f"{Path(browser).name} could not print the report: {error}"[:400],
            hint="Write HTML instead, and print that.",
        ) from None
    if not target.exists():
        raise PublishFailed(f"{Path(browser).name} printed nothing", hint="Write HTML instead, and print that.")
    return read_file(target)
