"""The published contract: bytes to models and back, no file access."""
