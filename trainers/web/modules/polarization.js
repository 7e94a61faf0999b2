// @ts-check
/** How far the gates have parted, over the search. */

import { Chart, axis, points, seedStarts, steps } from "views/chart";
import { decimal, percent } from "views/format";

const PARTS = /** @type {const} */ ([
  { column: "low", name: "closed (under 0.1)", colour: "prune" },
  { column: "middle", name: "between", colour: "between" },
  { column: "high", name: "open (over 0.9)", colour: "keep" },
]);

/**
 * Shares of the gates that are closed, between and open; their mean distance from their mean; their entropy.
 * @param {Element} parent
 * @returns {{update: (run: import("views/run").Run) => void}}
 */
export function polarization(parent) {
  const shares = new Chart(parent, "Shares of closed and open gates");
  const spread = new Chart(parent, "Spread and entropy of the gates", { height: 220 });
  return {
    update({ measures }) {
      if (!measures || measures.steps.length === 0) return;
      shares.draw((shades) => sharesOption(shades, measures), sharesTold(measures));
      spread.draw((shades) => spreadOption(shades, measures), spreadTold(measures));
    },
  };
}

/**
 * @param {import("views/theme").Colours} shades
 * @param {import("views/run").Measures} measures
 */
function sharesOption(shades, measures) {
  return {
    aria: { enabled: true, decal: { show: true } },
    xAxis: steps(shades),
    yAxis: axis(shades, "share of gates", {
      min: 0,
      max: 1,
      axisLabel: { formatter: (/** @type {number} */ value) => percent(value), color: shades.soft },
    }),
    series: PARTS.map(({ column, name, colour }, at) => ({
      ...(at === 0 ? seedStarts(shades, measures) : {}),
      name,
      type: "line",
      stack: "gates",
      symbol: "none",
      lineStyle: { width: 1 },
      areaStyle: { opacity: 0.75 },
      color: shades[colour],
      tooltip: { valueFormatter: (/** @type {number} */ value) => percent(value, 1) },
      data: points(measures.steps, measures[column]),
    })),
  };
}

/** @param {import("views/run").Measures} measures */
function sharesTold({ low, middle, high }) {
  return `${percent(low.at(-1))} of gates closed, ${percent(middle.at(-1))} between, ${percent(high.at(-1))} open`;
}

/**
 * @param {import("views/theme").Colours} shades
 * @param {import("views/run").Measures} measures
 */
function spreadOption(shades, measures) {
  const line = { type: "line", symbol: "none" };
  return {
    xAxis: steps(shades),
    yAxis: axis(shades, "", { min: 0 }),
    series: [
      {
        ...line,
        ...seedStarts(shades, measures),
        name: "mean |g − mean g|",
        color: shades.keep,
        data: points(measures.steps, measures.spread),
      },
      {
        ...line,
        name: "mean entropy",
        color: shades.prune,
        lineStyle: { type: "dashed" },
        data: points(measures.steps, measures.entropy),
      },
    ],
  };
}

/** @param {import("views/run").Measures} measures */
function spreadTold({ spread, entropy }) {
  return `spread ${decimal(spread.at(-1), 3)}, entropy ${decimal(entropy.at(-1), 3)}`;
}
