"""Read the sample clips with the pose model and keep what was read in samples/tracks, for the sandbox to start from."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from app.biomech.types import TrialContext
from app.settings import load_settings
from app.storage.tracks import track_to_bytes
from workers.sandbox import SandboxPool, SandboxSettings

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def main() -> None:
    """Read every clip."""
    settings = load_settings()
    sandbox = SandboxSettings(
        engine=settings.pose_engine, model=settings.pose_model, n_threads=os.cpu_count() or 1
    )
    (SAMPLES / "tracks").mkdir(exist_ok=True)
    for clip in sorted(SAMPLES.glob("*.mp4")):
        with SandboxPool(sandbox) as pool, pool.reader() as reader:
            reading = reader.read(
                clip, context=TrialContext(box_height_cm=31.0), on_progress=lambda _stage, _done: None
            )
        if reading.track is None or reading.video is None:
            sys.exit(f"nobody was found in {clip}")
        kept = SAMPLES / "tracks" / clip.stem
        kept.with_suffix(".npz").write_bytes(track_to_bytes(reading.track))
        kept.with_suffix(".json").write_text(json.dumps(asdict(reading.video), indent=1) + "\n")
        print(f"{clip.name}: {reading.track.time_s.shape[0]} frames")


if __name__ == "__main__":
    main()
