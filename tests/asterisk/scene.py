"""Where a scenario is played: an office's phones, somebody outside, and both ears."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from switchhook.connectors.asterisk.wire import actions
from switchhook.connectors.asterisk.wire.ami import Frame
from tests.asterisk.actors import Actors
from tests.asterisk.ears import AmiEar
from tests.asterisk.played_hub import PlayedHub
from tests.asterisk.server import AsteriskServer


@dataclass(kw_only=True)
class Scene:
    """One scenario's part of the stage: `a` to `d` are phones, `outside` the number of the other party."""

    pbx: AsteriskServer
    sip: Actors
    ami: AmiEar
    hub: PlayedHub
    office: int
    outside: str
    heard_before: int = field(init=False)  # frames of other scenarios in the same office

    def __post_init__(self) -> None:
        self.heard_before = len(self.ami.frames)

    @property
    def a(self) -> str:
        return self.phone("a")

    @property
    def b(self) -> str:
        return self.phone("b")

    @property
    def c(self) -> str:
        return self.phone("c")

    def phone(self, letter: str) -> str:
        """Give the extension of the office's phone a, b, c or d."""
        return f"{self.office}{'abcd'.index(letter) + 1:02}"

    def did(self, last_digit: int) -> str:
        """Give the number of this office at which the dialplan does what the digit says."""
        return f"7495000{self.office - 1}00{last_digit}"

    async def heard(self, event: str, **begins: str) -> Frame:
        """Wait for an event of this scenario. Raises: NotHeard."""
        return await self.ami.until(event, since=self.heard_before, **begins)

    async def talks(self, endpoint: str) -> str:
        """Wait until a phone, or the trunk, is in a bridge; give its channel."""
        return (await self.heard("BridgeEnter", Channel=f"PJSIP/{endpoint}-")).raw("Channel")

    async def rings(self, phone: str) -> None:
        """Wait until a phone rings."""
        await self.heard("Newstate", Channel=f"PJSIP/{phone}-", ChannelStateDesc="Ringing")

    async def until_over(self) -> None:
        """Wait until every channel of this scenario is gone. Raises: NotHeard: one stays."""
        await self.ami.until_over(
            lambda frame: (
                frame.raw("Channel").startswith(f"PJSIP/{self.office}")
                or self.outside in (frame.raw("CallerIDNum"), frame.raw("Exten"))
            )
        )

    async def act(self, action: str, **fields: str) -> None:
        """Ask the PBX for something over AMI. Raises: NotHeard: it says no."""
        await self.ami.act(lambda one: actions.write_action(action, fields.items(), action_id=one))

    async def register(self, phone: str, *, expires_seconds: int = 3600) -> None:
        """Let a phone of this scenario register, or take its leave with 0 seconds."""
        await asyncio.to_thread(self.pbx.register, phone, expires_seconds=expires_seconds)


Act = Callable[[Scene], Awaitable[None]]
