// @ts-check
/** All gates of a run over its search, as a picture to look into. */

import { gradient } from "views/cividis";
import { element, empty, fresh } from "views/dom";
import { count, decimal } from "views/format";
import { Field } from "views/gate-field";
import { byKeys, byPointer } from "views/heat-map/hand";
import { paint } from "views/heat-map/picture";
import { NEWEST, orderOf } from "views/reasons";
import { NO_NUMBER, OPEN } from "views/run";
import { colours, onTurn } from "views/theme";

const [ROW, LOWEST, HIGHEST, AXES] = [22, 110, 560, 41];
const HELP =
  "Drag over features or steps to zoom in, or turn the wheel with Ctrl (steps: Ctrl and Shift). By keys: arrows move " +
  "from cell to cell, Page Up and Down by a screen, Home and End to the first and last step, with Ctrl to the first and " +
  "last feature; + and − zoom features, > and < steps, Escape shows all";

/**
 * @typedef {object} Options
 * @property {(from: number | null, to: number | null) => void} [onSpan] told the steps that the reader looks at, null
 *   for all: `update` may bring a grid of them, in more detail
 * @property {(feature: string) => void} [onFeature] told the feature that was clicked, or chosen by Enter
 */

/**
 * The gates as a heat map: features × steps, in the order of the ranking where the run has one. Where there are more features than lines of pixels,
 * each pixel shows the gate among its features that is furthest from their mean, so that an odd one is seen.
 * @param {Element} parent
 * @param {Options} [options]
 * @returns {{update: (run: import("views/run").Run) => void}}
 */
export function heatMap(parent, options = {}) {
  return new HeatMap(parent, options);
}

/** @typedef {{feature: number, column: number, among: number}} Cell `among` are the features that its pixel stands for */

export class HeatMap {
  /**
   * @param {Element} parent
   * @param {Options} options
   */
  constructor(parent, options) {
    this.options = options;
    this.field = new Field();
    this.due = false;
    const [title, help] = [fresh("heat-map"), fresh("help")];
    this.canvas = /** @type {HTMLCanvasElement} */ (
      element("canvas", { tabindex: 0, role: "application", "aria-labelledby": title, "aria-describedby": help })
    );
    this.dragged = element("div", { class: "dragged", hidden: true });
    this.cell = element("p", { class: "cell", role: "status" });
    this.matches = element("span", { class: "soft", role: "status" });
    this.lines = element("p", { class: "note" });
    /** @type {import("views/run").PruneList | null} */
    this.list = null;
    this.place = element("div", { class: "canvas" }, this.canvas, this.dragged);
    this.drawn = element("div", { hidden: true }, this.#controls(), this.lines, this.place, this.cell);
    this.nothing = empty("No gates yet: the first come with the run's first report.");
    const caption = element("figcaption", { id: title }, "Gates of all features over the search");
    const keys = element("p", { id: help, class: "note" }, `${HELP}.`);
    this.drawn.append(element("details", {}, element("summary", { class: "note" }, "How to look around"), keys));
    parent.append(element("figure", { class: "heat-map" }, caption, this.drawn, this.nothing));
    byPointer(this);
    byKeys(this);
    new ResizeObserver(() => this.#draw()).observe(this.canvas);
    onTurn(() => this.#draw());
  }

  /** @param {import("views/run").Run} run */
  update({ grid, list }) {
    if (!grid || grid.steps.length === 0 || (grid === this.field.grid && list === this.list)) return;
    this.list = list;
    this.field.take(
      grid,
      list?.features.map(({ name }) => name),
    );
    this.drawn.hidden = false;
    this.nothing.remove();
    const rows = this.field.order.length * ROW;
    this.canvas.style.height = `${Math.max(LOWEST, Math.min(HIGHEST, rows)) + AXES}px`;
    this.changed();
    this.tell();
  }

  #controls() {
    const search = /** @type {HTMLInputElement} */ (
      element("input", { type: "search", autocomplete: "off", spellcheck: "false", placeholder: "a part of names" })
    );
    search.addEventListener("input", () => {
      this.field.search(search.value);
      this.changed();
    });
    const button = (/** @type {string} */ text, /** @type {string} */ title, /** @type {() => void} */ onclick) =>
      element("button", { type: "button", title, "aria-label": title, onclick }, text);
    return element(
      "div",
      { class: "row spread" },
      element("span", { class: "row" }, element("label", { class: "inline" }, "Find features", search), this.matches),
      scale(),
      element(
        "span",
        { class: "row tight" },
        button("+", "Zoom in on features", () => this.zoom(0.5)),
        button("−", "Zoom out of features", () => this.zoom(2)),
        button("All", "Show all features and steps", () => this.all()),
      ),
    );
  }

  /** Draw once, when the browser paints next. */
  #draw() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      if (this.canvas.clientWidth === 0 || this.field.grid.steps.length === 0) return;
      paint(this.canvas, this.field, colours());
      this.canvas.dataset.drawn = String(this.field.grid.steps.length);
    });
  }

  /** Say what is in sight, and draw it. */
  changed() {
    const { rows, order, wanted, rowsInSight } = this.field;
    const [from, to] = rowsInSight;
    const sight = to - from < rows.length ? `, ${count(from + 1)} to ${count(to)} in sight` : "";
    this.matches.textContent = wanted
      ? `${count(rows.length)} of ${count(order.length)} match${sight}`
      : `${count(order.length)} features${sight}`;
    const each = Math.ceil((to - from) / (this.canvas.clientHeight - AXES || HIGHEST));
    const shared =
      each > 1 ? ` A pixel stands for up to ${each} features, and shows the gate furthest from their mean.` : "";
    const blank = this.field.cells.includes(NO_NUMBER) ? " Blank: no number." : "";
    this.lines.textContent = `${this.list ? orderOf(this.list) : NEWEST}${shared}${blank}`;
    this.#draw();
  }

  /**
   * @param {number} by how many times as many rows are in sight then
   * @param {number} [share] of the plot's height: what lies there stays there
   */
  zoom(by, share = this.#cursorShares().y) {
    this.field.showRows(...scaled(this.field.rowsInSight, by, share));
    this.changed();
  }

  /**
   * @param {number} by how many times as many steps are in sight then
   * @param {number} [share] of the plot's width
   */
  zoomSteps(by, share = this.#cursorShares().x) {
    this.showSteps(...scaled(this.field.stepsInSight, by, share));
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  showSteps(from, to) {
    this.field.showSteps(from, to);
    this.options.onSpan?.(this.field.span?.[0] ?? null, this.field.span?.[1] ?? null);
    this.changed();
  }

  all() {
    const { span } = this.field;
    this.field.showAll();
    if (span) this.options.onSpan?.(null, null);
    this.changed();
  }

  /**
   * Move the cursor by rows and columns.
   * @param {number} down
   * @param {number} right
   */
  move(down, right) {
    this.field.move(down, right);
    this.changed();
    this.tell();
  }

  /** @param {number} feature */
  choose(feature) {
    this.options.onFeature?.(this.field.grid.features[feature]);
  }

  /**
   * Say in words what a cell holds; without one, that at the cursor.
   * @param {Cell | null} [cell]
   */
  tell(cell = this.#atCursor()) {
    this.cell.textContent = cell ? this.#told(cell) : "";
  }

  /** @param {Cell} cell */
  #told({ feature, column, among }) {
    const { grid, cells } = this.field;
    const { features, steps, final } = grid;
    const byte = cells[feature * steps.length + column];
    const gate = byte === NO_NUMBER ? "no number" : decimal(byte / OPEN, 2);
    const rank = `rank ${count(this.field.order.indexOf(feature) + 1)}`;
    const others = among > 1 ? `, the furthest of ${among} here` : "";
    return `${features[feature]} (${rank}${others}) · step ${count(steps[column])} · gate ${gate} · newest ${decimal(final[feature])}`;
  }

  /** @returns {Cell | null} */
  #atCursor() {
    const { cursor } = this.field;
    const column = cursor ? this.field.columnOf(cursor.step) : -1;
    return cursor && column >= 0 ? { feature: cursor.feature, column, among: 1 } : null;
  }

  #cursorShares() {
    const { cursor, rows, rowsInSight, stepsInSight } = this.field;
    const row = cursor ? rows.indexOf(cursor.feature) + 0.5 : -1;
    return { x: shareOf(cursor?.step ?? -1, stepsInSight), y: shareOf(row, rowsInSight) };
  }
}

/**
 * A range `by` times as wide, in which what lies at `share` stays there.
 * @param {[number, number]} range
 * @param {number} by
 * @param {number} share
 * @returns {[number, number]}
 */
function scaled([from, to], by, share) {
  const still = from + share * (to - from);
  return [still - share * by * (to - from), still + (1 - share) * by * (to - from)];
}

/**
 * @param {number} value
 * @param {[number, number]} range
 * @returns {number} the middle where it lies outside
 */
function shareOf(value, [from, to]) {
  return value >= from && value <= to ? (value - from) / (to - from) : 0.5;
}

/** What the colours mean. */
function scale() {
  const bar = element("span", { class: "bar" });
  bar.style.background = gradient;
  const marks = [0, 0.25, 0.5, 0.75, 1].map((gate) => element("span", {}, gate));
  return element(
    "span",
    { class: "scale" },
    element("span", { class: "soft" }, "gate"),
    element("span", {}, bar, element("span", { class: "marks" }, marks)),
  );
}
