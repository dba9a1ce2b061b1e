"""Recordings of a call, for whoever may read calls: whole or in parts."""

from typing import Annotated

from litestar import Response
from litestar.response import Stream
from msgspec import UNSET, Meta, Struct, UnsetType, field

from switchhook.core.api import Scope
from switchhook.web.api.calls import TAG, read_call
from switchhook.web.api.fields import ASCII, CallId
from switchhook.web.api.operation import Answer, Answers, Asked, operation
from switchhook.web.api.problem import RANGE, answer

AUDIO = "audio/*"
# Of the headers of a file that is not given.
OF_PROBLEMS = ("retry-after", "content-range")


class RecordingPath(Struct, frozen=True, kw_only=True):
    call_id: CallId
    number: Annotated[int, Meta(ge=0, le=999, description="Its place in `recordings`, from 0.", examples=[0])]


class RecordingHeaders(Struct, frozen=True, kw_only=True):
    range: (
        Annotated[str, Meta(pattern=ASCII, description="One part of the file.", examples=["bytes=0-65535"])]
        | UnsetType
    ) = field(default=UNSET, name="Range")
    if_range: (
        Annotated[
            str,
            Meta(pattern=ASCII, description="`ETag` of the file that the part is of.", examples=['"9f86d0"']),
        ]
        | UnsetType
    ) = field(default=UNSET, name="If-Range")


@operation(
    "GET",
    "/calls/{call_id}/recordings/{number}",
    tag=TAG,
    scope=Scope.READ,
    summary="Get a recording",
    answers=Answers(
        media={AUDIO: "the bytes of the file"},
        others={206: "A part of it.", 302: "Only the phone system has it: `Location` says where."},
    ),
    problems=(RANGE,),
)
async def get_recording(asked: Asked, path: RecordingPath, headers: RecordingHeaders) -> Answer:
    """A 404 with `Retry-After` says that it is still expected."""
    call = await read_call(asked, path.call_id)
    opened = await asked.office.playback.open_recording(
        call.recording_token,
        path.number,
        range_header=headers.range or None,
        if_range=headers.if_range or None,
        wants_body=asked.request.method != "HEAD",
    )
    given = dict(opened.headers)
    if opened.status in (404, 416):
        told = {name: given[name] for name in OF_PROBLEMS if name in given}
        if opened.status == 416:
            return answer(RANGE, "expected a part that lies inside the file", headers=told)
        return answer("not_found", f"call {call.id} has no recording {path.number}", headers=told)
    media_type = given.pop("content-type", None)
    if opened.chunks is None:
        return Response(None, status_code=opened.status, media_type=media_type, headers=given)
    return Stream(opened.chunks, status_code=opened.status, media_type=media_type, headers=given)
