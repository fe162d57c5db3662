"""The place that we run in: git, and the platforms around it."""
