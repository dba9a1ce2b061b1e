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
MAY_BE_LOST = frozenset({"ACCEPTED"})


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
        if form is not None and MAY_BE_LOST & set(form.values()) and rng.random() < faults.loses:
            raise PeerDown("lost on the way, as the scenario wants it")
        if form is not None and rng.random() < faults.spoils:
            form = spoiled(form)
        times = 2 if form is not None and rng.random() < faults.repeats else 1
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


def spoiled(form: Mapping[str, str]) -> dict[str, str]:
    """Write the fields of a form as badly as PBXs do."""
    return {name: FIELDS[name](value) if name in FIELDS else value for name, value in form.items()}
