// @ts-check
/** What a heat map shows: the gates of a grid in order, the part of them in sight, and the cell in hand. */

import { NO_NUMBER, cellsOf } from "views/run";

const FEWEST_ROWS = 4;

/**
 * Rows are features in the order of the ranking; without one by their newest gate, highest first, those without a number
 * last. A search leaves some of them.
 * Horizontally everything is in steps: a grid of a part of the run lies where that part is.
 */
export class Field {
  constructor() {
    /** @type {import("views/run").Grid} */
    this.grid = { features: [], steps: [], every: 1, final: [], cells: "" };
    /** @type {Uint8Array} */
    this.cells = new Uint8Array();
    /** Steps between which columns lie, one more than there are columns. @type {number[]} */
    this.edges = [];
    this.wanted = "";
    /** @type {number[]} */
    this.order = [];
    /** Features by row, as places in the grid. @type {number[]} */
    this.rows = [];
    /** The rows in sight, from–to; null for all. @type {[number, number] | null} */
    this.band = null;
    /** The steps in sight; null for all. @type {[number, number] | null} */
    this.span = null;
    /** All steps that are known of. @type {[number, number]} */
    this.whole = [0, 1];
    /** @type {{feature: number, step: number} | null} */
    this.cursor = null;
  }

  /**
   * @param {import("views/run").Grid} grid
   * @param {readonly string[]} [ranking] names in the order of the ranking, where there is one
   */
  take(grid, ranking = []) {
    const { steps, final, features } = grid;
    this.grid = grid;
    this.cells = cellsOf(grid);
    this.edges = [2 * steps[0] - (steps[1] ?? 2 * steps[0]), ...steps];
    const ends = /** @type {[number, number]} */ ([this.edges[0], steps[steps.length - 1]]);
    this.whole = this.span ? [Math.min(ends[0], this.whole[0]), Math.max(ends[1], this.whole[1])] : ends;
    const gate = (/** @type {number} */ at) => final[at] ?? -1;
    const name = (/** @type {number} */ at) => features[at];
    const ranks = new Map(ranking.map((feature, rank) => [feature, rank]));
    const rank = (/** @type {number} */ at) => ranks.get(features[at]) ?? ranking.length;
    this.order = features
      .map((_, at) => at)
      .sort((a, b) => rank(a) - rank(b) || gate(b) - gate(a) || (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
    this.#sift();
  }

  /** @param {string} text a part of names, in any case; empty for all */
  search(text) {
    this.wanted = text.trim().toLowerCase();
    this.band = null;
    this.#sift();
  }

  #sift() {
    const { features } = this.grid;
    const { wanted } = this;
    this.rows = wanted ? this.order.filter((at) => features[at].toLowerCase().includes(wanted)) : this.order;
    if (this.band) this.band = within(this.band, [0, this.rows.length]);
  }

  /** @returns {[number, number]} */
  get rowsInSight() {
    return this.band ?? [0, this.rows.length];
  }

  /** @returns {[number, number]} */
  get stepsInSight() {
    return this.span ?? this.whole;
  }

  /**
   * Show these rows, or as few more as can be told apart.
   * @param {number} from
   * @param {number} to
   */
  showRows(from, to) {
    this.band = shown([Math.round(from), Math.round(to)], [0, this.rows.length], FEWEST_ROWS);
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  showSteps(from, to) {
    const least = Math.min(4 * ((this.edges[1] - this.edges[0]) / this.grid.every), this.whole[1] - this.whole[0]);
    this.span = shown([Math.round(from), Math.round(to)], this.whole, Math.ceil(least));
  }

  /** Show all that the search leaves. */
  showAll() {
    this.band = this.span = null;
  }

  /** @param {number} step @returns {number} the column it lies in; -1 outside the grid */
  columnOf(step) {
    if (!(step > this.edges[0]) || step > this.edges[this.edges.length - 1]) return -1;
    let [low, high] = [0, this.edges.length - 2];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (step > this.edges[middle + 1]) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Of the rows that one line of pixels stands for, the one it shows: whose gate is furthest from their mean.
   * @param {number} from
   * @param {number} to
   * @param {number} column
   */
  representative(from, to, column) {
    const value = (/** @type {number} */ row) => this.cells[this.rows[row] * this.grid.steps.length + column];
    const found = [];
    for (let row = from; row < to; row += 1) if (value(row) !== NO_NUMBER) found.push(row);
    const mean = found.reduce((sum, row) => sum + value(row), 0) / found.length;
    const away = (/** @type {number} */ row) => Math.abs(value(row) - mean);
    const further = (/** @type {number} */ row, /** @type {number} */ best) =>
      away(row) > away(best) || (away(row) === away(best) && value(row) < value(best));
    return found.reduce((best, row) => (further(row, best) ? row : best), found[0] ?? from);
  }

  /**
   * The bytes that one line of pixels shows, a column each: see `representative`. What is furthest from a mean is the least or
   * the greatest.
   * @param {number} from
   * @param {number} to
   * @param {Uint8Array} line
   */
  line(from, to, line) {
    const { cells, rows } = this;
    const columns = line.length;
    if (to - from === 1) {
      line.set(cells.subarray(rows[from] * columns, (rows[from] + 1) * columns));
      return;
    }
    const [sums, counts] = [new Uint32Array(columns), new Uint32Array(columns)];
    const [least, most] = [new Uint8Array(columns).fill(NO_NUMBER), new Uint8Array(columns)];
    for (let at = from; at < to; at += 1) {
      for (let column = 0, cell = rows[at] * columns; column < columns; column += 1, cell += 1) {
        const byte = cells[cell];
        if (byte === NO_NUMBER) continue;
        sums[column] += byte;
        counts[column] += 1;
        if (byte < least[column]) least[column] = byte;
        if (byte > most[column]) most[column] = byte;
      }
    }
    for (let column = 0; column < columns; column += 1) {
      const mean = sums[column] / counts[column];
      line[column] = most[column] - mean > mean - least[column] ? most[column] : least[column];
    }
  }

  /**
   * Move the cursor by rows and columns, and bring it in sight. It starts in the first row and the last column in sight.
   * @param {number} down
   * @param {number} right
   */
  move(down, right) {
    const { steps } = this.grid;
    if (this.rows.length === 0) return;
    const row = this.cursor ? this.rows.indexOf(this.cursor.feature) : -1;
    const column = this.cursor ? this.columnOf(this.cursor.step) : -1;
    const begin = clamp((row < 0 ? this.rowsInSight[0] - 1 : row) + down, 0, this.rows.length - 1);
    const end = clamp((column < 0 ? this.#lastInSight() + 1 : column) + right, 0, steps.length - 1);
    this.cursor = { feature: this.rows[begin], step: steps[end] };
    if (this.band) this.band = following(this.band, begin, begin + 1);
    if (this.span) this.span = following(this.span, this.edges[end], this.edges[end + 1]);
  }

  #lastInSight() {
    return Math.max(0, this.columnOf(Math.min(this.stepsInSight[1], this.edges[this.edges.length - 1])));
  }
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

/**
 * A range widened to `least` and moved inside of all; null where it is all.
 * @param {[number, number]} range
 * @param {[number, number]} all
 * @param {number} least
 * @returns {[number, number] | null}
 */
function shown([from, to], all, least) {
  const lack = Math.max(0, least - (to - from));
  const wide = /** @type {[number, number]} */ ([from - Math.floor(lack / 2), to + Math.ceil(lack / 2)]);
  return wide[1] - wide[0] >= all[1] - all[0] ? null : within(wide, all);
}

/**
 * @param {[number, number]} range
 * @param {[number, number]} all
 * @returns {[number, number] | null} null where it is all
 */
function within([from, to], [least, most]) {
  if (to - from >= most - least) return null;
  const begin = clamp(from, least, most - (to - from));
  return [begin, begin + to - from];
}

/**
 * A range moved as little as makes it hold a part.
 * @param {[number, number]} range
 * @param {number} begin
 * @param {number} end
 * @returns {[number, number]}
 */
function following([from, to], begin, end) {
  const by = begin < from ? begin - from : end > to ? end - to : 0;
  return [from + by, to + by];
}
