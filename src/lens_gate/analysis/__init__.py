"""Judgement of a run against its other arm or a stored baseline; pure."""
