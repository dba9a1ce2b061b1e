"""How calls are driven: what an administrator may choose. Values only."""

from collections.abc import Mapping

from msgspec import Struct, field


class DriveSettings(Struct, frozen=True, kw_only=True):
    """All times are seconds."""

    app: str = "switchhook"
    phone: str = "PJSIP/{extension}"  # where an extension is, when `devices` does not say
    devices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # endpoints by extension
    rings_all_contacts: bool = True  # a PJSIP endpoint that is registered from several places rings at all
    trunk: str = "PJSIP/{number}@trunk"  # how a number outside is reached
    caller_id: str = ""  # our number as shown outside, where an order names no line
    fallback: str = ""  # extension that rings last
    ring_seconds: int = 25  # all at once
    hunt_seconds: int = 15  # each, one after another
    queue_seconds: int = 180  # in all
    queue_ring_seconds: int = 15  # each round of a queue
    queue_pause_seconds: int = 3  # between two rounds
    plan_seconds: int = 5  # how long a call waits for its plan; the lookup has a shorter deadline
    client_seconds: int = 60  # how long the number of a click rings
    records: bool = True
    rings_talking: bool = False  # a phone that is on a driven call is rung all the same
    continues_after_talk: bool = False  # the dialplan goes on with the caller when the employee hung up
    music: str = "default"  # class of music on hold; "" for ringing in queues
    announcement: str = ""  # media such as sound:queue-thankyou, at the entry of a queue
    tells_position: bool = False  # needs the sounds queue-youarenext, queue-thereare, queue-callswaiting

    def endpoints_of(self, extension: str) -> tuple[str, ...]:
        """Give the endpoints that ring for an extension, the first one first."""
        return self.devices.get(extension) or (self.phone.replace("{extension}", extension),)

    def way_out(self, number: str) -> str:
        """Give the endpoint by which a number outside is called."""
        return self.trunk.replace("{number}", number)
