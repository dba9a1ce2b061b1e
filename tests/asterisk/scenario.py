"""How SIPp is run: one scenario of sipp/, filled in, on one port."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.asterisk.installed import Installed
from tests.servers.postgres import dying_with_us

SCENARIOS = Path(__file__).parent / "sipp"
# Nobody talks longer; whoever is forgotten ends by itself.
LONGEST_SECONDS = 90


class SipFailed(Exception):
    """A dialogue did not go as its scenario says; the text ends with what SIPp printed."""


def sipp_command(
    installed: Installed,
    scenario: str,
    *,
    pbx: str,
    port: int,
    folder: Path,
    blanks: Mapping[str, object],
    options: Sequence[str] = (),
    calls: int = 1,
    media: tuple[int, int] | None = None,
) -> list[str]:
    """Write the filled scenario into `folder`, which is one run's own, and give the words that play it.

    `pbx` is HOST:PORT of the other side. What the scenario logs goes to `folder`/said.
    """
    text = (SCENARIOS / f"{scenario}.xml").read_text()
    for name, value in blanks.items():
        text = text.replace(f"@{name}@", str(value))
    folder.mkdir(parents=True, exist_ok=True)
    filled = folder / f"{scenario}.xml"
    filled.write_text(text)
    words = ["-sf", str(filled), "-i", "127.0.0.1", "-p", str(port), "-m", str(calls), "-nostdin"]
    words += ["-rsa", pbx]  # also after a nudge, which comes from elsewhere
    words += ["-timeout", f"{LONGEST_SECONDS}s", "-trace_err", "-error_file", str(folder / "errors")]
    words += ["-trace_logs", "-log_file", str(folder / "said")]
    if media is not None:
        first, last = map(str, media)
        # SIPp knows the range since 3.7; before, it looks for free ports by itself.
        ranged = installed.generation > 16
        words += ["-min_rtp_port", first, "-max_rtp_port", last] if ranged else ["-mp", first]
    return [*dying_with_us(), *installed.command("usr/bin/sipp", *words, *options, pbx)]


def why(folder: Path) -> str:
    """Give what SIPp printed of a run that failed."""
    texts = [
        path.read_text(errors="replace")
        for path in (folder / "errors", folder / "printed")
        if path.exists() and path.stat().st_size
    ]
    return "\n".join(texts)[-1500:]
