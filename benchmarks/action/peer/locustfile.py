"""One user who asks a chat endpoint; needs only locust."""

from __future__ import annotations

from locust import HttpUser, constant_throughput, task

BODY = {
    "model": "sim-large",
    "stream": True,
    "max_tokens": 10,
    "messages": [{"role": "user", "content": "Where is my order?"}],
}


class Customer(HttpUser):
    """Asks ten times a second."""

    wait_time = constant_throughput(10)

    @task
    def ask(self) -> None:
        """Send one request."""
        self.client.post("/v1/chat/completions", json=BODY)
