"""From the history of runs to its shifts, slopes and creep, and to what they mean; pure."""
