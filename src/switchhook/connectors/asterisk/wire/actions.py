"""AMI: actions as bytes, every name and value judged first.

Asterisk reads a line of 1022 bytes at most and 128 lines an action (main/manager.c, `inbuf` and
`AST_MAX_MANHEADERS`); what is longer it would cut or drop, so it is refused here.
"""

import re
from collections.abc import Iterable, Mapping

from switchhook.connectors.asterisk.wire import values
from switchhook.core.errors import BadMessage, TooLarge

LONGEST_LINE_BYTES = 1022
MOST_LINES = 127

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
# A channel variable may be of a dialplan function or inherited: `__HUB_CALL`.
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
# Asterisk takes the variables of an action apart at commas, and quotes and backslashes hide them.
SPLITS = re.compile(r"[,\"\\]")


def write_action(
    action: str,
    fields: Iterable[tuple[str, str]] = (),
    *,
    action_id: str,
    variables: Mapping[str, str] | None = None,
) -> bytes:
    """Write one action as the bytes of its frame.

    Raises:
        BadMessage: a CR, LF or NUL in a name or value, a name that is none, a value that would not
            arrive as it is (blanks at its ends, not encodable); names the field.
        TooLarge: a line or the whole is longer than Asterisk reads.
    """
    lines = [_line("Action", action), _line("ActionID", values.identifier(action_id, field="ActionID"))]
    lines += [_line(name, value) for name, value in fields]
    lines += [_variable(name, value) for name, value in (variables or {}).items()]
    if len(lines) > MOST_LINES:
        raise TooLarge(
            f"expected at most {MOST_LINES} lines in an action, got {len(lines)}", field=action[:40]
        )
    return b"".join(lines) + b"\r\n"


def login(user: str, password: str, *, action_id: str, events: str = "on") -> bytes:
    """Log in; `events` is `on`, `off` or the classes to be told of. Raises as `write_action` does."""
    fields = (("Username", user), ("Secret", password), ("Events", events))
    return write_action("Login", fields, action_id=action_id)


def originate(
    *,
    action_id: str,
    channel_id: str,
    endpoint: str,
    number: str,
    context: str,
    tech: str = "PJSIP",
    caller_name: str = "",
    timeout_seconds: int = 20,
    variables: Mapping[str, str] | None = None,
) -> bytes:
    """Ring a phone, then send it to a number in the dialplan: click to call.

    The phone shows the number that will be called, and `caller_name` or the number again. `endpoint` is a
    name, or `NAME@CONTEXT` where the technology is Local. `channel_id` becomes the Uniqueid of the phone's
    channel and so the Linkedid of the whole call: it is known before any event can name it. The response
    comes at once; how it went, the event OriginateResponse tells.

    Raises: BadMessage, TooLarge: as `write_action`; also for a number that is none.
    """
    number = values.dialled(number)
    fields = (
        ("Channel", f"{values.name(tech, field='tech')}/{_endpoint(tech, endpoint)}"),
        ("Context", values.name(context, field="context")),
        ("Exten", number),
        ("Priority", "1"),
        ("CallerID", f'"{_shown(caller_name) or number}" <{number}>'),
        ("Timeout", str(max(1, timeout_seconds) * 1000)),
        ("Async", "true"),
        ("ChannelId", values.identifier(channel_id, field="ChannelId")),
    )
    return write_action("Originate", fields, action_id=action_id, variables=variables)


def hangup(channel: str, *, action_id: str, cause: int = 16) -> bytes:
    """End a channel, named as Asterisk names it. Raises as `write_action` does."""
    fields = (("Channel", channel), ("Cause", str(values.cause(cause))))
    return write_action("Hangup", fields, action_id=action_id)


def show_channels(*, action_id: str) -> bytes:
    """Ask for every live channel: CoreShowChannel events, then CoreShowChannelsComplete."""
    return write_action("CoreShowChannels", action_id=action_id)


def get_variable(channel: str, variable: str, *, action_id: str) -> bytes:
    """Ask for a channel's variable: `Value` of the response, empty where it is not set.

    Raises as `write_action` does.
    """
    if VARIABLE.fullmatch(variable) is None:
        raise BadMessage(f"expected a name of a variable, got {variable[:40]!r}", field="Variable")
    fields = (("Channel", channel), ("Variable", variable))
    return write_action("Getvar", fields, action_id=action_id)


def device_states(*, action_id: str) -> bytes:
    """Ask for the state of every device: DeviceStateChange events, then DeviceStateListComplete."""
    return write_action("DeviceStateList", action_id=action_id)


def ping(*, action_id: str) -> bytes:
    """Ask for a sign of life."""
    return write_action("Ping", action_id=action_id)


def logoff(*, action_id: str) -> bytes:
    """Take leave."""
    return write_action("Logoff", action_id=action_id)


def _endpoint(tech: str, text: str) -> str:
    name, at, context = text.partition("@") if tech == "Local" else (text, "", "")
    values.name(name, field="endpoint")
    if at:
        values.name(context, field="endpoint")
    return text


def _shown(caller_name: str) -> str:
    if any(sign in caller_name for sign in '"<>\\'):
        raise BadMessage("expected a name without quotes and angle brackets", field="caller_name")
    return caller_name


def _line(name: str, value: str) -> bytes:
    if NAME.fullmatch(name) is None:
        raise BadMessage(f"expected a name of a field, got {name[:40]!r}", field=name[:40])
    values.one_line(value, field=name)
    if value != value.strip():
        raise BadMessage("expected a value without blanks at its ends", field=name)
    line = f"{name}: {value}".encode()
    if len(line) > LONGEST_LINE_BYTES:
        raise TooLarge(f"expected at most {LONGEST_LINE_BYTES} bytes in a line, got {len(line)}", field=name)
    return line + b"\r\n"


def _variable(name: str, value: str) -> bytes:
    if VARIABLE.fullmatch(name) is None:
        raise BadMessage(f"expected a name of a variable, got {name[:40]!r}", field="Variable")
    if SPLITS.search(value):
        raise BadMessage("expected a value without commas, quotes and backslashes", field=name)
    return _line("Variable", f"{name}={value}")
