#!/usr/bin/env bash
# Writes the first Python here that lens-gate can use to the step's output `path`; nothing where there is none.
set -euo pipefail
usable='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11) or sys.implementation.name != "cpython")'
for name in python3 python3.13 python3.12 python3.11 python; do
  if found=$(command -v "$name") && "$found" -I -c "$usable" 2> /dev/null; then
    echo "path=$found" >> "$GITHUB_OUTPUT"
    exit 0
  fi
done
echo "No Python 3.11 or newer with venv is here; actions/setup-python brings one, and leaves the PATH as it is."
