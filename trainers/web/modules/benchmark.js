// @ts-check
/** A benchmark's charts above its tables, which the page has already. */

import { Chart, axis, tooltip } from "views/chart";
import { criticalDifference } from "views/critical-difference";
import { element, section } from "views/dom";
import { count, decimal, duration, percent } from "views/format";
import { isDark, recall, turn } from "views/theme";

/**
 * @typedef {{mean: number, deviation: number | null, seeds: number}} Entry
 * @typedef {{method: string, entries: (Entry | null)[]}} Row
 * @typedef {{metric: string, backbone: string, columns: {dataset: string, retention: number}[], rows: Row[]}} Table
 * @typedef {{method: string, search_seconds: number | null, normalized_auc: number | null}} Cost
 * @typedef {{blocks: number, critical_difference: number, methods: {method: string, mean_rank: number}[],
 *   cliques: string[][]}} Ranks
 * @typedef {{by: string, retention: number[], tables: Table[], costs: Cost[], ranks: Ranks | null}} Results
 */

const ALL = "no_selection";
const SYMBOLS = ["circle", "rect", "triangle", "diamond", "emptyCircle", "emptyRect", "emptyTriangle", "emptyDiamond"];
const DASHES = ["solid", "dashed", "dotted"];

/**
 * @param {HTMLElement} main
 * @param {Results} results
 */
export async function benchmark(main, results) {
  recall();
  const turned = () => turn(isDark() ? "light" : "dark");
  const header = element("div", { class: "row spread" });
  const heading = /** @type {HTMLElement} */ (main.querySelector("h1"));
  heading.replaceWith(header);
  header.append(heading, element("button", { onclick: turned, "aria-label": "Turn dark or light" }, "◐"));
  const parts = [quality(results), ranks(results), cost(results)].filter((part) => part !== null);
  /** @type {HTMLElement} */ (main.querySelector("#charts")).append(...parts.map(({ place }) => place));
  for (const { draw } of parts) draw();
  main.dataset.ready = "true";
}

/** @typedef {{place: HTMLElement, draw: () => void}} Part drawn once its place is on the page, and has a width */

/**
 * A chart for each backbone and data set.
 * @param {Results} results
 * @returns {Part | null}
 */
function quality({ by, tables }) {
  const found = tables
    .filter(({ metric }) => metric === "auc")
    .flatMap((table) =>
      [...new Set(table.columns.map(({ dataset }) => dataset))].map((dataset) => ({ table, dataset })),
    );
  if (found.length === 0) return null;
  const place = element("div", { class: "columns" });
  const draw = () => {
    for (const { table, dataset } of found) {
      const chart = new Chart(place.appendChild(element("div")), `${dataset}, ${table.backbone}`, { height: 320 });
      drawQuality(chart, by, table, dataset);
    }
  };
  return { place: section("Quality against the share that is kept", place), draw };
}

/**
 * @param {Chart} chart
 * @param {string} by
 * @param {Table} table
 * @param {string} dataset
 */
function drawQuality(chart, by, { columns, rows }, dataset) {
  const at = columns.flatMap((column, place) => (column.dataset === dataset ? [place] : []));
  const lines = rows
    .map(({ method, entries }, place) => ({
      method,
      place,
      points: at.flatMap((column) => {
        const entry = entries[column];
        return entry ? [{ value: [100 * columns[column].retention, entry.mean], entry }] : [];
      }),
    }))
    .filter(({ points }) => points.length > 0);
  chart.draw((shades) => {
    const inks = [shades.keep, shades.prune, shades.third, shades.soft];
    return {
      grid: { left: 64, right: 24, top: 44, bottom: 48 },
      tooltip: tooltip(shades, "item", ({ seriesName, data }) => hint(seriesName, by, data)),
      xAxis: axis(shades, `${by} kept, %`, { min: 0, max: 100 }),
      yAxis: axis(shades, "test AUC", {
        scale: true,
        nameGap: 46,
        axisLabel: { color: shades.soft, formatter: (/** @type {number} */ auc) => decimal(auc, 3) },
      }),
      series: lines.map(({ method, place, points }) => ({
        name: method,
        type: "line",
        symbol: method === ALL ? "none" : SYMBOLS[place % SYMBOLS.length],
        symbolSize: 9,
        color: method === ALL ? shades.ink : inks[place % inks.length],
        lineStyle: { type: method === ALL ? "dashed" : DASHES[Math.floor(place / inks.length) % DASHES.length] },
        // All features stay whatever the ratio: a level to hold the others against.
        data: method === ALL ? [0, 100].map((x) => ({ ...points[0], value: [x, points[0].entry.mean] })) : points,
      })),
    };
  }, highest(lines));
}

/** @param {{method: string, points: {value: number[]}[]}[]} lines */
function highest(lines) {
  const points = lines.flatMap(({ method, points }) => points.map(({ value }) => ({ method, value })));
  const best = points.reduce((most, each) => (each.value[1] > most.value[1] ? each : most));
  const where = best.method === ALL ? "" : ` at ${decimal(best.value[0], 0)} %`;
  return `highest ${decimal(best.value[1])}, ${best.method}${where}`;
}

/**
 * @param {string} method
 * @param {string} by
 * @param {{value: number[], entry: Entry}} point
 */
function hint(method, by, { value, entry }) {
  const spread = entry.deviation === null ? "" : ` ± ${decimal(entry.deviation)}`;
  const seeds = `${count(entry.seeds)} ${entry.seeds === 1 ? "seed" : "seeds"}`;
  const kept = method === ALL ? "all features" : `${decimal(value[0], 0)} % of ${by}`;
  const lines = [`AUC ${decimal(entry.mean)}${spread}, ${seeds}`, kept];
  return element("div", {}, element("strong", {}, method), ...lines.map((line) => element("div", {}, line)));
}

/**
 * @param {Results} results
 * @returns {Part | null}
 */
function ranks({ ranks: found }) {
  if (found === null) return null;
  const place = section("Critical difference");
  return { place, draw: () => criticalDifference(place, found) };
}

/**
 * @param {Results} results
 * @returns {Part | null}
 */
function cost({ costs }) {
  const known = costs.flatMap(({ method, search_seconds: seconds, normalized_auc: quality }, place) =>
    seconds && quality !== null ? [{ method, place, value: [seconds, quality] }] : [],
  );
  if (known.length === 0) return null;
  const place = section("Cost against quality");
  const note = "Methods that search; the mean over data sets, backbones and seeds. Up and to the left is better.";
  const draw = () => drawCost(new Chart(place, "S_AUC against the seconds of a search", { height: 320, note }), known);
  return { place, draw };
}

/**
 * @param {Chart} chart
 * @param {{method: string, place: number, value: number[]}[]} known
 */
function drawCost(chart, known) {
  const best = known.reduce((most, each) => (each.value[1] > most.value[1] ? each : most));
  chart.draw(
    (shades) => {
      const inks = [shades.keep, shades.prune, shades.third, shades.soft];
      return {
        grid: { left: 72, right: 32, top: 44, bottom: 48 },
        tooltip: tooltip(shades, "item", ({ seriesName, value }) =>
          element(
            "div",
            {},
            element("strong", {}, seriesName),
            element("div", {}, `S_AUC ${decimal(value[1])} in ${duration(value[0])}`),
          ),
        ),
        xAxis: axis(shades, "seconds of a search", { type: "log", logBase: 10 }),
        yAxis: axis(shades, "S_AUC", {
          scale: true,
          nameGap: 54,
          axisLabel: { color: shades.soft, formatter: (/** @type {number} */ share) => decimal(share, 3) },
        }),
        series: known.map(({ method, place, value }) => ({
          name: method,
          type: "scatter",
          symbol: SYMBOLS[place % SYMBOLS.length],
          symbolSize: 13,
          color: inks[place % inks.length],
          data: [value],
        })),
      };
    },
    `best ${best.method}, ${percent(best.value[1], 2)} of the best AUC in ${duration(best.value[0])}`,
  );
}
