"""OpenSim has wheels for Linux on x86_64; on other machines its tests are not there."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("opensim") else ["test_opensim.py"]
