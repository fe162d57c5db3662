"""Keepers of bytes: they know keys and bytes, and no artifact."""
