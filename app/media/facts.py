"""What is said of a video without decoding it; apart from the decoder, which the api never loads."""

from dataclasses import dataclass


class VideoRefusedError(Exception):
    """The file cannot be read as a video; `code` is the code of a finding, `facts` fill its words."""

    def __init__(self, code: str, **facts: float | str) -> None:
        """Keep the code and the facts."""
        super().__init__(code)
        self.code = code
        self.facts = facts


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """What header and packets say about a file, before any frame is decoded."""

    container: str
    codec: str
    coded_width_px: int
    coded_height_px: int
    duration_s: float
    """From the first packet's time to the end of the last."""
    n_packets: int
    nominal_fps_hz: float
    """One over the median interval."""
