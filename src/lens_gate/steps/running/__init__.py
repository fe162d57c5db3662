"""The step `run`: a schedule played, in one process or several, and what was measured kept while it goes on."""
