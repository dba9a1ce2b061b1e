"""Planfix VoIP API: every message read and written, whichever side we play.

Pure: no I/O, no clock, no settings. Renderers leave the key out; whoever sends adds it.
"""

from switchhook.connectors.planfix.wire.answer import error_text, render_error
from switchhook.connectors.planfix.wire.contact import (
    Question,
    parse_contact_answer,
    parse_question,
    render_contact,
    render_question,
)
from switchhook.connectors.planfix.wire.event import parse_event, render_event
from switchhook.connectors.planfix.wire.form import (
    MAX_BODY_BYTES,
    is_clean,
    read_form,
    refuse_unclean,
    required,
    without_keys,
)
from switchhook.connectors.planfix.wire.handshake import (
    Setup,
    Wiring,
    host_of,
    parse_ping_answer,
    parse_setup,
    render_ping,
    render_ping_answer,
    render_setup,
)
from switchhook.connectors.planfix.wire.make_call import Click, parse_make_call, render_make_call
from switchhook.connectors.planfix.wire.record import parse_record, render_record

__all__ = [
    "MAX_BODY_BYTES",
    "Click",
    "Question",
    "Setup",
    "Wiring",
    "error_text",
    "host_of",
    "is_clean",
    "parse_contact_answer",
    "parse_event",
    "parse_make_call",
    "parse_ping_answer",
    "parse_question",
    "parse_record",
    "parse_setup",
    "read_form",
    "refuse_unclean",
    "render_contact",
    "render_error",
    "render_event",
    "render_make_call",
    "render_ping",
    "render_ping_answer",
    "render_question",
    "render_record",
    "render_setup",
    "required",
    "without_keys",
]
