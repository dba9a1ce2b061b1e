"""Rules of the repository that would erode if nobody looked."""

import importlib.metadata
from pathlib import Path

import switchhook
from tests.packaging.tree import PACKAGE, ROOT, pyproject, repository_files, texts

MOST_LINES = 400
SOURCES = {".css", ".html", ".jinja", ".js", ".mako", ".py", ".sql"}
# Spelled apart, or this file would break its own rule.
REGISTRIES = [".".join(name) for name in (("pypi", "org"), ("python" + "hosted", "org"), ("npmjs", "org"))]
REGISTRIES += [".".join(name) for name in (("npmjs", "com"), ("deb", "debian", "org"), ("unpkg", "com"))]
REGISTRIES += [".".join(name) for name in (("cdn", "jsdelivr", "net"), ("cdnjs", "cloudflare", "com"))]


def test_no_source_file_outgrows_a_reader() -> None:
    sources = [path for path in repository_files() if path.is_relative_to(PACKAGE) and path.suffix in SOURCES]
    lines = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in sources}

    assert sources
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_names_no_registry_and_no_cdn() -> None:
    """Packages come from wherever the reader's machine is told; pages load nothing from elsewhere."""
    found = [f"{path}: {host}" for path, text in texts() for host in REGISTRIES if host in text]

    assert found == []


def test_names_no_path_of_the_machine_it_was_made_on() -> None:
    # A path of one word (a home like "/root", a checkout in "/src") also begins ordinary addresses.
    mine = [f"{path}/" for path in (ROOT, Path.home()) if len(path.parts) > 2]
    found = [f"{path}: {place}" for path, text in texts() for place in mine if place in text]

    assert found == []


def test_the_version_is_told_once() -> None:
    project = pyproject()["project"]

    assert switchhook.__version__ == project["version"]
    assert importlib.metadata.version("switchhook") == project["version"]


def test_the_changelog_tells_of_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert "## [Unreleased]" in changelog or f"## [{switchhook.__version__}]" in changelog
