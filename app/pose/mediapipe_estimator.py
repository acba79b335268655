"""The one file that imports MediaPipe."""
