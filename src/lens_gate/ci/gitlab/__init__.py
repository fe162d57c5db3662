"""GitLab CI: what a job is told by its environment, the reports that it leaves, and notes on merge requests."""
