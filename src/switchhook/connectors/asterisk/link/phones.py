"""Asking a PBX, after each connecting, whether phones that we believe in a call still are."""

import asyncio

import msgspec

from switchhook.connectors.asterisk.link.ami_client import AmiClient
from switchhook.connectors.asterisk.link.presence import PresenceWatch
from switchhook.connectors.asterisk.link.requests import Asker
from switchhook.connectors.asterisk.wire import actions, ari, rest
from switchhook.core.errors import PeerDown


async def compare_by_ami(watch: PresenceWatch, client: AmiClient) -> None:
    """Have the watch look at the list of devices, where it believes a phone in a call.

    Raises: PeerDown: no answer. LinkLost: another process holds the link.
    """
    if not watch.believes_phones_busy:
        return
    watch.begin_compare()
    response, rows = await client.ask_list(lambda one: actions.device_states(action_id=one))
    if response.is_success:  # an Asterisk without res_manager_devicestate has no such list
        await watch.compare([(row.raw("Device"), row.raw("State")) for row in rows])


async def look_by_ari(watch: PresenceWatch, asker: Asker) -> None:
    """Likewise by the list of channels, once, and then wait until cancelled.

    ARI lists only the states of devices that it sets itself.

    Raises: PeerDown: no answer, or none that can be read. LinkLost.
    """
    if watch.follows_phones:
        watch.begin_compare()
        answer = await asker.send(rest.channels())
        if answer.is_success:
            try:
                found = msgspec.json.decode(answer.body, type=list[ari.Channel], strict=False)
            except msgspec.DecodeError:
                raise PeerDown("Asterisk answered channels with something else than a list") from None
            await watch.compare_channels(found)
    await asyncio.Event().wait()
