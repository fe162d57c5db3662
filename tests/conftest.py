"""What holds for all tests: property tests are judged by what they find, never by how long a busy machine took."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("lens-gate", deadline=None)
settings.load_profile("lens-gate")
