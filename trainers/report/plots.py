"""The report's plots, as inline SVG: legible in light and dark, by shape and label as well as by colour.

Colours become the page's CSS variables, so that they follow its theme. Shapes: T snapshots, F features, L labels.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pyarrow.parquet as pq
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from trainers.polarization import HIGH, LOW
from trainers.run_directory import RunDirectory

# Okabe and Ito's colours, told apart by readers with any colour vision.
KEEP, PRUNE, THIRD, INK, BETWEEN = "#0072b2", "#d55e00", "#009e73", "#7a7f87", "#bbbbbb"
THEMED = {
    KEEP: "var(--keep)",
    PRUNE: "var(--prune)",
    THIRD: "var(--third)",
    INK: "var(--soft)",
    BETWEEN: "var(--between)",
}
WIDE, HALF = (10.0, 3.8), (5.0, 3.2)
LINES = 40
LABELS, GAP, LONGEST = 12, 0.05, 28
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "winnow",
    "font.size": 10,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def plots(
    run: RunDirectory, found: Mapping[str, Any], metrics: Mapping[str, Any], spec: Mapping[str, Any]
) -> dict[str, str]:
    """SVG text by name."""
    threshold = spec["prune"]["threshold"] if spec["prune"]["rule"] == "threshold" else None
    features = found["features"]
    with mpl.rc_context(STYLE):
        return {
            "gates": _gates(run, features, threshold),
            "polarization": _polarization(metrics["polarization"]),
            "losses": _losses(metrics["losses"]),
            "curve": _curve(metrics["curve"], metrics["delta"], found["after"]["features"]),
            "divergence": _divergence(features, threshold),
            "dim": _dim(features, threshold),
        }


def history(run: RunDirectory) -> tuple[NDArray[np.int64], NDArray[np.float32], list[str]]:
    """gates.parquet as steps (T), gates (T, F) and names."""
    table = pq.read_table(run.gates, columns=["step", "feature", "gate"])
    step_T = np.unique(table["step"].to_numpy())
    names = table["feature"].slice(0, table.num_rows // len(step_T)).to_pylist()
    return step_T, table["gate"].to_numpy().reshape(len(step_T), -1), [str(name) for name in names]


def _gates(run: RunDirectory, features: Sequence[Mapping[str, Any]], threshold: float | None) -> str:
    """A line a feature, or a heat map where there are too many lines to follow."""
    step_T, gate_TF, names = history(run)
    place = {name: index for index, name in enumerate(names)}
    gate_TF = gate_TF[:, [place[feature["name"]] for feature in features]]
    figure, axes = _axes(WIDE)
    axes.set_xlabel("search step")
    if len(features) > LINES:
        _heat_map(axes, step_T, gate_TF)
        return _svg(figure, "gates", f"Gate of each of {len(features)} features over the search, as a heat map")
    _lines(axes, step_T, gate_TF, features)
    _rule_line(axes, threshold)
    _legend(axes)
    return _svg(figure, "gates", f"Gate of each of {len(features)} features over the search")


def _heat_map(axes: Axes, step_T: NDArray[np.int64], gate_TF: NDArray[np.float32]) -> None:
    """Cell edges lie half a report before and after each report's step."""
    every = (step_T[-1] - step_T[0]) / max(1, len(step_T) - 1) or 1
    extent = (float(step_T[0] - every / 2), float(step_T[-1] + every / 2), gate_TF.shape[1] + 0.5, 0.5)
    image = axes.imshow(
        gate_TF.T, aspect="auto", extent=extent, cmap="cividis", vmin=0, vmax=1, interpolation="nearest"
    )
    axes.figure.colorbar(image, ax=axes, label="gate (0 closed, 1 open)")
    axes.set_ylabel("rank in the table of features")


def _lines(
    axes: Axes, step_T: NDArray[np.int64], gate_TF: NDArray[np.float32], features: Sequence[Mapping[str, Any]]
) -> None:
    for gate_T, feature in zip(gate_TF.T, features, strict=True):
        kept = feature["decision"] == "keep"
        axes.plot(step_T, gate_T, color=KEEP if kept else PRUNE, lw=1.1, ls="-" if kept else "--")
    axes.plot([], [], color=KEEP, label="kept")
    axes.plot([], [], color=PRUNE, ls="--", label="pruned")
    axes.set(ylim=(-0.02, 1.02), ylabel="gate (0 closed, 1 open)")
    axes.margins(x=0)
    _name_lines(axes, gate_TF[-1], features)


def _name_lines(axes: Axes, gate_F: NDArray[np.float32], features: Sequence[Mapping[str, Any]]) -> None:
    """Names beside the axes of the features nearest to a tie, each tied to its line's end."""
    open_ones = [index for index, gate in enumerate(gate_F) if LOW <= gate <= HIGH]
    chosen = sorted(open_ones, key=lambda index: abs(gate_F[index] - 0.5))[:LABELS]
    chosen = sorted(chosen, key=lambda index: gate_F[index])
    for index, height in zip(chosen, _spread(gate_F[chosen]), strict=True):
        colour = KEEP if features[index]["decision"] == "keep" else PRUNE
        beside = axes.get_yaxis_transform()
        axes.plot([1.0, 1.025], [gate_F[index], height], color=colour, lw=0.8, transform=beside, clip_on=False)
        # A name is text, never mathematics, whatever dollars it has.
        name = _short(features[index]["name"])
        axes.text(1.03, height, name, transform=beside, va="center", fontsize=8.5, parse_math=False)


def _spread(height_L: NDArray[np.floating]) -> NDArray[np.floating]:
    """The heights nearest to those given, ascending, with GAP between any two and all in [0, 1].

    Isotonic regression of the heights less their share of gaps, by pooling neighbours that are out of order.
    """
    gaps_L = GAP * np.arange(len(height_L))
    pools: list[list[float]] = []
    for level in (height_L - gaps_L).tolist():
        pool = [level]
        while pools and np.mean(pools[-1]) > np.mean(pool):
            pool = pools.pop() + pool
        pools.append(pool)
    level_L = np.array([np.mean(pool) for pool in pools for _ in pool])
    return np.asarray(np.clip(level_L, 0.0, 1.0 - gaps_L[-1:].sum()) + gaps_L)


def _short(name: str) -> str:
    """A long name's start and end: names of one family differ at the end."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}…{name[-LONGEST // 2 + 1 :]}"


def _polarization(rows: Sequence[Sequence[float]]) -> str:
    step_T, low_T, middle_T, high_T = np.array(rows).T
    figure, axes = _axes(HALF)
    labels = [f"under {LOW}", "between", f"over {HIGH}"]
    axes.stackplot(step_T, 100 * low_T, 100 * middle_T, 100 * high_T, colors=[PRUNE, BETWEEN, KEEP], labels=labels)
    axes.set(xlabel="search step", ylabel="share of gates (%)", ylim=(0, 100))
    _legend(axes)
    told = f"{low_T[-1]:.0%} of gates under {LOW}, {middle_T[-1]:.0%} between, {high_T[-1]:.0%} over {HIGH}"
    return _svg(figure, "polarization", f"Shares of gates over the search; at its end {told}")


def _losses(rows: Sequence[Sequence[float]]) -> str:
    step_T, loss_T, held_out_T, penalty_T = np.array(rows).T
    figure, axes = _axes(HALF)
    axes.plot(step_T, loss_T, color=KEEP, label="training")
    if held_out_T.any():
        axes.plot(step_T, held_out_T, color=THIRD, ls="--", label="held out")
    axes.plot(step_T, penalty_T, color=PRUNE, ls=":", lw=2, label="gate penalty")
    axes.set(xlabel="search step", ylabel="loss (nats)")
    _legend(axes)
    return _svg(figure, "losses", f"Losses over the search; training loss {loss_T[0]:.4f} → {loss_T[-1]:.4f}")


def _curve(points: Sequence[Mapping[str, Any]], delta: float, chosen: int) -> str:
    """Validation logloss along the ranking; the marked point is the prefix with as many features as are kept."""
    whole = max(points, key=lambda point: point["features"])
    near = min(points, key=lambda point: abs(point["features"] - chosen))
    figure, axes = _axes(WIDE)
    axes.plot([p["dims"] for p in points], [p["logloss"] for p in points], color=KEEP, marker="o", ms=3.5, lw=1.2)
    axes.axhline(whole["logloss"] + delta, color=INK, ls="--", lw=1, label=f"all features + δ ({delta:g})")
    label = f"{near['features']} features, {near['dims']} dims"
    axes.plot(near["dims"], near["logloss"], "s", color=PRUNE, ms=10, mew=2, mfc="none", ls="none", label=label)
    axes.set(xlabel="dims kept", ylabel="validation logloss (nats)")
    _legend(axes)
    told = (
        f"{near['logloss']:.4f} with {near['features']} features, {whole['logloss']:.4f} with all {whole['features']}"
    )
    return _svg(figure, "curve", f"Validation logloss against dims kept: {told}")


def _divergence(features: Sequence[Mapping[str, Any]], threshold: float | None) -> str:
    """The scale is linear below 0.001, so that constant features have a place on it."""
    figure, axes = _scatter(features, "divergence", threshold)
    axes.set_xscale("symlog", linthresh=1e-3)
    axes.set_xlim(-3e-4, 1.6 * max(1e-2, *(feature["divergence"] for feature in features)))
    axes.set_xlabel("divergence, mean ‖x − x′‖ (log scale)")
    return _svg(figure, "divergence", "Final gate of each feature against its divergence")


def _dim(features: Sequence[Mapping[str, Any]], threshold: float | None) -> str:
    figure, axes = _scatter(features, "dim", threshold)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("width of the feature (dims, log scale)")
    return _svg(figure, "dim", "Final gate of each feature against its width in dims")


def _scatter(features: Sequence[Mapping[str, Any]], against: str, threshold: float | None) -> tuple[Figure, Axes]:
    figure, axes = _axes(HALF)
    for decision, label, colour, marker in (("keep", "kept", KEEP, "o"), ("prune", "pruned", PRUNE, "x")):
        chosen = [feature for feature in features if feature["decision"] == decision]
        values, scores = [feature[against] for feature in chosen], [feature["score"] for feature in chosen]
        axes.scatter(values, scores, c=colour, marker=marker, s=24, label=label)
    axes.set(ylabel="gate (0 closed, 1 open)", ylim=(-0.04, 1.04))
    _rule_line(axes, threshold)
    _legend(axes)
    return figure, axes


def _axes(inches: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=inches, layout="constrained", facecolor="none")
    axes = figure.subplots()
    axes.set_facecolor("none")
    return figure, axes


def _rule_line(axes: Axes, threshold: float | None) -> None:
    if threshold is not None:
        axes.axhline(threshold, color=INK, ls=":", lw=1.2, label=f"threshold {threshold:g}")


def _legend(axes: Axes) -> None:
    """Above the axes, where it covers nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2, handlelength=2.2)


def _svg(figure: Figure, name: str, told: str) -> str:
    """As an image with a text for those who don't see it; its ids are its own among the page's."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", lambda tag: _own_tag(tag.group(), name), text)
    return text.replace("<svg", f'<svg role="img" aria-label="{html.escape(told)}"', 1)


def _own_tag(tag: str, name: str) -> str:
    for colour, variable in THEMED.items():
        tag = tag.replace(colour, variable)
    return re.sub(r'(\sid="|href="#|url\(#)', rf"\g<1>{name}-", tag)
