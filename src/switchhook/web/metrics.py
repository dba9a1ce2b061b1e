"""Counts for Prometheus, when they are switched on."""

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram

from switchhook.core.edge import Reply
from switchhook.net.asgi import Receive, Scope, Send, send_reply

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Metrics:
    """One for the process, with a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "switchhook_peer_requests",
            "Requests of peers that were answered.",
            ("connector", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "switchhook_peer_request_seconds",
            "How long a peer waited for its answer.",
            ("connector",),
            buckets=SECONDS,
            registry=self._registry,
        )

    def note(self, connector: str, status: int, seconds: float) -> None:
        self._requests.labels(connector, str(status)).inc()
        self._seconds.labels(connector).observe(seconds)

    async def page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `/metrics`."""
        body = prometheus_client.generate_latest(self._registry)
        await send_reply(send, Reply(body=body, content_type=prometheus_client.CONTENT_TYPE_LATEST))
