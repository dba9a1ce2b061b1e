"""A way out that spoils what it sends the way real PBXs were seen to: connectors themselves write clean.

docs/simulator.md names the source of each fault.
"""

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from switchhook.core.connector import Answer, Download, HttpPort
from switchhook.core.errors import PeerDown

Spoil = Callable[[str], str]

# Misspelt as a real connector does, in the sister dialect's words, and in another case.
MISSPELT = {
    "NotAvailable": "NotAvaliable",
    "Cancelled": "Cancel",
    "Missed": "missed",
    "NoAnswer": "NotAvaliable",
    "Busy": "busy",
}
PHP_MEMBERS = ("hangupStatus", "callExternalId", "externalPhone")


def as_php_writes(text: str) -> str:
    """Write JSON as PHP's clients do: null for what is not there, [] for an empty object, escaped slashes."""
    value = json.loads(text)
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict) and "webAnalyticsData" not in one and "externalId" not in one:
            one["webAnalyticsData"] = []
            for name in PHP_MEMBERS:
                one.setdefault(name, None)
    return json.dumps(value, ensure_ascii=True).replace("/", "\\/")


# What may be spoiled, by the name of the form's field.
FIELDS: Mapping[str, Spoil] = {
    "status": lambda text: MISSPELT.get(text, text),
    "duration": lambda text: "" if text == "0" else text,
    "event": lambda text: as_php_writes(text) if text.startswith("{") else text,
    "calls": lambda text: as_php_writes(text) if text.startswith("[") else text,
}


def as_clouds_write(body: bytes) -> bytes:
    """Write a VoIPcloud event as some were seen: the text "null" for no date, a length as a text."""
    value = json.loads(body)
    if not isinstance(value, dict) or "unique_call_id" not in value:
        return body
    if "connected_at" in value:
        value["connected_at"] = value["connected_at"] or "null"
    if "conversation_duration" in value:
        value["conversation_duration"] = str(value["conversation_duration"])
    return json.dumps(value).encode()


@dataclass(frozen=True, kw_only=True)
class Faults:
    """How often (0 to 1) each goes wrong."""

    spoils: float = 0.0  # fields are written badly
    repeats: float = 0.0  # the same request goes out twice
    loses: float = 0.0  # a message of which the call does not depend never leaves
    late_seconds: float = 0.0  # messages of one call overtake each other within this time: see Teller


CLEAN = Faults()
SLOPPY = Faults(spoils=0.5, repeats=0.2, loses=0.1, late_seconds=0.4)
# The end of a call tells all that these do.
MAY_BE_LOST = frozenset({"ACCEPTED", "user_inbound_answered", "user_outbound_answered"})


class FaultyHttp:
    """An `HttpPort` in front of another one."""

    def __init__(self, http: HttpPort, faults: Faults, *, rng: random.Random) -> None:
        self._http = http
        self._faults = faults
        self._rng = rng

    async def send(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        connect_seconds: float = 3,
        total_seconds: float = 10,
    ) -> Answer:
        faults, rng = self._faults, self._rng
        is_message = form is not None or json is not None
        if MAY_BE_LOST & told_by(form, json) and rng.random() < faults.loses:
            raise PeerDown("lost on the way, as the scenario wants it")
        if is_message and rng.random() < faults.spoils:
            form = None if form is None else spoiled(form)
            json = None if json is None else as_clouds_write(json)
        times = 2 if is_message and rng.random() < faults.repeats else 1
        answers = await asyncio.gather(
            *(
                self._http.send(
                    method,
                    url,
                    form=form,
                    query=query,
                    json=json,
                    headers=headers,
                    connect_seconds=connect_seconds,
                    total_seconds=total_seconds,
                )
                for _ in range(times)
            )
        )
        return answers[0]

    def download(
        self, url: str, *, max_bytes: int, total_seconds: float, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Download]:
        return self._http.download(url, max_bytes=max_bytes, total_seconds=total_seconds, headers=headers)


def told_by(form: Mapping[str, str] | None, body: bytes | None) -> set[str]:
    """Give the words of a message among which there is what it tells."""
    words = set(form.values()) if form is not None else set()
    value = json.loads(body) if body is not None else None
    return words | {str(value.get("type"))} if isinstance(value, dict) else words


def spoiled(form: Mapping[str, str]) -> dict[str, str]:
    """Write the fields of a form as badly as PBXs do."""
    return {name: FIELDS[name](value) if name in FIELDS else value for name, value in form.items()}
