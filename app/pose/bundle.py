"""Which model file is used, its fingerprint, and what may run it; loads no engine."""

import hashlib
from enum import StrEnum
from pathlib import Path


class PoseEngine(StrEnum):
    """What evaluates the networks of the model; the landmarks are the same."""

    LITERT = "litert"
    MEDIAPIPE = "mediapipe"


DEFAULT_MODEL = Path(__file__).parent / "models" / "pose_landmarker_full.task"


def model_sha256(model: Path | None) -> str:
    """Return the sha256 of a model bundle, the one in the package when none is named."""
    with (model or DEFAULT_MODEL).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
