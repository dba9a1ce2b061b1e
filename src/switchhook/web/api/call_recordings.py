"""Recordings of a call, for whoever may read calls: whole or in parts, as mp3, and their waveforms."""

from typing import Annotated

from litestar import Response
from litestar.response import Stream
from msgspec import UNSET, Meta, Struct, UnsetType, field

from switchhook.core.api import Scope
from switchhook.core.call import Call
from switchhook.flow.media.waveform import BUCKETS, FEWEST_BUCKETS, MOST_BUCKETS, Peaks
from switchhook.flow.playback import Form, Opened
from switchhook.web.api.calls import TAG, read_call
from switchhook.web.api.fields import ASCII, CallId
from switchhook.web.api.operation import Answer, Answers, Asked, operation
from switchhook.web.api.problem import BUSY, RANGE, UNPLAYABLE, answer

AUDIO, MPEG = "audio/*", "audio/mpeg"
BYTES = "the bytes of the file"
OTHERS = {
    206: "A part of it.",
    302: "Only the phone system has it: `Location` says where.",
    304: "It is as `If-None-Match` says.",
}
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
    if_none_match: (
        Annotated[
            str,
            Meta(
                pattern=ASCII, description="`ETag` of the file that is there already.", examples=['"9f86d0"']
            ),
        ]
        | UnsetType
    ) = field(default=UNSET, name="If-None-Match")


class WaveformQuery(Struct, frozen=True, kw_only=True):
    buckets: Annotated[
        int,
        Meta(
            ge=FEWEST_BUCKETS,
            le=MOST_BUCKETS,
            description="Peaks for each channel; a very short sound has fewer.",
            examples=[BUCKETS],
        ),
    ] = BUCKETS


class WaveformHeaders(Struct, frozen=True, kw_only=True):
    if_none_match: (
        Annotated[
            str, Meta(pattern=ASCII, description="`ETag` of what is there already.", examples=['"9f86d0"'])
        ]
        | UnsetType
    ) = field(default=UNSET, name="If-None-Match")


@operation(
    "GET",
    "/calls/{call_id}/recordings/{number}",
    tag=TAG,
    scope=Scope.READ,
    summary="Get a recording",
    answers=Answers(media={AUDIO: BYTES}, others=OTHERS),
    problems=(RANGE,),
)
async def get_recording(asked: Asked, path: RecordingPath, headers: RecordingHeaders) -> Answer:
    """A 404 with `Retry-After` says that it is still expected."""
    return await give_sound(asked, path, headers, Form.AS_KEPT)


@operation(
    "GET",
    "/calls/{call_id}/recordings/{number}/mp3",
    tag=TAG,
    scope=Scope.READ,
    summary="Get a recording as mp3",
    answers=Answers(media={MPEG: BYTES}, others=OTHERS),
    problems=(RANGE, UNPLAYABLE, BUSY),
)
async def get_recording_mp3(asked: Asked, path: RecordingPath, headers: RecordingHeaders) -> Answer:
    """Made when it is first asked for, which takes about a second for each minute or two of sound, and kept.

    32 kbit/s for each channel; a recording that is mp3 already is given as it is. Nothing can be made of a
    damaged file, of more than two channels or of more than four hours: the recording itself is still there.
    """
    return await give_sound(asked, path, headers, Form.MP3)


@operation(
    "GET",
    "/calls/{call_id}/recordings/{number}/peaks",
    tag=TAG,
    scope=Scope.READ,
    summary="Get the waveform of a recording",
    answers=Answers(
        Peaks,
        Peaks(duration=65.0, peaks=((0.0, 0.1271, -0.2508, 0.1904), (0.0031, -0.0042, 0.0029, 0.3117))),
        others={304: OTHERS[304]},
    ),
    problems=(UNPLAYABLE, BUSY),
)
async def get_recording_peaks(
    asked: Asked, path: RecordingPath, query: WaveformQuery, headers: WaveformHeaders
) -> Answer:
    """To draw it: for each channel and each stretch of time the sample farthest from silence, from -1 to 1.

    Players such as wavesurfer.js take `peaks` and `duration` (seconds) as they are.
    """
    call = await read_call(asked, path.call_id)
    opened = await asked.office.playback.open_peaks(
        call.recording_token,
        path.number,
        buckets=query.buckets,
        if_none_match=headers.if_none_match or None,
        wants_body=asked.request.method != "HEAD",
    )
    return answer_of(opened, call, path.number)


async def give_sound(asked: Asked, path: RecordingPath, headers: RecordingHeaders, form: Form) -> Answer:
    """Raises: NotFound, Unplayable, Busy, StoreDown."""
    call = await read_call(asked, path.call_id)
    opened = await asked.office.playback.open_recording(
        call.recording_token,
        path.number,
        form=form,
        range_header=headers.range or None,
        if_range=headers.if_range or None,
        if_none_match=headers.if_none_match or None,
        wants_body=asked.request.method != "HEAD",
    )
    return answer_of(opened, call, path.number)


def answer_of(opened: Opened, call: Call, number: int) -> Answer:
    given = dict(opened.headers)
    if opened.status in (404, 416):
        told = {name: given[name] for name in OF_PROBLEMS if name in given}
        if opened.status == 416:
            return answer(RANGE, "expected a part that lies inside the file", headers=told)
        return answer("not_found", f"call {call.id} has no recording {number}", headers=told)
    media_type = given.pop("content-type", None)
    if opened.status == 304:
        return Response(None, status_code=304, headers=given)
    if opened.chunks is None:
        return Response(None, status_code=opened.status, media_type=media_type, headers=given)
    return Stream(opened.chunks, status_code=opened.status, media_type=media_type, headers=given)
