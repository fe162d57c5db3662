"""A fake LLM server with known timing and known faults."""
