"""`switchhook sim`: play a PBX or a CRM, to try a hub or any other endpoint."""

from typing import Annotated

from cyclopts import App, Parameter

from switchhook.app.logs import setup_logs
from switchhook.cli.frame import read_pairs

app = App(name="sim")


@app.default
async def sim(
    role: str,
    kind: str,
    /,
    *,
    url: str | None = None,
    set_: Annotated[list[str], Parameter(name="--set", negative=())] = [],  # noqa: B006 - read only
    scenario: str | None = None,
    calls: int | None = None,
    rate: float | None = None,
    seed: int = 1,
    speed: float = 1.0,
    listen: str | None = None,
) -> None:
    """Play one side of a protocol.

    Parameters
    ----------
    role
        What to play: pbx or crm.
    kind
        The protocol.
    url
        The endpoint to talk to.
    set_
        A setting or key of the connection, as field=value; may be given many times.
    scenario
        What happens: docs/simulator.md lists them. A PBX plays answered calls, a CRM takes everything.
    calls
        How many calls: one from a PBX unless told, as many as come for a CRM.
    rate
        How many of them a second.
    seed
        The same seed plays the same calls.
    speed
        How much faster than on the wall the played side's time runs.
    listen
        HOST:PORT to listen on; a free port of this machine unless given.
    """
    setup_logs(level="warning")
    from switchhook.sim.play import play

    await play(
        role,
        kind,
        url=url,
        settings=read_pairs(set_),
        scenario=scenario,
        calls=calls,
        rate=rate,
        seed=seed,
        speed=speed,
        listen=listen,
    )
