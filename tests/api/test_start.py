"""What the api takes before anybody asks it anything."""

import subprocess
import sys

LOOK = """
import sys, psutil, app.cli.processes, app.main, app.container
heavy = {"av", "cv2", "mediapipe", "ai_edge_litert", "matplotlib", "scipy.signal", "scipy.stats", "scipy.interpolate"}
print(sorted(heavy & sys.modules.keys()), round(psutil.Process().memory_info().rss / 2**20))
"""


def test_api_when_started_then_neither_decoder_nor_engine_nor_analysis_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    loaded, _, memory_mb = done.stdout.strip().rpartition(" ")
    assert loaded == "[]"
    assert int(memory_mb) < 200
