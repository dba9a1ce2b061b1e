"""The command line: one file per noun, loaded when it is used.

Scripts outside the project rely on the words and on the exit status: 0 done, 1 refused with one
line on standard error, 2 wrong usage.
"""

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from switchhook import __version__
from switchhook.core.errors import HubError

NOUNS = {
    "serve": ("serve:app", "Run the hub."),
    "demo": ("demo:app", "Run a hub on a throw-away folder, with a played PBX and CRM and calls running."),
    "connection": ("connection:app", "PBXs and CRMs that are connected."),
    "employee": ("employee:app", "Who works here, by extension."),
    "contact": ("contact:app", "The address book: who calls us."),
    "line": ("line:app", "Our outside numbers."),
    "group": ("group:app", "Groups of extensions that ring together."),
    "call": ("call:app", "The history of calls."),
    "dial": ("dial:app", "Click to call from here: ring an employee, then a number."),
    "delivery": ("delivery:app", "What was told to CRMs, and what could not be."),
    "key": ("key:app", "Keys of our own APIs."),
    "login": ("login:app", "Print a one-time link that opens the calls page."),
    "sim": ("sim:app", "Play a PBX or a CRM, to try a hub or any other endpoint."),
}

DONE, REFUSED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def make_app() -> App:
    """Make the tree of commands; a noun is imported when one of its commands is run."""
    app = App(
        name="switchhook",
        help="A self-hosted hub between phone systems (PBXs) and business systems (CRMs).",
        version=__version__,
        help_on_error=False,
    )
    for name, (place, text) in NOUNS.items():
        app.command(f"switchhook.cli.{place}", name=name, help=text)
    return app


def main(words: Sequence[str] | None = None) -> None:
    """Run one command and exit with its status."""
    sys.exit(run(sys.argv[1:] if words is None else words))


def run(words: Sequence[str]) -> int:
    """Run one command and give its exit status."""
    try:
        # A script that forgot the command gets the list of them, but no success.
        status = DONE if words else WRONG_USAGE
        make_app()(list(words), print_error=False, exit_on_error=False, result_action="return_value")
    except CycloptsError as error:
        return refuse(str(error), WRONG_USAGE)
    except HubError as error:
        return refuse(error.reason, REFUSED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        return DONE
    return status


def refuse(text: str, status: int) -> int:
    print(f"switchhook: {' '.join(text.split())}", file=sys.stderr)
    return status
