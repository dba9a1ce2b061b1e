"""Make golden cases of recordings: `python -m tests.connectors.asterisk.make_golden FOLDER`.

FOLDER holds a recording for each case, of both interfaces of one Asterisk at the same time: NAME.txt, in
lines that one can read (`+0.376 Newchannel Channel=… Exten=…`, then those of ARI), or NAME.json, the messages
as they came. What a case keeps of a message is what says something of a call; nothing is added to it.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"
SOURCE = "Asterisk 22.10.1, own recording\n"

AMI_FIELDS = (
    "Event", "Channel", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum", "Exten",
    "Context", "Uniqueid", "Linkedid", "DestChannel", "DestChannelStateDesc", "DestUniqueid",
    "DestLinkedid", "DestCallerIDNum", "DialStatus", "DialString", "Cause", "Cause-txt", "TechCause",
    "BridgeUniqueid", "BridgeNumChannels", "BridgeTechnology", "Queue", "Position", "Count", "MemberName",
    "Interface", "HoldTime", "RingTime", "TalkTime", "Reason", "Result", "IsExternal", "Extension",
    "TransfererChannel", "TransfererUniqueid", "TransfereeChannel", "TransfereeUniqueid",
    "TransferTargetChannel", "OrigTransfererChannel", "OrigTransfererUniqueid", "SecondTransfererChannel",
    "SecondBridgeUniqueid", "DestType", "TransferTargetUniqueid", "TargetChannel",
    "TargetChannelStateDesc", "TargetUniqueid", "TargetLinkedid", "Response", "ActionID", "Source",
    "Destination", "StartTime", "AnswerTime", "EndTime", "Duration", "BillableSeconds", "Disposition",
    "LinkedID", "Sequence", "LastApplication", "EventName", "AppData", "Extra", "Status", "InCall",
    "Paused", "LocalOneUniqueid", "LocalTwoUniqueid", "OriginalPosition", "MixMonitorID", "OldUniqueid",
    "Variable", "Value",
)  # fmt: skip
AMI_NOISE = frozenset(
    {
        "CEL", "ChallengeSent", "ChannelTalkingStart", "ContactStatus", "DeviceStateChange",
        "ExtensionStatus", "MusicOnHoldStart", "MusicOnHoldStop", "Newexten", "PeerStatus",
        "QueueMemberStatus", "RTCPReceived", "RTCPSent", "SuccessfulAuth", "TestEvent", "CoreShowChannel",
        "CoreShowChannelsComplete",
    }
)  # fmt: skip
ARI_FIELDS = (
    "dialstatus", "dialstring", "cause", "cause_txt", "tech_cause", "args", "result", "is_external", "exten",
    "context", "soft", "destination_type",
)  # fmt: skip
ARI_CHANNELS = ("channel", "caller", "peer", "transferee", "replace_channel", "transfer_target")
MONITOR = re.compile(r".*/")

WRITTEN_CHANNEL = re.compile(
    r"(?P<name>.*)\[(?P<state>[^\]]*)\] id=(?P<id>\S+) linkedid=(?P<linkedid>\S+)"
    r" caller=(?P<number>[^/]*)/(?P<who>.*)"
)


def main(folder: Path) -> None:
    for path in sorted([*folder.glob("*.txt"), *folder.glob("*.json")]):
        ami, ari = _whole(path) if path.suffix == ".json" else _written(path)
        case = GOLDEN / path.stem
        case.mkdir(parents=True, exist_ok=True)
        (case / "ami.jsonl").write_text(_lines(ami), encoding="utf-8")
        (case / "ari.jsonl").write_text(_lines(ari), encoding="utf-8")
        (case / "source.txt").write_text(SOURCE, encoding="utf-8")


Lines = list[tuple[float, dict[str, Any]]]


def _lines(messages: Lines) -> str:
    return "".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in messages)


def _written(path: Path) -> tuple[Lines, Lines]:
    _, _, rest = path.read_text(encoding="utf-8").partition("\n## AMI\n")
    ami, _, rest = rest.partition("\n## ARI")
    return (
        [(at, _ami_of(event, text)) for at, event, text in _rows(ami)],
        [(at, _ari_of(event, text)) for at, event, text in _rows(rest)],
    )


def _rows(text: str) -> Iterator[tuple[float, str, str]]:
    for line in text.splitlines():
        if line.startswith("+"):
            seconds, event, *rest = line[1:].split(" ", 2)
            yield float(seconds), event, rest[0].rstrip() if rest else ""


def _fields(text: str, names: tuple[str, ...]) -> dict[str, str]:
    """Take `A=x B=y z` apart: values have blanks, so only known names begin a field."""
    starts = re.compile(r"(?:^| )(" + "|".join(map(re.escape, names)) + r")=")
    found = list(starts.finditer(text))
    ends = [*(one.start() for one in found[1:]), len(text)][: len(found)]
    return {one[1]: text[one.end() : end] for one, end in zip(found, ends, strict=True)}


def _ami_of(event: str, text: str) -> dict[str, Any]:
    return {"Event": event, **_fields(text, AMI_FIELDS)}


def _ari_of(event: str, text: str) -> dict[str, Any]:
    made: dict[str, Any] = {"type": event}
    pieces = re.split(
        r" (?=(?:" + "|".join((*ARI_CHANNELS, "bridge", "recording", *ARI_FIELDS)) + ")=)", text
    )
    joined: list[str] = []
    for piece in pieces:
        # The caller id of a channel is written `caller=NUMBER/NAME`, a calling channel `caller=NAME[STATE]`.
        if piece.startswith("caller=") and "[" not in piece and joined:
            joined[-1] += f" {piece}"
        elif piece:
            joined.append(piece)
    for piece in joined:
        name, _, value = piece.partition("=")
        made[name] = _ari_value(name, value)
    return made


def _ari_value(name: str, value: str) -> Any:
    if name in ARI_CHANNELS and (found := WRITTEN_CHANNEL.fullmatch(value)):
        return {
            "id": found["id"],
            "name": found["name"],
            "state": found["state"],
            "caller": {"name": found["who"], "number": found["number"]},
            "channelvars": {"CHANNEL(linkedid)": found["linkedid"]},
        }
    if name == "bridge":
        return {"id": value.partition(" ")[0], "technology": value.rpartition("tech=")[2]}
    if name == "recording":
        title, state, *length = value.split()
        return {"name": title, "state": state} | ({"duration": int(length[0])} if length else {})
    if name in ("cause", "tech_cause"):
        return int(value)
    return value == "True" if name in ("soft", "is_external") else value


def _whole(path: Path) -> tuple[Lines, Lines]:
    recorded = json.loads(path.read_text(encoding="utf-8"))
    began = recorded["t0"]
    ami = [(round(one["_t"] - began, 3), _kept_of_ami(one)) for one in recorded["ami"] if _is_of_a_call(one)]
    return ami, [(round(one["_t"] - began, 3), _kept_of_ari(one)) for one in recorded["ari"]]


def _is_of_a_call(event: dict[str, Any]) -> bool:
    if event.get("Event") == "VarSet":
        return bool(event["Variable"] == "MIXMONITOR_FILENAME")
    return "Event" in event and event["Event"] not in AMI_NOISE


def _kept_of_ami(event: dict[str, Any]) -> dict[str, Any]:
    kept = {name: event[name] for name in AMI_FIELDS if event.get(name) not in (None, "", "<unknown>")}
    if event["Event"] == "VarSet":
        kept["Value"] = MONITOR.sub("/var/spool/asterisk/monitor/", kept["Value"])
    return kept


def _kept_of_ari(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in ("_t", "asterisk_id", "application")}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
