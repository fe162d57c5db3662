"""GitHub: its events, its workflow commands and files, and its REST interface."""
