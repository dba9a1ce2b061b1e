"""The lock files pin everything by hash, and leave it to the reader's machine where things come from."""

import itertools
import json
import re
from collections import defaultdict

import pytest
from packaging.markers import Marker

from tests.packaging.tree import ROOT, pyproject

LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+)(?: ; (?P<marker>[^\\]+))? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def pins(lock: str) -> dict[str, str]:
    matches = (PIN.match(line) for line in (ROOT / lock).read_text(encoding="utf-8").splitlines())
    return {match["name"]: match["version"] for match in matches if match}


def required(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", wanted)[0].lower().replace("_", "-") for wanted in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_holds_pins_and_hashes_and_no_address(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if not PIN.match(line) and not HASH.match(line)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_hashes_every_pin(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    followers = [after for line, after in itertools.pairwise(lines) if PIN.match(line)]

    assert followers
    assert [line for line in followers if not HASH.match(line)] == []


def test_pins_what_the_project_requires() -> None:
    project = pyproject()

    assert required(project["project"]["dependencies"]) - set(pins("requirements.lock")) == set()
    assert required(project["dependency-groups"]["dev"]) - set(pins("requirements-dev.lock")) == set()


def test_tests_run_on_what_people_run() -> None:
    runtime, dev = pins("requirements.lock"), pins("requirements-dev.lock")

    assert {name: dev.get(name) for name in runtime} == runtime


@pytest.mark.parametrize("lock", LOCKS)
def test_every_python_runs_what_is_tested(lock: str) -> None:
    """A package that drops an older Python would be another one there than on the newer."""
    pythons = [line.rpartition(" ")[2] for line in pyproject()["project"]["classifiers"] if "3." in line]
    found: dict[str, set[str]] = defaultdict(set)
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        if match := PIN.match(line):
            marker = Marker(match["marker"] or "python_version > '3'")
            if any(marker.evaluate({"python_full_version": f"{one}.1"}) for one in pythons):
                found[match["name"]].add(match["version"])

    assert len(pythons) >= 3
    assert {name: versions for name, versions in found.items() if len(versions) > 1} == {}


def test_the_npm_lock_has_hashes_and_no_addresses() -> None:
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}

    assert packages
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []
