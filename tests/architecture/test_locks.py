"""The lock files say what pyproject.toml asks for, agree with each other, and hold for every machine."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import cv2
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
PIN = re.compile(r"(?m)^(?P<name>[\w.-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\\n]+?))? \\$")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
BASE = PROJECT["project"]["dependencies"]
BUILD = PROJECT["dependency-groups"]["build"]
ASKED_FOR = {
    "requirements.lock": [*BASE, *EXTRAS["pose"], *EXTRAS["embedded"]],
    "requirements-worker.lock": [*BASE, *EXTRAS["pose"]],
    "requirements-api.lock": BASE,
    "requirements-build.lock": BUILD,
    "requirements-dev.lock": [*BASE, *EXTRAS["pose"], *EXTRAS["embedded"], *EXTRAS["dev"], *BUILD],
}
FORBIDDEN_IN_API_IMAGE = {"mediapipe", "opencv-python-headless", "opencv-contrib-python", "matplotlib"}


def pins(lock: str) -> dict[str, set[str]]:
    """Return the versions pinned for each package; more than one when Python versions differ."""
    found: dict[str, set[str]] = {}
    for match in PIN.finditer((ROOT / lock).read_text()):
        found.setdefault(canonicalize_name(match["name"]), set()).add(match["version"])
    return found


def test_locks_when_listed_then_each_has_its_sources_named_here():
    assert set(LOCKS) == set(ASKED_FOR)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_when_compared_with_pyproject_then_every_requirement_is_pinned_within_its_bounds(lock):
    pinned = pins(lock)
    for requirement in map(Requirement, ASKED_FOR[lock]):
        versions = pinned.get(canonicalize_name(requirement.name))
        assert versions, f"{lock} lacks {requirement.name}: make lock"
        for version in versions:
            assert requirement.specifier.contains(version), f"{lock}: {requirement} is locked at {version}"


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_when_read_then_every_line_is_a_pin_or_a_hash(lock):
    for line in (ROOT / lock).read_text().splitlines():
        assert re.fullmatch(r"[\w.-]+==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line), line


@pytest.mark.parametrize("lock", sorted(set(LOCKS) - {"requirements-dev.lock"}))
def test_lock_when_compared_with_the_development_lock_then_it_is_a_part_of_it(lock):
    lines = {match[0] for match in PIN.finditer((ROOT / lock).read_text())}
    assert lines <= {match[0] for match in PIN.finditer((ROOT / "requirements-dev.lock").read_text())}


def test_api_lock_when_read_then_no_pose_engine_is_in_it():
    assert not FORBIDDEN_IN_API_IMAGE & pins("requirements-api.lock").keys()


@pytest.mark.parametrize("package", ["opencv-contrib-python", "opencv-python", "sounddevice"])
def test_environment_when_looked_at_then_the_overridden_package_is_absent(package):
    with pytest.raises(PackageNotFoundError):
        distribution(package)


def test_opencv_when_asked_then_it_has_no_gui():
    assert re.search(r"GUI:\s+NONE", cv2.getBuildInformation())
