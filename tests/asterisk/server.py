"""A throw-away Asterisk: its own folder, ports and configuration, gone when it is closed.

with AsteriskServer(22) as pbx:
    pbx.cli("core show channels")
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.asterisk.configuration import PHONES, Outbound, write_configuration
from tests.asterisk.installed import ENVIRONMENT, find_installed
from tests.asterisk.ports import PortBlock
from tests.asterisk.registering import register
from tests.servers.postgres import dying_with_us

START_SECONDS = 30.0
STOP_SECONDS = 10.0
CLI_SECONDS = 10.0


class AsteriskFailed(Exception):
    """Asterisk is there but did not start, or does not answer; the text ends with the end of its log."""


class AsteriskServer:
    """One Asterisk of generation 22 or 16 on 127.0.0.1.

    Users: AMI `hub` (everything) and `hublean` (few privileges, filtered by the PBX), ARI `hub` and `watcher`
    (read only), all with the password `secret`. Phones: see configuration.py; numbers: etc/extensions.conf.
    With `outbound` it also connects out to a hub; it is read at each start, so change it before `restart`.

    Raises: AsteriskMissing, NoPorts.
    """

    user = "hub"
    host = "127.0.0.1"

    def __init__(
        self, generation: int = 22, *, outbound: Outbound | None = None, lookup_url: str = ""
    ) -> None:
        self.installed = find_installed(generation)
        self.generation = generation
        self.outbound = outbound
        self.ports = PortBlock()
        self.secret = secrets.token_hex(12)
        self.lookup_url = lookup_url or f"http://127.0.0.1:{self.ports.lookup}/contact"
        # Short, for the name of a unix socket in it may have 107 letters.
        self.folder = Path(tempfile.mkdtemp(prefix="switchhook-pbx-", dir="/tmp"))
        self.recordings = self.folder / "spool/recording"  # what ARI stores
        self.monitor = self.folder / "spool/monitor"  # what the dialplan's MixMonitor writes
        self.log = self.folder / "log/full"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def ami_port(self) -> int:
        return self.ports.ami

    @property
    def ari_url(self) -> str:
        """The address of ARI, without a slash at its end."""
        return f"http://{self.host}:{self.ports.http}/ari"

    @property
    def sip_address(self) -> str:
        return f"{self.host}:{self.ports.sip}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self, *, registers: bool = True) -> None:
        """Start it, wait until it is fully booted, and let every phone register.

        Raises: AsteriskFailed.
        """
        self._configure()
        with (self.folder / "log/stdout").open("ab") as log:
            self._process = subprocess.Popen(
                [*dying_with_us(), *self._asterisk("-f", "-q")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=ENVIRONMENT,
                # Ctrl-C is for pytest; it stops us in its own time.
                start_new_session=True,
            )
        until = time.monotonic() + START_SECONDS
        while not self._is_booted():
            if self._process.poll() is not None or time.monotonic() > until:
                raise AsteriskFailed(f"{self.installed.version} did not start:\n{self.end_of_log}")
            time.sleep(0.05)
        if registers:
            self.register(*PHONES)

    def stop(self) -> None:
        """End it in its own way: calls are hung up. Do nothing when it does not run."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(AsteriskFailed):
                self.cli("core stop now")
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as `kill -9` does: nobody is told."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Let it stand still with all sockets open, until `thaw`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and delete everything."""
        self.thaw()
        self._end(signal.SIGKILL)
        self.ports.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def retire(self) -> None:
        """End it for good, but leave its files until `close`."""
        self.kill()
        self.ports.close()

    def cli(self, command: str) -> str:
        """Run a command of Asterisk's console and give what it prints.

        Raises: AsteriskFailed: nobody answers.
        """
        try:
            asked = subprocess.run(
                self._asterisk("-rx", command),
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=CLI_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise AsteriskFailed(f"no answer to {command!r} in {CLI_SECONDS} s") from late
        if asked.returncode:
            raise AsteriskFailed(f"{command!r}: {asked.stdout}{asked.stderr}")
        return asked.stdout

    def register(self, *phones: str, expires_seconds: int = 3600, port_of: str | None = None) -> None:
        """Let phones register; with 0 seconds they take their leave.

        `port_of` names another phone whose port is given instead, which makes that a second device.

        Raises: SipFailed: the PBX refused.
        """
        ports = {phone: self.ports.phone(port_of or phone) for phone in phones}
        register(
            self.installed,
            ports,
            pbx=self.sip_address,
            own_port=self.ports.actor(),
            secret=self.secret,
            expires_seconds=expires_seconds,
            folder=self.folder,
        )

    def hang_everything_up(self) -> None:
        """End all calls, and wait until the last channel is gone.

        Raises: AsteriskFailed: one stays.
        """
        self.cli("channel request hangup all")
        until = time.monotonic() + STOP_SECONDS
        while "0 active channels" not in (told := self.cli("core show channels count")):
            if time.monotonic() > until:
                raise AsteriskFailed(f"channels that do not end: {told}")
            time.sleep(0.05)

    def _asterisk(self, *arguments: str) -> list[str]:
        config = str(self.folder / "etc/asterisk.conf")
        return self.installed.command("usr/sbin/asterisk", "-C", config, *arguments)

    def _configure(self) -> None:
        folders = (
            "etc",
            "lib/moh",
            "lib/keys",
            "log/cdr-csv",
            "run",
            "spool/recording",
            "spool/monitor",
            "spool/tmp",
        )
        for folder in folders:
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        first, last = self.ports.rtp
        blanks = {
            "SYS": self.installed.home,
            "MODDIR": self.installed.modules,
            "INST": self.folder,
            "MONITOR": self.monitor,
            "SIP_PORT": self.ports.sip,
            "AMI_PORT": self.ports.ami,
            "HTTP_PORT": self.ports.http,
            "TRUNK_PORT": self.ports.outside,
            "RTP_START": first,
            "RTP_END": last,
            "SECRET": self.secret,
            "CNAM_URL": self.lookup_url,
        }
        write_configuration(
            self.folder / "etc",
            {name: str(value) for name, value in blanks.items()},
            unloadable=self.installed.unloadable,
            outbound=self.outbound,
        )
        on_hold = self.folder / "lib/moh/hold.gsm"
        if not on_hold.exists():  # any prompt will do
            shutil.copy(self.installed.home / "usr/share/asterisk/sounds/en/demo-congrats.gsm", on_hold)

    def _is_booted(self) -> bool:
        try:
            return "fully booted" in self.cli("core waitfullybooted")
        except AsteriskFailed:
            return False

    def _end(self, by: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            # A console that said "stop now" may have been faster.
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, by)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def end_of_log(self) -> str:
        """What it said last."""
        texts = [
            path.read_text(errors="replace")
            for path in (self.folder / "log/stdout", self.log)
            if path.exists()
        ]
        return "\n".join("\n".join(texts).splitlines()[-20:])
