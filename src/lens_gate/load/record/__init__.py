"""What is kept of each request and of a run's end: samples, attempts, bodies without secrets, counters. Pure."""
