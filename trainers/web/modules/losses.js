// @ts-check
/** What a search costs and learns, over its steps. */

import { Chart, axis, points, seedStarts, steps } from "views/chart";
import { count, decimal } from "views/format";

/**
 * Losses with the gates' penalty; AUC on held-out rows, where the run holds some out; rows per second.
 * @param {Element} parent
 * @returns {{update: (run: import("views/run").Run) => void}}
 */
export function losses(parent) {
  const loss = new Chart(parent, "Losses and penalty");
  const speed = new Chart(parent, "Throughput", { height: 200 });
  /** @type {Chart | null} */
  let auc = null;
  return {
    update({ measures }) {
      if (!measures || measures.steps.length === 0) return;
      loss.draw((shades) => lossOption(shades, measures), lossTold(measures));
      speed.draw((shades) => speedOption(shades, measures), `${count(round(last(measures.rows_per_second)))} rows/s`);
      if (last(measures.held_out_auc) === null) return;
      auc ??= new Chart(parent, "AUC on held-out rows", { height: 200 });
      auc.draw((shades) => aucOption(shades, measures), decimal(last(measures.held_out_auc)));
    },
  };
}

/**
 * @param {import("views/theme").Colours} shades
 * @param {import("views/run").Measures} measures
 */
function lossOption(shades, measures) {
  const line = (
    /** @type {string} */ name,
    /** @type {"loss" | "held_out_loss" | "penalty"} */ column,
    /** @type {string} */ color,
    type = "solid",
  ) => ({
    name,
    type: "line",
    symbol: "none",
    color,
    lineStyle: { type, width: type === "dotted" ? 2.5 : 1.75 },
    tooltip: { valueFormatter: (/** @type {number} */ value) => decimal(value) },
    data: points(measures.steps, measures[column]),
  });
  const heldOut = last(measures.held_out_loss) !== null;
  return {
    grid: { left: 64, right: 72, top: 40, bottom: 44 },
    xAxis: steps(shades),
    yAxis: [
      axis(shades, "loss, nats", { scale: true, nameGap: 46 }),
      axis(shades, "penalty, nats", { min: 0, nameGap: 50, splitLine: { show: false } }),
    ],
    series: [
      { ...line("task loss", "loss", shades.keep), ...seedStarts(shades, measures) },
      ...(heldOut ? [line("held-out loss", "held_out_loss", shades.third, "dashed")] : []),
      { ...line("penalty (right)", "penalty", shades.prune, "dotted"), yAxisIndex: 1 },
    ],
  };
}

/** @param {import("views/run").Measures} measures */
function lossTold(measures) {
  const { loss, held_out_loss: heldOut, penalty } = measures;
  const held = last(heldOut) === null ? "" : `, held-out ${decimal(last(heldOut))}`;
  return `task loss ${decimal(first(loss))} → ${decimal(last(loss))}${held}, penalty ${decimal(last(penalty))}`;
}

/**
 * @param {import("views/theme").Colours} shades
 * @param {import("views/run").Measures} measures
 */
function aucOption(shades, measures) {
  return {
    grid: { left: 64, right: 24, top: 12, bottom: 44 },
    legend: { show: false },
    xAxis: steps(shades),
    yAxis: axis(shades, "AUC", { scale: true, nameGap: 46 }),
    series: {
      name: "AUC",
      type: "line",
      symbol: "none",
      color: shades.keep,
      tooltip: { valueFormatter: (/** @type {number} */ value) => decimal(value) },
      data: points(measures.steps, measures.held_out_auc),
    },
  };
}

/**
 * @param {import("views/theme").Colours} shades
 * @param {import("views/run").Measures} measures
 */
function speedOption(shades, measures) {
  return {
    grid: { left: 64, right: 24, top: 12, bottom: 44 },
    legend: { show: false },
    xAxis: steps(shades),
    yAxis: axis(shades, "rows per second", {
      min: 0,
      nameGap: 50,
      axisLabel: { color: shades.soft, formatter: short },
    }),
    series: {
      name: "rows per second",
      type: "line",
      symbol: "none",
      color: shades.keep,
      tooltip: { valueFormatter: (/** @type {number} */ value) => count(round(value)) },
      data: points(measures.steps, measures.rows_per_second),
    },
  };
}

/** @param {number} value */
function short(value) {
  return value >= 1000 ? `${count(value / 1000)}k` : count(value);
}

/**
 * @param {number | null} value
 */
function round(value) {
  return value === null || value === undefined ? null : Math.round(value);
}

/**
 * The last number; null where there is none.
 * @param {(number | null)[]} [column]
 * @returns {number | null}
 */
function last(column) {
  return column?.findLast((value) => value !== null) ?? null;
}

/** @param {(number | null)[]} column */
function first(column) {
  return column.find((value) => value !== null) ?? null;
}
