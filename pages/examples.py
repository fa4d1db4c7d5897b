"""Examples."""

from studio.ui import nav, parts

parts.heading(nav.place("examples").title, nav.place("examples").help)
