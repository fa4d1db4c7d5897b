"""Runs that train elsewhere: another machine's engine, or Mistral's cloud, asked over the same API."""
