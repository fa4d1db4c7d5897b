"""Runs."""

from studio.ui import nav, parts

parts.heading(nav.place("runs").title, nav.place("runs").help)
