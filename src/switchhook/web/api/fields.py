"""The kinds of values in parameters and bodies, as JSON Schema tells them and as they are held to it.

A pattern must mean the same to Python and to ECMAScript (JSON Schema's dialect). Control characters are
refused before any pattern is asked: see `reading`.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from switchhook.core.directory import Availability, GroupKind

# What may stand on one line, and a line of which something can be seen.
LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
VISIBLE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"  # noqa: E501 - one pattern
ASCII = r"^[ -~]*$"
DIALABLE = r"^\+?[0-9*#]{1,32}$"
# Larger ones are no longer whole in the numbers of JavaScript.
LARGEST_ID = 2**53 - 1

Id = Annotated[int, Meta(ge=1, le=LARGEST_ID, examples=[1])]
IdCursor = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,14}$", description="`next` of the page before.", examples=["1"])
]
Limit = Annotated[int, Meta(ge=1, le=200, description="How many at most.", examples=[50])]
Next = Annotated[
    str | None, Meta(description="Where the next page goes on: its `cursor`. Null: there is none.")
]

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=VISIBLE,
        description="One line of visible text; characters that cannot be seen are taken out of it.",
        examples=["Anna Petrova"],
    ),
]
Word = Annotated[str, Meta(min_length=1, max_length=100, pattern=VISIBLE, examples=["main"])]
Search = Annotated[str, Meta(max_length=100, pattern=LINE, examples=["petr"])]
Phone = Annotated[str, Meta(min_length=1, max_length=64, pattern=VISIBLE, examples=["+7 910 123-45-67"])]
Phones = Annotated[
    tuple[Phone, ...], Meta(max_length=50, description="Numbers as people write them, in their order.")
]
Email = Annotated[
    str,
    Meta(
        max_length=254,
        pattern=r"^[^\s@\u0000-\u001f\u007f-\u009f]+@[^\s@\u0000-\u001f\u007f-\u009f]+$",
        examples=["anna@example.com"],
    ),
]
Extension = Annotated[
    str, Meta(pattern=DIALABLE, description="Inside number of an employee.", examples=["101"])
]
Dialable = Annotated[
    str,
    Meta(pattern=DIALABLE, description="A number as a PBX may dial it.", examples=["+79101234567"]),
]
# As much of a number as is known, or all of it; people type blanks, dashes and parentheses between digits.
NumberPart = Annotated[
    str, Meta(pattern=r"^[+0-9*# ()-]{1,64}$", description="A number, or the digits it ends with.")
]
Status = Annotated[Availability, Meta(description="Whether calls may be given to them.", examples=["free"])]
Kind = Annotated[
    GroupKind,
    Meta(description="How phones ring: all at once, one after another, or in a queue.", examples=["ring"]),
]
ConnectionId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["c-ab2cd3ef4g"])]
CallId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["0194b8f1c2a0d4e5f60718293a"])]
Moment = Annotated[
    datetime,
    Meta(
        tz=True,
        description="RFC 3339 with an offset. In a query `+` has to be written as `%2B`.",
        examples=["2026-01-31T09:00:00Z"],
    ),
]
# A time that we give: see `core.call_view.rfc3339`.
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"}, examples=["2026-01-31T09:00:00.000Z"])]
