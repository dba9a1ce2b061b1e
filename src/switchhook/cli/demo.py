"""`switchhook demo`: a hub on a throw-away folder, with a played PBX and CRM and calls running."""

import asyncio
import socket
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from switchhook.app.logs import setup_logs
from switchhook.cli.frame import Switch
from switchhook.settings import DEFAULT_PORT, read_place

app = App(name="demo")


@app.default
def demo(
    *,
    port: int = DEFAULT_PORT,
    browser: Annotated[bool, Parameter(negative="--no-browser")] = True,
    calls: int | None = None,
    verbose: Switch = False,
) -> None:
    """Run a hub with everything played: open the page and watch calls come in.

    Parameters
    ----------
    port
        Port to listen on; another one is taken when it is in use.
    browser
        Open the page by itself.
    calls
        Stop after so many calls.
    verbose
        Show what the hub logs.
    """
    with tempfile.TemporaryDirectory(prefix="switchhook-demo-") as folder:
        # No variable of the environment: a demo must not reach a real database.
        place = read_place(
            Path(folder), environ={}, given={"port": port if is_free(port) else 0, "host": "127.0.0.1"}
        )
        setup_logs(level="info" if verbose else "error")
        from switchhook.app.hub import Ready, run_hub
        from switchhook.net.server import uvloop_factory
        from switchhook.sim.demo import run as play

        def ready(now: Ready) -> None:
            print(f"listening on {now.url}", flush=True)
            print(f"calls page: {now.login_url}", file=sys.stderr, flush=True)
            if browser:
                webbrowser.open(now.login_url)

        with asyncio.Runner(loop_factory=uvloop_factory()) as runner:
            runner.run(run_hub(place, ready, beside=lambda now: play(now, calls=calls)))


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
