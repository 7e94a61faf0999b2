// @ts-check
/** The guard's verdict in words and numbers. */

import { decimal } from "views/format";

/** @typedef {import("schemas").GuardVerdict} GuardVerdict */

const LOWER_IS_BETTER = new Set(["logloss", "ne"]);
const NAMES = /** @type {Record<string, string>} */ ({ auc: "AUC", gauc: "GAUC", logloss: "Logloss", ne: "NE" });

/** @param {string} metric as the API names it */
export function metricName(metric) {
  return NAMES[metric] ?? metric;
}

/**
 * The change of the guard's metric and its limit: "AUC +0.00883 (limit −0.001), 95% interval +0.00500 to +0.01200".
 * @param {GuardVerdict} guard
 */
export function change({ metric, drop, interval, max_drop: limit }) {
  const sign = LOWER_IS_BETTER.has(metric) ? 1 : -1;
  const allowed = limit === 0 ? "0" : `${sign > 0 ? "+" : "−"}${limit}`;
  if (drop === null) return `${metricName(metric)} not measured (limit ${allowed})`;
  const ends = (interval ?? []).map((end) => sign * end).sort((a, b) => a - b);
  const chance = interval ? `, 95% interval ${ends.map((end) => signed(end)).join(" to ")}` : "";
  return `${metricName(metric)} ${signed(sign * drop)} (limit ${allowed})${chance}`;
}

/**
 * "+0.00883", "−0.00100", "0".
 * @param {number} value
 * @param {number} [digits]
 */
export function signed(value, digits = 5) {
  const text = decimal(Math.abs(value), digits);
  if (Number(text) === 0) return "0";
  return `${value < 0 ? "−" : "+"}${text}`;
}
