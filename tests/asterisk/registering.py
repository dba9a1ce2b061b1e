"""Phones that make themselves known to the PBX, many in one run of SIPp."""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.asterisk.installed import ENVIRONMENT, Installed
from tests.asterisk.scenario import SipFailed, sipp_command, why

SECONDS = 15.0


def register(
    installed: Installed,
    ports: Mapping[str, int],
    *,
    pbx: str,
    own_port: int,
    secret: str,
    expires_seconds: int,
    folder: Path,
) -> None:
    """Register each phone, to be called on its port; all at once.

    Raises: SipFailed: the PBX refused one, or did not answer in time.
    """
    here = Path(tempfile.mkdtemp(prefix="register-", dir=folder))
    rows = [
        f"{phone};{port};[authentication username={phone} password={secret}]" for phone, port in ports.items()
    ]
    fields = here / "phones.csv"
    fields.write_text("\n".join(["SEQUENTIAL", *rows, ""]))
    options = ["-inf", str(fields), "-key", "expires", str(expires_seconds), "-r", str(len(rows) * 10)]
    command = sipp_command(
        installed,
        "register",
        pbx=pbx,
        port=own_port,
        folder=here,
        blanks={},
        options=options,
        calls=len(rows),
    )
    with (here / "printed").open("wb") as printed:
        try:
            status = subprocess.run(
                command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed,
                timeout=SECONDS, check=False,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired as late:
            raise SipFailed(f"{', '.join(ports)}: not registered in {SECONDS} s\n{why(here)}") from late
    if status:
        raise SipFailed(f"{', '.join(ports)}: not registered\n{why(here)}")
