"""Nearest: candidates that show their model the training examples nearest to each question."""

SQL = """
alter table candidate add column nearest integer default 0;       -- how many are shown beside `examples`
alter table candidate add column nearest_from text default '';    -- the snapshot whose training rows they are
"""
