"""The result files of other tools, and our own CSV, translated into requests; each format is a module of its own."""
