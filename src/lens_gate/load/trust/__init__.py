"""Whether a run was measured well enough to be believed, judged after its end. Pure."""
