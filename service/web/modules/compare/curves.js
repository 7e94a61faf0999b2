// @ts-check
/** The selection curves of several runs over each other. */

import { Chart, axis } from "views/chart";
import { empty } from "views/dom";
import { count, decimal } from "views/format";

const COLOURS = /** @type {const} */ (["keep", "prune", "third", "between"]);
const DASHES = ["solid", "dashed", "dotted", [8, 3, 2, 3]];

/**
 * @param {Element} parent
 * @param {import("pages/compare/table").Compared[]} runs
 */
export function overlay(parent, runs) {
  const having = runs.flatMap((run) =>
    run.results && run.results.curve.length > 0 ? [{ ...run, curve: run.results.curve }] : [],
  );
  if (having.length === 0) {
    parent.append(empty("The selection curves were deleted with the runs' directories."));
    return;
  }
  const chart = new Chart(parent, "Quality along each run's ranking", { height: 320 });
  const told = having.map(
    ({ label, curve }) => `${label}: ${decimal(Math.min(...curve.map(({ logloss }) => logloss)), 5)} at best`,
  );
  chart.draw(
    (shades) => ({
      grid: { left: 76, right: 28, top: 40, bottom: 48 },
      xAxis: axis(shades, "features kept", { axisLabel: { color: shades.soft, formatter: count } }),
      yAxis: axis(shades, "validation logloss, nats", { scale: true, nameGap: 58 }),
      series: having.map(({ label, title, curve }, at) => ({
        name: `${label}: ${title}`,
        type: "line",
        symbol: "none",
        color: shades[COLOURS[at % COLOURS.length]],
        // Lines next to each other differ in both; no two of sixteen are alike.
        lineStyle: { type: DASHES[(at + Math.floor(at / COLOURS.length)) % DASHES.length] },
        tooltip: { valueFormatter: (/** @type {number} */ loss) => decimal(loss, 5) },
        data: [...curve].sort((a, b) => a.features - b.features).map((point) => [point.features, point.logloss]),
      })),
    }),
    told.join(", "),
  );
}
