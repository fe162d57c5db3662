"""From an analysis and the rules to a verdict and an exit code; pure."""
