"""Coverage: what a dataset is about, as topics on a map, and where an example is missing."""

import importlib.util

import streamlit as st

from studio.ui import notices


def show(dataset: str) -> None:
    if not importlib.util.find_spec("studio.nearness"):
        notices.empty("No map yet", "Data health draws the topics of this dataset.", "map", "health", "Data health")
        return
