"""The report's plots, as inline SVG: legible in light and dark, by shape and label as well as by colour.

Shapes: T snapshots, F features.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pyarrow.parquet as pq
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trainers.run_directory import RunDirectory

# Okabe and Ito's colours, told apart by readers with any colour vision.
KEEP, PRUNE, THIRD = "#0072B2", "#D55E00", "#009E73"
INK = "#7a7f87"
LINES = 40
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "winnow",
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def plots(run: RunDirectory, found: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, str]:
    """SVG text by name."""
    with mpl.rc_context(STYLE):
        return {
            "gates": _gates(run, found),
            "polarization": _polarization(metrics["polarization"]),
            "losses": _losses(metrics["losses"]),
            "curve": _curve(metrics["curve"], metrics["delta"], found["after"]["features"]),
            "divergence": _scatter(found["features"], "divergence"),
            "dim": _scatter(found["features"], "dim"),
        }


def _gates(run: RunDirectory, found: Mapping[str, Any]) -> str:
    """A line a feature, or a heat map where there are too many lines to follow."""
    step_T, gate_TF, names = history(run)
    order = [names.index(feature["name"]) for feature in found["features"]]
    figure, axes = _axes(7.2, 3.2)
    if len(names) > LINES:
        extent = (float(step_T[0]), float(step_T[-1]), float(len(names)), 0.0)
        image = axes.imshow(
            gate_TF[:, order].T, aspect="auto", extent=extent, cmap="cividis", vmin=0, vmax=1, interpolation="nearest"
        )
        figure.colorbar(image, ax=axes, label="gate")
        axes.set_ylabel("features, by final gate")
    else:
        decisions = {feature["name"]: feature["decision"] for feature in found["features"]}
        for place, name in enumerate(names):
            kept = decisions[name] == "keep"
            axes.plot(step_T, gate_TF[:, place], color=KEEP if kept else PRUNE, lw=1.1, ls="-" if kept else "--")
        axes.plot([], [], color=KEEP, label="kept")
        axes.plot([], [], color=PRUNE, ls="--", label="pruned")
        axes.set_ylim(-0.02, 1.02)
        axes.set_ylabel("gate")
        axes.legend(loc="center right")
    axes.set_xlabel("step")
    return _svg(figure)


def history(run: RunDirectory) -> tuple[NDArray[np.int64], NDArray[np.float32], list[str]]:
    """gates.parquet as steps (T), gates (T, F) and names."""
    table = pq.read_table(run.gates, columns=["step", "feature", "gate"])
    step_T = np.unique(table["step"].to_numpy())
    names = table["feature"].slice(0, table.num_rows // len(step_T)).to_pylist()
    return step_T, table["gate"].to_numpy().reshape(len(step_T), -1), [str(name) for name in names]


def _polarization(rows: Sequence[Sequence[float]]) -> str:
    step_T, low_T, middle_T, high_T = np.array(rows).T
    figure, axes = _axes(3.5, 2.6)
    axes.stackplot(
        step_T, low_T, middle_T, high_T, colors=[PRUNE, "#bbbbbb", KEEP], labels=["≤ 0.1", "between", "≥ 0.9"]
    )
    axes.set(xlabel="step", ylabel="share of gates", ylim=(0, 1))
    axes.legend(loc="upper right", ncols=3, fontsize=7)
    return _svg(figure)


def _losses(rows: Sequence[Sequence[float]]) -> str:
    step_T, loss_T, held_out_T, penalty_T = np.array(rows).T
    figure, axes = _axes(3.5, 2.6)
    axes.plot(step_T, loss_T, color=KEEP, label="training")
    if held_out_T.any():
        axes.plot(step_T, held_out_T, color=THIRD, ls="--", label="held out")
    axes.plot(step_T, penalty_T, color=PRUNE, ls=":", label="penalty")
    axes.set(xlabel="step", ylabel="loss")
    axes.legend()
    return _svg(figure)


def _curve(points: Sequence[Mapping[str, Any]], delta: float, chosen: int) -> str:
    dims = [point["dims"] for point in points]
    losses = [point["logloss"] for point in points]
    whole = max(points, key=lambda point: point["features"])["logloss"]
    figure, axes = _axes(7.2, 2.8)
    axes.plot(dims, losses, color=KEEP, marker="o", ms=3, lw=1)
    axes.axhline(whole + delta, color=PRUNE, ls="--", lw=1, label=f"all features + δ ({delta:g})")
    near = min(points, key=lambda point: abs(point["features"] - chosen))
    axes.plot(near["dims"], near["logloss"], "s", color=PRUNE, ms=8, mfc="none", label=f"kept: {chosen} features")
    axes.set(xlabel="dims kept", ylabel="validation logloss")
    axes.legend()
    return _svg(figure)


def _scatter(features: Sequence[Mapping[str, Any]], against: str) -> str:
    figure, axes = _axes(3.5, 2.6)
    for decision, colour, marker in (("keep", KEEP, "o"), ("prune", PRUNE, "x")):
        chosen = [feature for feature in features if feature["decision"] == decision]
        values = [max(feature[against], 1e-3) for feature in chosen]
        axes.scatter(values, [feature["score"] for feature in chosen], c=colour, marker=marker, s=22, label=decision)
    axes.set(xscale="log", xlabel=against, ylabel="gate", ylim=(-0.03, 1.03))
    axes.legend()
    return _svg(figure)


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
    axes = figure.subplots()
    axes.set_facecolor("none")
    return figure, axes


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
