// @ts-check
/** The run document that views draw: parts of a run as the API has them, null while there is none. */

/**
 * @typedef {Record<string, any> & {steps: number[]}} Measures series over the search, a column each
 * @typedef {{features: string[], steps: number[], every: number, final: (number | null)[], cells: string}} Grid
 * @typedef {{spec: any, progress: any, list: any, results: any, measures: Measures | null, grid: Grid | null}} Run
 */

/** A cell that stands for no number. */
export const NO_NUMBER = 255;
/** A cell of a gate of 1; that of 0 is 0. */
export const OPEN = 254;

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
