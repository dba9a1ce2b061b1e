"""`switchhook dial`: click to call without a screen."""

from cyclopts import App

from switchhook.app.workshop import open_workshop
from switchhook.cli.frame import COMMON, Common, desk, show

app = App(name="dial")


@app.default
async def dial(*, extension: str, number: str, did: str | None = None, common: Common = COMMON) -> None:
    """Ring an employee, then the number, and join them.

    Parameters
    ----------
    extension
        Whose phone rings first.
    number
        Whom to call.
    did
        Which of our numbers to show.
    """
    async with desk(common) as at, open_workshop(at) as workshop:
        order = await workshop.hubs.dialler.dial(
            at.account_id, extension, number, did=did, asked_by="command line"
        )
    show(common, {"id": order, "extension": extension, "number": number}, f"{extension} is being rung")
