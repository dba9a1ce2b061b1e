"""What people install holds everything that the hub needs to run."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.packaging.tree import PACKAGE, ROOT, repository_files

VENDORED = {"htmx.min.js", "htmx-ext-sse.min.js"}


def build(kind: str, source: Path, target: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    """Templates, migrations, guides and words are files like any other."""
    files = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in repository_files()
        if path.is_relative_to(PACKAGE)
    }

    assert files - names_in(wheel) == set()


def test_the_front_end_packages_are_in_the_wheel(wheel: Path) -> None:
    assert {f"switchhook/web/static/vendor/{name}" for name in VENDORED} - names_in(wheel) == set()


def test_the_wheel_gives_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
        entry_points = archive.read(name).decode()

    assert "switchhook = switchhook.cli:main" in entry_points


def test_the_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    subprocess.run(["tar", "-xzf", sdist], cwd=tmp_path, check=True)
    (source,) = tmp_path.glob("switchhook-*")

    assert names_in(build("wheel", source, tmp_path / "wheel")) == names_in(wheel)
