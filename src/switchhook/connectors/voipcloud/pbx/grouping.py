"""Which group brought a call: as its PBX said, else the one that answers the line."""

from msgspec.structs import replace

from switchhook.core.book import Book
from switchhook.core.call import Call, Direction
from switchhook.core.number import read_number, same_caller


async def with_group(call: Call, book: Book, region: str) -> Call:
    """Give the call with its group, as the histories have it; a PBX that names none leaves it to the line.

    What is presented on the way out says nothing of a group.
    """
    if call.direction is not Direction.INBOUND or not (call.did or call.group):
        return call
    name = call.group or await _group_of_line(call.did or "", book, region)
    if not name or (call.group and call.group_kind):
        return call
    kind = next((group.kind for group in await book.groups() if group.name == name), None)
    return replace(call, group=name, group_kind=kind)


async def _group_of_line(did: str, book: Book, region: str) -> str | None:
    reached = read_number(did, region)
    lines = await book.lines()
    return next(
        (line.group for line in lines if same_caller(reached, read_number(line.number, region))), None
    )
