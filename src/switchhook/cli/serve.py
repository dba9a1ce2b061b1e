"""`switchhook serve`: run the hub."""

import asyncio
import gc
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from switchhook.app.logs import setup_logs
from switchhook.settings import read_place

app = App(name="serve")


@app.default
def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    data: Path | None = None,
    public_url: str | None = None,
    tls_cert: Annotated[Path | None, Parameter(name="--tls-cert")] = None,
    tls_key: Annotated[Path | None, Parameter(name="--tls-key")] = None,
) -> None:
    """Run the hub until it is told to stop. Prints one line, "listening on URL", when it is ready.

    Parameters
    ----------
    host
        Address to listen on; 127.0.0.1 unless set otherwise.
    port
        Port to listen on, 8420 unless set otherwise; 0 takes a free one.
    data
        The data folder.
    public_url
        Where peers and browsers reach the hub, when a proxy stands in front.
    tls_cert
        Certificate chain, in PEM: the hub then speaks HTTPS itself.
    tls_key
        Its private key, in PEM.
    """
    place = read_place(
        data,
        given={
            "host": host,
            "port": port,
            "public_url": public_url,
            "tls_cert": str(tls_cert.absolute()) if tls_cert else None,
            "tls_key": str(tls_key.absolute()) if tls_key else None,
        },
    )
    setup_logs(level=place.settings.log_level, form=place.settings.log_format)
    # Nothing that a start loads becomes garbage: the collector would look through all of it in vain.
    gc.disable()
    # The rest is loaded now that the settings are known to be good.
    from switchhook.app.hub import Ready, run_hub
    from switchhook.net.server import uvloop_factory

    def ready(now: Ready) -> None:
        # Nor may it do so later: that would hold up the requests of the moment for a twentieth of a second.
        gc.freeze()
        # Hardly anything here is garbage that only the collector finds: look for it less often.
        gc.set_threshold(20_000, 10, 10)
        gc.enable()
        print(f"listening on {now.url}", flush=True)
        print(f"calls page (opens once, within 15 minutes): {now.login_url}", file=sys.stderr, flush=True)

    with asyncio.Runner(loop_factory=uvloop_factory()) as runner:
        runner.run(run_hub(place, ready))
