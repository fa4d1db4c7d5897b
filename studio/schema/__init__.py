"""Schema: the tables, as named migrations applied once each, in order. Never edit one that has shipped; add the next.

Things that *are* (example, candidate, response) carry a content hash; things that *happen* (run, evaluation, judgement)
a short id that sorts by time. Rows are added, not rewritten; there are no foreign keys to rows that change.
"""

from studio.schema import m001_initial, m002_writing, m003_building, m004_comparing, m005_rulings, m006_nearest

MIGRATIONS: dict[str, str] = {
    "m001_initial": m001_initial.SQL,
    "m002_writing": m002_writing.SQL,
    "m003_building": m003_building.SQL,
    "m004_comparing": m004_comparing.SQL,
    "m005_rulings": m005_rulings.SQL,
    "m006_nearest": m006_nearest.SQL,
}
