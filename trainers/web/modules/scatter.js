// @ts-check
/** The scores against what could explain them: what else the selector tells of a feature, and how wide it is. */

import { Chart, axis, tooltip } from "views/chart";
import { detail, detailNames } from "views/details";
import { element } from "views/dom";
import { count, decimal } from "views/format";
import { rowsOf } from "views/ranking";

/** @typedef {import("views/ranking").Row} Row */

// Below it a scale of decades is all but linear, so that 0 has a place on it.
const LINEAR = 1e-3;
const DECADES = [0, 0.001, 0.01, 0.1, 1, 10, 100, 1000];
const SHARES = [0, 0.25, 0.5, 0.75, 1];
const MANY = 2000;
const GROUPS = /** @type {const} */ ([
  { decision: "kept", symbol: "circle", colour: "keep" },
  { decision: "pruned", symbol: "triangle", colour: "prune" },
  { decision: "no decision yet", symbol: "diamond", colour: "soft" },
]);

/**
 * Score against each of the selector's details, once the run has decided, and score against dim. Kept, pruned and
 * features without a decision differ by shape as well as by colour.
 * @param {Element} parent
 * @returns {{update: (run: import("views/run").Run) => void}}
 */
export function scatter(parent) {
  const place = element("div", { class: "columns" });
  parent.append(place);
  /** @type {Record<string, Chart>} */
  const charts = {};
  const chart = (/** @type {string} */ title, note = "") =>
    (charts[title] ??= new Chart(place, title, { height: 320, note }));
  return {
    update(run) {
      const rows = rowsOf(run).filter((row) => row.score !== null);
      const threshold = run.spec?.prune?.rule === "threshold" ? run.spec.prune.threshold : null;
      for (const name of detailNames(rows)) {
        const having = rows.filter((row) => name in row.details);
        const title = `Score and ${detail(name).title.toLowerCase()}`;
        chart(title).draw((shades) => against(shades, having, threshold, name), told(having));
      }
      const wide = rows.filter((row) => row.dim !== null);
      if (wide.length > 0) {
        chart("Score and dim").draw((shades) => width(shades, wide, threshold), told(wide));
      }
    },
  };
}

/**
 * @param {import("views/theme").Colours} shades
 * @param {Row[]} rows
 * @param {number | null} threshold
 * @param {string} name of the detail
 */
function against(shades, rows, threshold, name) {
  const { axis: title, log } = detail(name);
  if (!log)
    return option(shades, rows, threshold, {
      x: (row) => row.details[name],
      axis: axis(shades, title, { scale: true }),
    });
  const place = (/** @type {number} */ value) => Math.log10(1 + Math.max(0, value) / LINEAR);
  const values = rows.map((row) => row.details[name]);
  const most = Math.max(
    ...values.slice(0, 1),
    0.01,
    values.reduce((a, b) => Math.max(a, b), 0),
  );
  const marks = DECADES.filter((mark) => mark <= 1.05 * most);
  const label = (/** @type {number} */ at) => String(marks.find((mark) => Math.abs(place(mark) - at) < 1e-6) ?? "");
  const customValues = marks.map(place);
  return option(shades, rows, threshold, {
    x: (row) => place(row.details[name]),
    axis: axis(shades, title, {
      min: 0,
      max: place(1.15 * most),
      axisTick: { show: true, customValues },
      axisLabel: { customValues, formatter: label, color: shades.soft },
    }),
  });
}

/**
 * @param {import("views/theme").Colours} shades
 * @param {Row[]} rows
 * @param {number | null} threshold
 */
function width(shades, rows, threshold) {
  // Many features have the same width: they are spread sideways, by up to a fifth of an octave.
  const aside = (/** @type {number} */ at) => (rows.length > 60 ? (((at * 0.618034) % 1) - 0.5) * 0.4 : 0);
  const most = rows.reduce((widest, row) => Math.max(widest, row.dim ?? 1), 1);
  const octaves = Array.from({ length: Math.ceil(Math.log2(most)) + 1 }, (_, octave) => octave);
  return option(shades, rows, threshold, {
    x: (row, at) => Math.log2(/** @type {number} */ (row.dim)) + aside(at),
    axis: axis(shades, "dims, log scale", {
      min: -0.5,
      max: octaves.length - 0.5,
      axisTick: { show: true, customValues: octaves },
      axisLabel: {
        customValues: octaves,
        formatter: (/** @type {number} */ octave) => count(2 ** octave),
        color: shades.soft,
      },
    }),
  });
}

/**
 * @param {import("views/theme").Colours} shades
 * @param {Row[]} rows
 * @param {number | null} threshold
 * @param {{x: (row: Row, at: number) => number, axis: object}} across
 */
function option(shades, rows, threshold, across) {
  const groups = GROUPS.map((group) => ({
    ...group,
    found: rows.flatMap((row, at) => ((row.decision ?? "no decision yet") === group.decision ? [{ row, at }] : [])),
  })).filter(({ found }) => found.length > 0);
  const shares = {
    min: -0.04,
    max: 1.04,
    axisTick: { show: true, customValues: SHARES },
    axisLabel: { customValues: SHARES, color: shades.soft },
  };
  const upwards = rows.every((row) => row.share) ? shares : { scale: true };
  return {
    grid: { left: 56, right: 24, top: 40, bottom: 48 },
    tooltip: tooltip(shades, "item", named),
    xAxis: across.axis,
    yAxis: axis(shades, "score", { ...upwards, splitLine: { show: false } }),
    series: groups.map(({ decision, symbol, colour, found }, place) => ({
      name: decision,
      type: "scatter",
      symbol,
      symbolSize: rows.length > MANY ? 4 : rows.length > 300 ? 6 : 10,
      large: found.length > MANY,
      color: shades[colour],
      itemStyle: { opacity: rows.length > 300 ? 0.6 : 0.85 },
      // The name is looked up at hover: large series keep numbers only.
      data: found.map(({ row, at }) => [across.x(row, at), row.score, at]),
      markLine: place === 0 && threshold !== null ? line(shades, threshold) : undefined,
    })),
  };

  /** @param {{value: number[]}} point */
  function named({ value }) {
    const row = rows[value[2]];
    const details = Object.entries(row.details).map(
      ([name, told]) => `${name.replaceAll("_", " ")} ${decimal(told, 3)}`,
    );
    const facts = [`score ${decimal(row.score)}`, ...details, `dim ${count(row.dim)}`];
    return element("div", {}, element("strong", {}, row.name), ...facts.map((fact) => element("div", {}, fact)));
  }
}

/**
 * @param {import("views/theme").Colours} shades
 * @param {number} threshold
 */
function line(shades, threshold) {
  return {
    silent: true,
    symbol: "none",
    precision: 12,
    lineStyle: { color: shades.soft, type: "dashed" },
    label: { formatter: `threshold ${threshold}`, color: shades.soft, position: "insideEndTop" },
    data: [{ yAxis: threshold }],
  };
}

/** @param {Row[]} rows */
function told(rows) {
  return GROUPS.map(({ decision }) => [
    rows.filter((row) => (row.decision ?? "no decision yet") === decision).length,
    decision,
  ])
    .filter(([found]) => found)
    .map(([found, decision]) => `${count(Number(found))} ${decision}`)
    .join(", ");
}
