// @ts-check
/** A table of many rows, by Tabulator: only the rows in sight are elements, and every control is reachable by keys. */

import { TabulatorFull } from "tabulator";
import { count, csvCell } from "views/format";
import { element } from "views/dom";

/**
 * One column. A cell is `show(row)`, or its value as text; sorting, filters and export use the value itself.
 *
 * @typedef {object} Column
 * @property {string} field
 * @property {string} title
 * @property {(row: any) => Node | string} [show]
 * @property {boolean} [number] right-aligned, sorted as numbers; null goes last either way
 * @property {"asc" | "desc"} [first] how the first press sorts; numbers "desc" and text "asc" unless given
 * @property {"text" | "range" | [string, string][]} [filter] contains, from–to, or one of these values with their text
 * @property {boolean} [sorts] whether it sorts; it does unless given
 * @property {number} [width] pixels, and at least what its title takes; without it, a share of what is left
 * @property {number} [least] pixels
 * @property {boolean} [wraps] whether text goes on in a second line, where it would be cut
 */

const ROOM = 520;
// As views.css has the tables' heads.
const HEAD_FONT = "700 14px system-ui, sans-serif";
const ARROW = 18;
const PADDING = 10;

/** A table under `label`, whose rows are told apart by their field `key`. */
export class Table {
  /**
   * @param {Element} parent takes it as its last child
   * @param {{label: string, key: string, columns: Column[], none?: string, sort?: {column: string, dir: "asc" | "desc"}[]}}
   *   options `none` is said where no row is left
   */
  constructor(parent, { label, key, columns, none = "Nothing matches; clear a filter.", sort = [] }) {
    this.key = key;
    this.label = label;
    this.told = element("span", { class: "soft", role: "status" });
    const place = element("div");
    this.bar = element("div", { class: "row spread" }, this.told, element("span", { class: "row" }, this.#exported()));
    parent.append(element("div", { class: "table" }, this.bar, place));
    /** @type {Map<string, any>} */
    this.rows = new Map();
    /** @type {Set<import("tabulator").RowComponent>} */
    this.drawn = new Set();
    this.changed = 0;
    this.table = new TabulatorFull(place, {
      index: key,
      data: [],
      maxHeight: ROOM,
      layout: "fitColumns",
      placeholder: none,
      initialSort: sort,
      columnDefaults: { resizable: false, headerTooltip: false },
      columns: columns.map(definition),
      rowFormatter: (row) => this.#drew(row),
    });
    /** @type {Promise<void>} */
    this.built = new Promise((resolve) => this.table.on("tableBuilt", () => resolve()));
    this.table.on("dataFiltered", (_filters, rows) => this.#tell(rows.length));
    void this.built.then(() => describe(this.table.element, label));
  }

  /**
   * Show these rows; order, filters, scroll and focus stay as the reader has them.
   * @param {any[]} rows
   */
  async update(rows) {
    const turn = (this.changed += 1);
    await this.built;
    // What came meanwhile is newer.
    if (turn !== this.changed) return;
    const grid = this.table.element;
    const focused = grid.contains(document.activeElement) ? document.activeElement?.getAttribute("data-key") : null;
    if (rows.length > 0 && rows.length === this.rows.size && rows.every((row) => this.rows.has(row[this.key]))) {
      this.#renew(rows);
    } else {
      this.rows = new Map(rows.map((row) => [row[this.key], row]));
      this.drawn.clear();
      grid.setAttribute("aria-rowcount", String(rows.length + 1));
      await this.table.replaceData(rows);
    }
    if (focused) {
      const again = /** @type {HTMLElement | null} */ (grid.querySelector(`[data-key="${CSS.escape(focused)}"]`));
      again?.focus({ preventScroll: true });
    }
  }

  /**
   * The same rows with other values: they stay the table's own, which would go to its top with new ones.
   * @param {any[]} rows
   */
  #renew(rows) {
    for (const row of rows) Object.assign(this.rows.get(row[this.key]), row);
    for (const row of this.drawn) row.reformat();
    this.table.refreshFilter();
  }

  /** @param {import("tabulator").RowComponent} row whose cells were made */
  #drew(row) {
    if (this.drawn.has(row)) return;
    this.drawn.add(row);
    // The header is the first. The types don't know of it.
    const watched = /** @type {any} */ (row);
    watched.watchPosition((/** @type {number} */ at) => row.getElement().setAttribute("aria-rowindex", String(at + 1)));
  }

  /**
   * Add a column.
   * @param {Column} column
   * @param {string} before the field of the column that it stands before
   */
  async add(column, before) {
    await this.built;
    await this.table.addColumn(definition(column), true, before);
  }

  /**
   * Show or hide a column.
   * @param {string} field
   * @param {boolean} shown
   */
  async show(field, shown) {
    await this.built;
    const column = this.table.getColumn(field);
    if (column.isVisible() === shown) return;
    if (shown) column.show();
    else column.hide();
  }

  /** @param {number} left */
  #tell(left) {
    const all = this.rows.size;
    this.told.textContent = left === all ? `${count(all)} rows` : `${count(left)} of ${count(all)} rows`;
  }

  #exported() {
    const name = this.label.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    const save = () => this.table.download("csv", `${name}.csv`, {}, "active");
    return element("button", { onclick: save, title: "The rows that the filters leave, in this order" }, "Export CSV");
  }
}

/**
 * Roles that hold together: Tabulator's grid has a focusable part between it and its rows, which is none of a grid's.
 * @param {HTMLElement} grid
 * @param {string} label
 */
function describe(grid, label) {
  grid.setAttribute("aria-label", label);
  grid.removeAttribute("aria-owns");
  grid.querySelector(".tabulator-tableholder")?.setAttribute("role", "rowgroup");
  grid.querySelector(".tabulator-table")?.setAttribute("role", "none");
}

/**
 * A link to what a row is of; an update of the table leaves the focus on it.
 * @param {string} text
 * @param {string | null} address without one it is text
 */
export function named(text, address) {
  return address === null ? text : element("a", { href: address, "data-key": text }, text);
}

/**
 * Tabulator's definition of a column. What formatters return are nodes: a string would be read as markup.
 * @param {Column} column
 * @returns {any}
 */
function definition({ field, title, show, number = false, first, filter, sorts = true, width, least = 90, wraps }) {
  const shown = (/** @type {any} */ cell) => (show ? show(cell.getData()) : (cell.getValue() ?? "–"));
  const room = headRoom(title, sorts);
  return {
    field,
    title,
    width: width && Math.max(width, room),
    minWidth: width ? room : Math.max(least, room),
    headerSort: sorts,
    ...(wraps ? { variableHeight: true, cssClass: "wraps" } : {}),
    hozAlign: number ? "right" : "left",
    headerHozAlign: number ? "right" : "left",
    sorter: number ? "number" : "string",
    sorterParams: { alignEmptyValues: "bottom" },
    headerSortStartingDir: first ?? (number ? "desc" : "asc"),
    // A press bubbles up to the header, which sorts.
    titleFormatter: () => (sorts ? element("button", { class: "sorts", type: "button" }, title) : title),
    formatter: (/** @type {any} */ cell) => content(shown(cell)),
    accessorDownload: csvCell,
    ...filtered(title, filter),
  };
}

/**
 * Pixels that a column's head takes: its title, the arrow beside it, and the paddings.
 * @param {string} title
 * @param {boolean} sorts
 */
function headRoom(title, sorts) {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return 0;
  context.font = HEAD_FONT;
  return Math.ceil(context.measureText(title).width) + (sorts ? ARROW : 0) + PADDING;
}

/**
 * What a cell holds. Text that is cut where the column ends is told as a whole by hovering.
 * @param {Node | string} shown
 */
function content(shown) {
  const text = shown instanceof Node ? shown.textContent : String(shown);
  return element("span", { title: shown instanceof HTMLElement && shown.title ? null : text }, shown);
}

/**
 * @param {string} title
 * @param {Column["filter"]} filter
 */
function filtered(title, filter) {
  const given = { headerFilterLiveFilter: false };
  const label = `Filter: ${title}`;
  if (filter === "text") {
    const type = { type: "search", "aria-label": label, placeholder: "contains", autocomplete: "off" };
    return {
      ...given,
      headerFilter: (/** @type {any} */ ...told) => control(element("input", type), told[2]),
      headerFilterFunc: "like",
    };
  }
  if (filter === "range") {
    return {
      ...given,
      headerFilter: (/** @type {any} */ ...told) => range(title, told[2]),
      headerFilterEmptyCheck: (/** @type {any} */ value) => !value,
      headerFilterFunc: within,
    };
  }
  if (filter === undefined) return {};
  const options = [["", "all"], ...filter].map(([value, text]) => element("option", { value }, text));
  return {
    ...given,
    headerFilter: (/** @type {any} */ ...told) => control(element("select", { "aria-label": label }, options), told[2]),
    headerFilterFunc: "=",
  };
}

/**
 * A filter's control, which tells its value as it changes.
 * @param {HTMLElement} made
 * @param {(value: string) => void} tell
 */
function control(made, tell) {
  const input = /** @type {HTMLInputElement} */ (made);
  input.addEventListener("input", () => tell(input.value));
  return input;
}

/**
 * @param {string} title
 * @param {(value: [number, number] | null) => void} tell
 */
function range(title, tell) {
  const bound = (/** @type {string} */ name) =>
    /** @type {HTMLInputElement} */ (
      element("input", { type: "number", step: "any", placeholder: name, "aria-label": `Filter: ${title}, ${name}` })
    );
  const [from, to] = [bound("from"), bound("to")];
  const read = (/** @type {HTMLInputElement} */ input, /** @type {number} */ open) =>
    input.value === "" || Number.isNaN(input.valueAsNumber) ? open : input.valueAsNumber;
  const typed = () => tell(from.value === "" && to.value === "" ? null : [read(from, -Infinity), read(to, Infinity)]);
  // Tabulator moves the focus to a filter that was pressed: to the pair, which can't take it.
  const keep = (/** @type {Event} */ event) => event.stopPropagation();
  return element("span", { class: "range", oninput: typed, onmousedown: keep, onclick: keep }, from, to);
}

/**
 * @param {[number, number]} bounds
 * @param {number | null} value
 */
function within([from, to], value) {
  return value !== null && value !== undefined && value >= from && value <= to;
}
