"""The steps `analyze`, `gate`, `trend` and `explain`: from what was measured to a verdict."""
