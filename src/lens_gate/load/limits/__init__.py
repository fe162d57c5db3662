"""What holds requests back, sends them again or ends a run: rates, retries, breakers, errors. Pure."""
