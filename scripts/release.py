"""Build what a release consists of: wheel and source, zipapp, the wheels that both need offline, SBOM, checksums.

Run by the Python for which the zipapp is meant, from an environment of `requirements/release.txt` (`make release`).
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements" / "action.txt"
"""What is installed beside lens-gate: the core, and the client of GitHub."""

SBOM_LOCK = ROOT / "requirements" / "run.txt"
"""Everything that any extra brings."""

EXTRAS = "github"
WHEELHOUSE = "wheelhouse"


def version() -> str:
    """Return the version of the project."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def zipapp_name() -> str:
    """Return the name of the zipapp, which says where it runs: compiled parts are of one Python and one platform."""
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return f"lens-gate-{version()}-{python}-{platform.system().lower()}-{platform.machine().lower()}.pyz"


def run(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    """Run a command in the project's folder; stop the release where it fails."""
    around = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **(environment or {})}
    subprocess.run([str(word) for word in command], cwd=ROOT, check=True, env=around)  # noqa: S603 written below


def commit_time() -> str:
    """Return the time of the commit, which every file of a reproducible build bears."""
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


def build_packages(output: Path) -> None:
    """Build wheel and source distribution, with nothing that the lock does not hold."""
    environment = {"SOURCE_DATE_EPOCH": commit_time()}
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", output, environment=environment)


def gather_wheels(output: Path) -> None:
    """Download the wheels that lens-gate needs on this platform, each checked by its hash, and put ours beside them."""
    house = output / WHEELHOUSE
    run(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--no-deps"),
        *("--require-hashes", "--requirement", LOCK, "--dest", house),
    )
    wheel = next(output.glob("lens_gate-*.whl"))
    (house / wheel.name).write_bytes(wheel.read_bytes())


def build_zipapp(output: Path) -> None:
    """Build one file that holds lens-gate and all it needs, from the wheels alone."""
    run(
        *(Path(sys.executable).parent / "shiv", "--quiet", "--no-index", "--find-links", output / WHEELHOUSE),
        # Its own processes (the simulator, more than one sender) must find what the zipapp holds.
        *(
            "--reproducible",
            "--compressed",
            "--extend-pythonpath",
            "--console-script",
            "lens-gate",
            "--python",
            "/usr/bin/env python3",
        ),
        *("--output-file", output / zipapp_name(), f"lens-gate[{EXTRAS}]=={version()}"),
        environment={"SOURCE_DATE_EPOCH": commit_time()},
    )


def write_sbom(output: Path) -> None:
    """Write the parts of the lock as CycloneDX."""
    run(
        *(Path(sys.executable).parent / "cyclonedx-py", "requirements", "--pyproject", ROOT / "pyproject.toml"),
        *("--output-reproducible", "--output-format", "JSON", "--output-file"),
        *(output / "lens-gate.cdx.json", SBOM_LOCK),
    )


def write_checksums(output: Path) -> None:
    """Write the SHA-256 of each file of the release, as `sha256sum --check` reads it."""
    files = sorted(path for path in output.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (output / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Build everything into the folder that is named."""
    output = Path(sys.argv[1] if len(sys.argv) > 1 else "dist").resolve()
    if output.exists() and any(output.iterdir()):
        sys.exit(f"{output} is not empty: what is left there of another release would be published with this one")
    output.mkdir(parents=True, exist_ok=True)
    build_packages(output)
    gather_wheels(output)
    build_zipapp(output)
    write_sbom(output)
    write_checksums(output)
    for path in sorted(output.iterdir()):
        print(path.name)


if __name__ == "__main__":
    main()
