"""What a poor picture takes from the trust in landmarks: said as findings, and added to standard errors.

A pose model places joints by what it sees. Where the picture is dark, or drawn by a codec that had too few bits for
it, landmarks move to one side for the whole clip, which no jitter shows.
"""

from dataclasses import dataclass

import numpy as np

from app.biomech.quality import make_finding
from app.biomech.types import QualityFinding, VideoInfo

DARK = 0.15
"""Brightness below which joints are placed less exactly though views are brightened before they are read [P]: own
rendered clips at 0.09-0.14 and 0.05-0.07 are, at 0.15-0.23 they are not; four films of real people have 0.33-0.59."""
LITTLE_CONTRAST = 0.035
"""Contrast below which they are, however light the picture is [P]: own rendered clips made grey have 0.02-0.03, as
they are 0.11-0.21, films of real people 0.20-0.25."""
FEW_BITS = {"h264": 0.07, "hevc": 0.045, "vp9": 0.045, "av1": 0.035}
"""Bits per pixel of a picture stored by itself, were it `USUAL_PX` large, below which joints are placed less exactly
[P; H.264 and HEVC D]. Own rendered clips as they are have 0.10-0.29, films of real people 0.33-1.3; stored at a
quality of 34, 37, 40 and 43 (x264) 0.06-0.11, 0.04-0.05, 0.04-0.07 and 0.03-0.04, of 36 and 42 (x265) 0.03-0.04 and
0.02-0.03; real films at 40 (x264) 0.06-0.07. Codecs without a limit of their own take the first."""
USUAL_PX = 1280.0 * 720.0
"""A smaller picture holds more detail in each pixel: twice the bits at half the width."""
FEW_BITS_SD_DEG = 2.4
"""What a picture without any bits would add to each of the two parts of a knee's landmark error; one with a share of
`FEW_BITS` adds what is missing of it [D, own rendered clips against eight copies of each]."""
FEW_BITS_SD_LEGS = 0.013
"""The same for a coordinate of a knee or ankle, leg lengths [D]."""
FEW_BITS_SD_S = 0.018
"""The same for an instant [D]."""
DARK_SD_DEG, DARK_SD_LEGS = 0.5, 0.004
"""What a dark or grey picture adds to the same, besides that it takes few bits [D, three copies of each clip]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What a poor picture adds to standard errors; nothing for a good one."""

    angle_deg: float = 0.0
    """To both parts of a knee's landmark error: what both knees share, and each knee's own."""
    legs: float = 0.0
    """To a coordinate of a knee or ankle, leg lengths."""
    instant_s: float = 0.0
    """To contacts, take-offs and the lowest point."""

    def instant_sd_s(self, sd_s: float) -> float:
        """Return the standard deviation of an instant, with what the picture adds to it."""
        return float(np.hypot(sd_s, self.instant_s))


NO_DOUBT = Doubt()


def is_dark(video: VideoInfo) -> bool:
    """Return whether the picture is dark or grey; not when nobody looked."""
    if video.brightness is None or video.contrast is None:
        return False
    return video.brightness < DARK or video.contrast < LITTLE_CONTRAST


def missing_bits(video: VideoInfo) -> float:
    """Return what a whole picture lacks of the bits it needs, as a share of them; 0 when it has them.

    Parameters
    ----------
    video
        0 too when nobody looked, and when the file holds no picture that is stored by itself.
    """
    if not video.key_bits_per_pixel:
        return 0.0
    bits = video.key_bits_per_pixel * np.sqrt(video.width_px * video.height_px / USUAL_PX)
    return float(max(0.0, 1.0 - bits / FEW_BITS.get(video.codec, FEW_BITS["h264"])))


def check_picture(video: VideoInfo) -> list[QualityFinding]:
    """Return what is wrong with the picture; a dark one takes few bits because little is in it."""
    if is_dark(video):
        return [
            make_finding("picture_dark", brightness=video.brightness or 0.0, contrast=video.contrast or 0.0)
        ]
    if missing_bits(video) > 0.0:
        return [make_finding("strongly_compressed", bits=video.key_bits_per_pixel or 0.0)]
    return []


def doubt_of(video: VideoInfo) -> Doubt:
    """Return what the picture adds to standard errors."""
    missing, dark = missing_bits(video), float(is_dark(video))
    return Doubt(
        angle_deg=float(np.hypot(FEW_BITS_SD_DEG * missing, DARK_SD_DEG * dark)),
        legs=float(np.hypot(FEW_BITS_SD_LEGS * missing, DARK_SD_LEGS * dark)),
        instant_s=FEW_BITS_SD_S * missing,
    )
