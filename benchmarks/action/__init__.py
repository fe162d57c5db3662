"""Seconds until the first request of a job leaves, by part, with the action and with a peer's set-up."""
