"""Composition root: settings in; engine, unit of work, storage, queue and clock out."""
