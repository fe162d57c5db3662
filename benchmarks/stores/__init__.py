"""Proofs of the stores, for any address: writers at the same time, writers that are killed, and how reading grows."""
