"""Charts: tables in, Plotly figures out. Pure; the page shows them with `show`.

Colours are the place-holders of Streamlit's own Plotly theme, which the browser replaces by those of the theme in use,
so one figure is right in light and in dark.
"""

import html
import itertools
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from engine.quality.topics import Topic
from engine.scoring.stats import Estimate

COLORS = tuple(f"#{number:06d}" for number in range(1, 9))  # the theme's categorical colours, in order
ACCENT, SECOND, THIRD, FOURTH = COLORS[:4]
INK = "rgba(134, 121, 108, 0.9)"  # readable on paper and by lamplight
HAIR = "rgba(134, 121, 108, 0.22)"
LABELLED = 12  # of the largest topics on a map; more names would cover each other
LINE = 16  # letters of a name beside a point, in a line; more would leave a phone's screen
MONEY, TIME = "cost", "seconds"


def show(figure: go.Figure, key: str, alt: str) -> None:
    """Draw a figure; `alt` says in a sentence what it shows, for those who cannot see it."""
    st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False})


def loss(steps: pd.DataFrame, validation: pd.DataFrame, height: int = 340) -> go.Figure:
    """Loss by step: `steps` and `validation` have columns step and loss (nats for each trained token)."""
    figure = go.Figure(layout=layout(height))
    if len(steps):
        figure.add_scatter(
            x=steps["step"], y=steps["loss"], name="each step", line={"color": ACCENT, "width": 1}, opacity=0.35
        )
        figure.add_scatter(
            x=steps["step"], y=smooth(steps["loss"]), name="training", line={"color": ACCENT, "width": 2.5}
        )
    if len(validation):
        figure.add_scatter(
            x=validation["step"],
            y=validation["loss"],
            name="validation",
            mode="lines+markers",
            line={"color": SECOND, "width": 2},
            marker={"size": 8},
        )
    figure.update_traces(hovertemplate="step %{x}: %{y:.3f}")
    figure.update_xaxes(title="step", rangemode="tozero")
    figure.update_yaxes(title="loss")
    return figure


def overlay(curves: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]], height: int = 340) -> go.Figure:
    """The losses of several runs, {name: (steps, validation)}: a colour a run, validation whole, training dotted."""
    figure = go.Figure(layout=layout(height))
    for color, (name, (steps, validation)) in zip(itertools.cycle(COLORS), curves.items(), strict=False):
        for told, dash, width, kind in ((steps, "dot", 1.25, "training"), (validation, "solid", 2.5, "validation")):
            if len(told):
                figure.add_scatter(
                    x=told["step"],
                    y=smooth(told["loss"]) if kind == "training" else told["loss"],
                    name=name if kind == "validation" or not len(validation) else f"{name}, training",
                    showlegend=kind == "validation" or not len(validation),
                    line={"color": color, "width": width, "dash": dash},
                    hovertemplate=f"{name}, {kind}, step %{{x}}: %{{y:.3f}}<extra></extra>",
                )
    figure.update_xaxes(title="step", rangemode="tozero")
    figure.update_yaxes(title="loss")
    return figure


def line(table: pd.DataFrame, x: str, y: str, height: int = 150, log: bool = False) -> go.Figure:
    """A small line for a side reading; its name stands above it on the page."""
    figure = go.Figure(layout=layout(height))
    figure.add_scatter(
        x=table[x], y=table[y], line={"color": SECOND, "width": 1.75}, hovertemplate=f"{x} %{{x}}: %{{y:.4g}}"
    )
    figure.update_layout(showlegend=False, margin={"t": 6, "b": 4, "l": 4, "r": 8})
    figure.update_yaxes(type="log" if log else "linear", nticks=4)
    figure.update_xaxes(nticks=4)
    return figure


def estimates(groups: Mapping[str, Mapping[str, Estimate]], height: int = 0, percent: bool = True) -> go.Figure:
    """Bars with 95 % intervals: {series: {name: Estimate}}, a bar for each name, a colour for each series."""
    names = list(dict.fromkeys(name for series in groups.values() for name in series))
    figure = go.Figure(layout=layout(height or 90 + 44 * max(1, len(names) * len(groups))))
    for color, (series, values) in zip(COLORS, groups.items(), strict=False):
        known = {name: e for name, e in values.items() if e.value is not None}
        figure.add_bar(
            y=list(known),
            x=[e.value for e in known.values()],
            name=series,
            orientation="h",
            marker={"color": color, "cornerradius": 5, "opacity": 0.6},
            error_x=_errors(list(known.values())),
            customdata=[str(e) if percent else e.plain() for e in known.values()],
            hovertemplate="%{y}: %{customdata}",
        )
    figure.update_layout(barmode="group", bargap=0.35, bargroupgap=0.12, showlegend=len(groups) > 1)
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], showgrid=False)
    if percent:
        figure.update_xaxes(range=[0, 1.02], tickformat=".0%")
    return figure


def payments(totals: Sequence[float], height: int = 180) -> go.Figure:
    """How many answers are paid how much: payments between 0 and 1, in tenths."""
    figure = go.Figure(layout=layout(height))
    bins = {"start": 0, "end": 1.1, "size": 0.1}
    figure.add_histogram(x=list(totals), xbins=bins, marker={"color": ACCENT}, hovertemplate="%{x}: %{y}")
    figure.update_xaxes(title="paid", range=[0, 1.1], dtick=0.2)
    figure.update_yaxes(title=f"answers (n = {len(totals)})", tickformat=",d", nticks=4, rangemode="tozero")
    return figure


def frontier(
    table: pd.DataFrame, against: str = MONEY, height: int = 420, quality: str = "share right", percent: bool = True
) -> go.Figure:
    """Quality against cost or time, a point a candidate, with its 95 % interval.

    `table` has columns name, value, low, high, n, and cost (euros for 1,000 answers) and seconds (median). `quality`
    names the figure, a share unless it is said not to be a percentage.
    """
    figure = go.Figure(layout=layout(height))
    places = _places(table[against], table["value"])
    shape = ".0%" if percent else ".3~g"
    for color, place, row in zip(itertools.cycle(COLORS), places, table.to_dict("records"), strict=False):
        figure.add_scatter(
            x=[row[against]],
            y=[row["value"]],
            name=row["name"],
            text=[f"<b>{'<br>'.join(textwrap.wrap(row['name'], LINE))}</b>"],
            mode="markers+text",
            textposition=place,
            cliponaxis=False,
            marker={"size": 14, "color": color},
            error_y=_errors([Estimate(row["value"], row["low"], row["high"], row["n"])]),
            customdata=[[row["name"], row["n"]]],
            hovertemplate=f"%{{customdata[0]}}: %{{y:{shape}}} (n = %{{customdata[1]}})<extra></extra>",
        )
    figure.update_layout(showlegend=False)
    figure.update_yaxes(tickformat=shape, range=[-0.08, 1.1] if percent else None, title=quality)
    title = "euros for 1,000 answers" if against == MONEY else "seconds for an answer (median)"
    most = float(table[against].max() or 1) if len(table) else 1.0
    figure.update_xaxes(title=title, range=[0, 1.6 * most], nticks=6, exponentformat="none")
    return figure


def preferred(counts: Sequence[tuple[str, int]]) -> go.Figure:
    """What blind judges said of two as one bar: how many preferred the first, neither, the second."""
    # the legend gets half of the height at most: its three lines on a phone would cover a lower one
    figure = go.Figure(layout=layout(160))
    for color, (name, n) in zip((ACCENT, HAIR, SECOND), counts, strict=True):
        figure.add_bar(
            x=[n], y=[""], width=0.5, name=name, orientation="h", marker={"color": color}, text=[str(n) if n else ""],
            textposition="inside", insidetextanchor="middle",
            insidetextfont={"color": INK} if color == HAIR else None,
            hovertemplate=f"{html.escape(name)}: {n}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack", showlegend=True, legend={"traceorder": "normal"})
    figure.update_xaxes(visible=False, range=[0, sum(n for _, n in counts)])
    figure.update_yaxes(visible=False)
    return figure


def confusion(counts: Mapping[tuple[str, str], int], labels: Sequence[str], height: int = 0) -> go.Figure:
    """How often each expected label (down) was answered as which (across), each row as shares of its items."""
    table = np.array([[counts.get((want, said), 0) for said in labels] for want in labels], dtype=float)
    rows = table.sum(axis=1, keepdims=True)
    figure = go.Figure(layout=layout(height or 150 + 26 * len(labels)))
    figure.add_heatmap(
        z=np.divide(table, rows, out=np.zeros_like(table), where=rows > 0),
        x=list(labels),
        y=list(labels),
        zmin=0,
        zmax=1,
        colorscale=[[0, "rgba(168, 72, 31, 0)"], [1, "rgba(168, 72, 31, 0.85)"]],
        showscale=False,
        xgap=1,
        ygap=1,
        text=[[f"{n:.0f}" if n else "" for n in row] for row in table],
        texttemplate="%{text}" if len(labels) <= 16 else "",
        customdata=table,
        hovertemplate="expected %{y}, answered %{x}: %{customdata} (%{z:.0%} of the row)<extra></extra>",
    )
    figure.update_yaxes(title="expected", autorange="reversed", showgrid=False, type="category")
    figure.update_xaxes(title="answered", showgrid=False, type="category", tickangle=-40)
    return figure


def topics(points: pd.DataFrame, named: Sequence[Topic], height: int = 460) -> go.Figure:
    """A map of examples: `points` has columns x, y, topic, prompt; a colour a topic; gaps say so."""
    figure = go.Figure(layout=layout(height))
    for color, topic in zip(itertools.cycle(COLORS), named, strict=False):
        mine = points[points["topic"] == topic.number]
        figure.add_scatter(
            x=mine["x"],
            y=mine["y"],
            mode="markers",
            name=topic.name,
            marker={"size": 6, "color": color, "opacity": 0.55},
            text=[prompt if len(prompt) < 90 else f"{prompt[:89]}…" for prompt in mine["prompt"]],
            hovertemplate="%{text}<extra></extra>",
        )
        if topic.gap or topic.number < LABELLED:
            figure.add_annotation(
                x=float(mine["x"].mean()),
                y=float(mine["y"].max()),
                yshift=12,
                text=f"<b>{', '.join(topic.words[:2])}</b> {topic.n}" + (" · gap" if topic.gap else ""),
                showarrow=False,
                font={"size": 11, "color": INK},
            )
    figure.update_layout(showlegend=False)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def _places(across: pd.Series, up: pd.Series) -> list[str]:
    """Where the labels of points stand, so that those of neighbours keep off each other."""
    most = across.max() or 1
    found = []
    for x, y in zip(across, up, strict=True):
        near = [at for at, other in zip(across, up, strict=True) if abs(other - y) < 0.1 and abs(at - x) < 0.5 * most]
        first, last = x == min(near), x == max(near)
        found.append("middle right" if last else "middle left" if first else "top center")
    return found


def smooth(values: pd.Series) -> pd.Series:
    """A running mean over a fifteenth of the curve, at least 3 values; centred, since one that looks back lags."""
    return values.rolling(max(3, len(values) // 15), center=True, min_periods=1).mean()


def _errors(found: Sequence[Estimate]) -> dict[str, object]:
    """The interval as Plotly wants it, lengths upwards and downwards; none where there is no interval."""
    up = [None if e.high is None or e.value is None else e.high - e.value for e in found]
    down = [None if e.low is None or e.value is None else e.value - e.low for e in found]
    return {
        "type": "data",
        "symmetric": False,
        "array": up,
        "arrayminus": down,
        "thickness": 2,
        "width": 6,
        "color": INK,
    }


def layout(height: int) -> go.Layout:
    """The family look of every figure: quiet grid, legend above, no zoom."""
    axis = {"gridcolor": HAIR, "zeroline": False, "automargin": True, "fixedrange": True}
    return go.Layout(
        height=height,
        margin={"t": 36, "b": 8, "l": 8, "r": 12},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left", "title": None},
        hovermode="closest",
        xaxis=axis,
        yaxis=axis,
    )
