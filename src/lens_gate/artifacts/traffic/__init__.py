"""Recorded traffic, as production logs and published traces write it; each format is a module of its own."""
