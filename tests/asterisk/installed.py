"""Where the unpacked Asterisk and SIPp are, and how their programs are run."""

import os
from dataclasses import dataclass
from pathlib import Path

# The Debian suite that has each generation.
SUITES = {22: "sid", 16: "bullseye"}


class AsteriskMissing(Exception):
    """That generation was never unpacked here: whoever runs the tests has to do it, with one command."""


@dataclass(frozen=True, kw_only=True)
class Installed:
    """One generation, unpacked below `home`."""

    generation: int
    home: Path
    version: str  # "Asterisk 22.10.1…"
    loader: Path
    libraries: tuple[Path, ...]
    modules: Path

    def command(self, program: str, *arguments: str) -> list[str]:
        """Give the words that run an unpacked program, such as usr/bin/sipp.

        Its own loader runs it: neither the machine's libraries nor a variable that children would inherit
        play a part.
        """
        libraries = ":".join(map(str, self.libraries))
        return [str(self.loader), "--library-path", libraries, str(self.home / program), *arguments]

    @property
    def unloadable(self) -> tuple[str, ...]:
        """Modules whose libraries were left out."""
        return tuple((self.home / "noload").read_text().split())


def find_installed(generation: int) -> Installed:
    """Find a generation, 22 or 16, below `SWITCHHOOK_LAB` or the user's cache folder.

    Raises: AsteriskMissing.
    """
    suite = SUITES[generation]
    home = lab_folder() / suite
    layout = home / "layout"
    if not layout.is_file():
        raise AsteriskMissing(
            f"Asterisk {generation} is not in {home}: run tests/asterisk/install.sh {suite}"
            " (needs Debian's apt and no root), or set SWITCHHOOK_LAB to where it is"
        )
    told = dict(line.split("=", 1) for line in layout.read_text().splitlines())
    return Installed(
        generation=generation,
        home=home,
        version=told["version"],
        loader=home / told["loader"],
        libraries=tuple(home / folder for folder in told["libraries"].split(":")),
        modules=home / told["modules"],
    )


def lab_folder() -> Path:
    """Say where install.sh unpacks to; it reads the same variables."""
    chosen = os.environ.get("SWITCHHOOK_LAB")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(cache) / "switchhook-lab"


# What the unpacked programs may see: nothing of ours, and no OpenSSL configuration of another release.
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "TZ": "UTC",
    "TERM": "dumb",
    "OPENSSL_CONF": "/dev/null",
}
