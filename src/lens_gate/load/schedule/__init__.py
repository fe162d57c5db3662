"""Which request is sent when: workloads, arrivals, rates, phases, replayed logs, shares of processes. Pure."""
