"""Run."""

from studio.ui import nav, parts

parts.heading(nav.place("run").title, nav.place("run").help)
