"""The words that all rooms share: outcomes, exit codes, error classes, metrics."""
