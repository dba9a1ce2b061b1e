"""The files of this repository, as git would take them."""

import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "switchhook"
# What a checkout without git (an unpacked sdist) may hold besides its files.
NOT_OURS = {".git", ".hypothesis", ".venv", "__pycache__", "build", "dist", "node_modules", "vendor"}


def repository_files() -> list[Path]:
    """Return all files that are or would be committed."""
    asked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if asked.returncode == 0 and asked.stdout:
        listed = [ROOT / name for name in asked.stdout.decode().split("\0") if name]
    else:
        listed = list(ROOT.rglob("*"))
    return sorted(path for path in listed if path.is_file() and not is_foreign(path))


def is_foreign(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return any(part in NOT_OURS or part.endswith("_cache") for part in parts)


def texts() -> Iterator[tuple[Path, str]]:
    """Yield every file that is text, with its text."""
    for path in repository_files():
        try:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
