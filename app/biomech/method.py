"""The frozen, versioned method: every definition, cut-off and weight an analysis used."""

METHOD_VERSION = "1.0.0"
"""Carried by every number. Any change that can move a number changes it."""
