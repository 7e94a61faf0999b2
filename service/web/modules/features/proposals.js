// @ts-check
/** Features that a data set's columns could be: a row each, whose kind, dim and hash size can be changed. */

import { element, scrolling } from "views/dom";
import { count } from "views/format";

const KINDS = ["dense", "categorical", "multi_categorical"];
const LARGEST = 256;

/** @typedef {{feature: any, taken: HTMLInputElement, kind: HTMLSelectElement, dim: HTMLInputElement, size: HTMLInputElement}} Row */

export class Proposals {
  /** @param {import("schemas").Inferred} found */
  constructor({ features, distinct, warnings = {} }) {
    /** @type {Row[]} */
    this.rows = features.map((feature) => controls(feature));
    const all = (/** @type {boolean} */ on) => () => {
      for (const { taken } of this.rows) taken.checked = on;
    };
    const heads = ["", "Feature", "Kind", "Dim", "Hash size", "Distinct values"].map((title) =>
      title ? element("th", { scope: "col" }, title) : element("td"),
    );
    const rows = this.rows.map((row) => {
      const values = distinct?.[row.feature.column];
      const cells = [
        row.taken,
        named(row.feature.name, warnings[row.feature.name]),
        row.kind,
        row.dim,
        row.size,
        values === undefined ? "–" : `about ${count(values)}`,
      ];
      return element(
        "tr",
        {},
        cells.map((cell) => element("td", {}, cell)),
      );
    });
    const table = element("table", {}, element("thead", {}, element("tr", {}, heads)), element("tbody", {}, rows));
    this.root = element(
      "fieldset",
      { class: "field" },
      element("legend", {}, "Features"),
      element(
        "div",
        { class: "row" },
        element("button", { type: "button", onclick: all(true) }, "Select all"),
        element("button", { type: "button", onclick: all(false) }, "Clear selection"),
      ),
      scrolling("Features", table),
    );
  }

  /** Those that are ticked, as they are to be registered. */
  chosen() {
    return this.rows
      .filter(({ taken }) => taken.checked)
      .map(({ feature, kind, dim, size }) => {
        const { hash_size: _, ...plain } = feature;
        const made = { ...plain, kind: kind.value, dim: dim.valueAsNumber || null };
        return kind.value === "dense" ? made : { ...made, hash_size: size.valueAsNumber || null };
      });
  }
}

/**
 * A name, and under it what to look at.
 * @param {string} name
 * @param {string | undefined} warning
 */
function named(name, warning) {
  return warning ? element("div", {}, name, element("p", { class: "caution" }, `⚠ ${warning}`)) : name;
}

/**
 * @param {any} feature
 * @returns {Row}
 */
function controls(feature) {
  const { name, kind, dim, hash_size: size } = feature;
  const number = (
    /** @type {string} */ label,
    /** @type {number | undefined} */ value,
    /** @type {number | null} */ max,
  ) =>
    /** @type {HTMLInputElement} */ (
      element("input", {
        type: "number",
        min: 1,
        max,
        step: 1,
        value: value ?? "",
        "aria-label": `${label} of ${name}`,
        class: "short",
      })
    );
  const made = {
    feature,
    taken: /** @type {HTMLInputElement} */ (
      element("input", { type: "checkbox", checked: true, "aria-label": name, value: name })
    ),
    kind: /** @type {HTMLSelectElement} */ (
      element(
        "select",
        { "aria-label": `Kind of ${name}`, onchange: () => turned() },
        KINDS.map((each) => element("option", { value: each, selected: each === kind }, each.replace("_", "-"))),
      )
    ),
    dim: number("Dim", dim ?? 1, LARGEST),
    size: number("Hash size", size, null),
  };
  const turned = () => {
    made.size.disabled = made.kind.value === "dense";
    if (made.kind.value === "dense") made.dim.value = String(kind === "dense" ? (dim ?? 1) : 1);
  };
  turned();
  return made;
}
