"""The commands `baseline …`: named runs saved, renewed, pruned, and brought from store to store."""
