"""The machine's Chromium, for playwright's `executable_path`."""

import os
import shutil
import subprocess

# Root needs --no-sandbox; the rest keeps Chromium from talking to anyone but the page under test.
CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class ChromiumMissing(Exception):
    """No Chromium that starts: whoever runs the tests has to install one."""


def find_chromium() -> str:
    """Return the path of a Chromium that starts; `SWITCHHOOK_CHROMIUM` names one to use.

    Raises: ChromiumMissing.
    """
    chosen = os.environ.get("SWITCHHOOK_CHROMIUM")
    for name in [chosen] if chosen else NAMES:
        path = shutil.which(name)
        if path and starts(path):
            return path
    raise ChromiumMissing(
        f"SWITCHHOOK_CHROMIUM={chosen} does not start"
        if chosen
        else "no Chromium found: apt install chromium, or set SWITCHHOOK_CHROMIUM to its path"
    )


def starts(path: str) -> bool:
    # Some systems put a script under this name that only tells where to get the browser.
    try:
        asked = subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0
