"""Free TCP ports on loopback."""

import socket


def free_port() -> int:
    """Return a port that nobody listens on now; a bind soon after will very likely succeed."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
