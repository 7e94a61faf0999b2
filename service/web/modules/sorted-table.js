// @ts-check
/** A table whose columns sort: a press of a column's head sorts by it, the next press turns the order round. */

import { element, fill, scrolling } from "views/dom";

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} title "" for a column that needs no head
 * @property {(row: Row) => any} cell what is shown: text, a node, or several
 * @property {(row: Row) => string | number | null} [value] what it sorts by; without it, it does not
 * @property {boolean} [number] right-aligned, and sorted greatest first
 * @property {string} [hidden] a head that only readers of the screen need
 */

/** @template Row */
export class SortedTable {
  /**
   * @param {string} label
   * @param {Column<Row>[]} columns the first heads its row
   * @param {{row?: (row: Row) => Record<string, any>}} [options] attributes of a row
   */
  constructor(label, columns, { row = () => ({}) } = {}) {
    this.columns = columns;
    this.attributes = row;
    /** @type {Row[]} */
    this.rows = [];
    /** @type {{column: Column<Row>, down: boolean} | null} the order as it came, where null */
    this.order = null;
    this.head = element("tr");
    this.body = element("tbody");
    const table = element("table", {}, element("thead", {}, this.head), this.body);
    this.root = scrolling(label, table);
  }

  /** @param {Row[]} rows in the order in which they stand until a column is pressed */
  update(rows) {
    this.rows = rows;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.key;
    fill(
      this.head,
      this.columns.map((column) => this.#head(column)),
    );
    fill(
      this.body,
      this.#sorted().map((row) => this.#row(row)),
    );
    if (!focused) return;
    /** @type {HTMLElement | null} */ (this.root.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
  }

  /** @param {Column<Row>} column */
  #head(column) {
    const { title, value, number = false, hidden } = column;
    const attributes = { scope: "col", class: number ? "number" : null };
    if (hidden) return element("th", attributes, element("span", { class: "visually-hidden" }, hidden));
    if (!value) return title ? element("th", attributes, title) : element("td");
    const down = this.order?.column === column ? this.order.down : null;
    const sort = () => {
      this.order = { column, down: down === null ? number : !down };
      this.update(this.rows);
    };
    const mark = down === null ? "" : down ? " ▾" : " ▴";
    const button = element(
      "button",
      { class: "sorts", type: "button", onclick: sort, "data-key": `sort ${title}` },
      title + mark,
    );
    return element(
      "th",
      { ...attributes, "aria-sort": down === null ? null : down ? "descending" : "ascending" },
      button,
    );
  }

  #sorted() {
    if (!this.order) return this.rows;
    const { column, down } = this.order;
    const value = /** @type {(row: Row) => string | number | null} */ (column.value);
    return [...this.rows].sort((a, b) => compared(value(a), value(b), down));
  }

  /** @param {Row} row */
  #row(row) {
    return element(
      "tr",
      this.attributes(row),
      this.columns.map(({ cell, number }) => element("td", { class: number ? "number" : null }, cell(row))),
    );
  }
}

/**
 * What has no value goes last either way.
 * @param {string | number | null} a
 * @param {string | number | null} b
 * @param {boolean} down
 */
function compared(a, b, down) {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const order = typeof a === "string" ? a.localeCompare(String(b)) : a - Number(b);
  return down ? -order : order;
}
