"""The pages for people: one file each, without script, network or anything beside it."""
