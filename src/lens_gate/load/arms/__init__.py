"""What each arm sends: its series and prompts, the pairs that two arms form, and what tells arms apart. Pure."""
