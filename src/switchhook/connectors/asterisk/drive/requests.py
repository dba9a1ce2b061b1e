"""Requests that only driving needs, as values; the rest is in `wire.rest`. Pure.

Commands to one channel wait for one another inside Asterisk: music asked for after an announcement begins
when that ends, and a channel with an announcement enters no bridge before it is stopped.
"""

from collections.abc import Sequence
from urllib.parse import quote

from switchhook.connectors.asterisk.wire import values
from switchhook.connectors.asterisk.wire.rest import LONGEST_CALLER_NAME, RestRequest
from switchhook.core.number import DIALABLE, WITHHELD_WORDS
from switchhook.core.text import clean_name

# They would end a quoted name early, or begin an address.
NO_NAME_SIGNS = str.maketrans({'"': "'", "<": "(", ">": ")", "\\": "/"})


def play(channel_id: str, *, playback_id: str, media: Sequence[str]) -> RestRequest:
    """Play `media` one after another, such as `sound:queue-youarenext` or `number:3`."""
    listed = ",".join(values.one_line(one, field="media") for one in media)
    return RestRequest(
        method="POST",
        uri=f"{_channel(channel_id)}/play/{_id(playback_id)}",
        query={"media": listed},
    )


def stop_playing(playback_id: str) -> RestRequest:
    return RestRequest(method="DELETE", uri=f"playbacks/{_id(playback_id)}")


def start_music(channel_id: str, *, music: str) -> RestRequest:
    query = {"mohClass": values.name(music, field="music")}
    return RestRequest(method="POST", uri=f"{_channel(channel_id)}/moh", query=query)


def stop_music(channel_id: str) -> RestRequest:
    return RestRequest(method="DELETE", uri=f"{_channel(channel_id)}/moh")


def read_variable(channel_id: str, *, variable: str) -> RestRequest:
    """Ask for a variable or function, such as PJSIP_DIAL_CONTACTS(101)."""
    query = {"variable": values.one_line(variable, field="variable")}
    return RestRequest(method="GET", uri=f"{_channel(channel_id)}/variable", query=query)


def shown_name(name: str) -> str:
    """Make a name fit for a caller id: visible signs only, short, nothing that ends it early."""
    return clean_name(name.translate(NO_NAME_SIGNS), longest=LONGEST_CALLER_NAME)


def shown_number(number: str) -> str:
    """Give a number as a phone may show it; "" for one that is withheld or none."""
    number = number.strip()
    if number.casefold() in WITHHELD_WORDS or DIALABLE.fullmatch(number) is None:
        return ""
    return number


def _channel(channel_id: str) -> str:
    return f"channels/{_id(channel_id)}"


def _id(given: str) -> str:
    return quote(values.identifier(given), safe="")
