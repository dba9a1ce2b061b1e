"""`switchhook login`: a one-time link to the calls page."""

from datetime import UTC, datetime

from cyclopts import App

from switchhook.cli.frame import COMMON, Common, desk, show
from switchhook.core.errors import Misconfigured
from switchhook.store.hub_settings import PUBLIC_URL, get_setting
from switchhook.web.sessions import LINK_LASTS, Signer

app = App(name="login")


@app.default
async def login(*, common: Common = COMMON) -> None:
    """Print a link that opens the calls page once, within 15 minutes."""
    async with desk(common) as at:
        public_url = await at.store.read(get_setting, PUBLIC_URL)
        if not public_url:
            raise Misconfigured("no hub has run on this data folder yet: start it with `switchhook serve`")
        now = datetime.now(UTC)
        url = f"{public_url}/login/{Signer.of(at.place.folder).link(at.account_id, now)}"
    show(common, {"url": url, "expires_at": now + LINK_LASTS}, url)
