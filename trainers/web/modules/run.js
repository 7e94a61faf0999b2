// @ts-check
/** The run document that views draw: parts of a run as the API has them, null while there is none. */

/**
 * @typedef {import("schemas").MeasureSeries} Measures
 * @typedef {import("schemas").GateGrid} Grid
 * @typedef {import("schemas").PruneList} PruneList
 * @typedef {import("schemas").Results} Results
 * @typedef {Partial<import("schemas").Progress> & {check?: any}} Progress of a dry run it is `check` alone
 * @typedef {{spec: any, progress: Progress | null, list: PruneList | null, results: Results | null,
 *   measures: Measures | null, grid: Grid | null}} Run
 */

/** A cell that stands for no number. */
export const NO_NUMBER = 255;
/** A cell of a gate of 1; that of 0 is 0. */
export const OPEN = 254;

/**
 * A prune list in the form of version 3. Version 1 is of LeAP alone, and up to version 2 the guard has no verdict
 * (`trainers/runs/prune_list.py` has all three).
 * @param {any} document as a run, or the API, has it
 * @returns {PruneList}
 */
export function listOf(document) {
  if (document.guard.verdict) return document;
  const guard = { ...document.guard, verdict: document.guard.passed ? "passed" : "failed" };
  if (document.selector) return { ...document, schema_version: 3, guard };
  const { warning = null, ...diagnostics } = document.polarization ?? {};
  const features = document.features.map((/** @type {any} */ feature) => ({ details: detailsOf(feature), ...feature }));
  const selector = { name: "leap", family: "gate", probability_like: true };
  return { ...document, schema_version: 3, selector, features, interactions: [], diagnostics, warning, guard };
}

/** @param {{divergence?: number | null, endurance?: number | null}} feature of version 1 */
function detailsOf({ divergence, endurance }) {
  const found = { divergence, mean_gate: endurance };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => typeof value === "number"));
}

/**
 * A grid's cells: a row of bytes per feature, a byte per step.
 * @param {Grid} grid
 * @returns {Uint8Array}
 */
export function cellsOf(grid) {
  const letters = atob(grid.cells);
  const cells = new Uint8Array(letters.length);
  for (let at = 0; at < cells.length; at += 1) cells[at] = letters.charCodeAt(at);
  return cells;
}
