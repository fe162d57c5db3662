"""How often the gate errs, what it sees, and what that costs: measured through the functions that the commands call."""
