"""Names of the jobs; Celery accepts unknown names in silence, so a test compares these with the worker's."""

ANALYSE_RECORDING = "plumbline.analyse_recording"
DRAW_PICTURES = "plumbline.draw_pictures"
SWEEP_RECORDINGS = "plumbline.sweep_recordings"
REMOVE_ABANDONED_UPLOADS = "plumbline.remove_abandoned_uploads"
