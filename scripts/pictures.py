"""Draws the pictures of the README from the reports of the demo, with a browser that is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lens_gate.steps.rendering.paper import BROWSERS

PICTURES = Path("docs/pictures")
REPORT = "2-slower-model/report.html"
SCHEMES = {"dark": 0, "light": 1}
"""The colours that a reader may prefer, by the browser's numbers for them."""

SIZE = "1120,690"
"""Pixels: the first screen of a report."""


def main() -> None:
    """Run the demo, and draw its regression in both colours."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit(f"a browser draws the pictures, and there is none of {', '.join(BROWSERS)}")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        # The demo's folder is part of the commands that its reports advise, so it has the name that `make demo` gives.
        command = [sys.executable, "-m", "lens_gate", "demo", "--output-dir", "demo-results"]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)  # noqa: S603 every word is ours
        page = Path(folder, "demo-results", REPORT)
        for scheme, number in SCHEMES.items():
            draw(browser, page, PICTURES.resolve() / f"regression-{scheme}.png", number)


def draw(browser: str, page: Path, picture: Path, scheme: int) -> None:
    """Write the first screen of `page` as `picture`."""
    # A browser refuses its sandbox to root; the page runs no script anyway.
    unboxed = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    looks = ["--headless", "--disable-gpu", "--hide-scrollbars", f"--blink-settings=preferredColorScheme={scheme}"]
    size = [f"--window-size={SIZE}", f"--screenshot={picture}"]
    command = [browser, *unboxed, *looks, *size, page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603 every word is ours


if __name__ == "__main__":
    main()
