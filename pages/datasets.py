"""Datasets."""

from studio.ui import nav, parts

parts.heading(nav.place("datasets").title, nav.place("datasets").help)
