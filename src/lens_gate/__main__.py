"""`python -m lens_gate`, `lens-gate` and its alias `llm-lens`."""

from __future__ import annotations

from lens_gate.cli.app import main

if __name__ == "__main__":
    main()
