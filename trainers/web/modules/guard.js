// @ts-check
/** The guard's verdict in words and numbers. */

import { decimal } from "views/format";

/** @typedef {import("schemas").GuardVerdict} GuardVerdict */

const LOWER_IS_BETTER = new Set(["logloss", "ne"]);
const NAMES = /** @type {Record<string, string>} */ ({ auc: "AUC", gauc: "GAUC", logloss: "Logloss", ne: "NE" });

/**
 * A verdict: `mark` says what its colour says.
 * @type {Record<GuardVerdict["verdict"], {mark: string, tone: "good" | "bad" | "plain", means: string}>}
 */
export const VERDICTS = {
  passed: { mark: "✓", tone: "good", means: "The whole interval of the change lies within the limit." },
  failed: { mark: "✗", tone: "bad", means: "The whole interval of the change lies beyond the limit." },
  inconclusive: { mark: "?", tone: "plain", means: "The limit lies within the interval of the change." },
};

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
 * What a verdict rests on: the change in numbers, and what its reason says beyond them.
 * @param {GuardVerdict} guard
 */
export function grounds(guard) {
  const [, beyond] = guard.reason.split(" worse is allowed");
  return beyond === undefined || guard.drop === null ? guard.reason : change(guard) + beyond;
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
