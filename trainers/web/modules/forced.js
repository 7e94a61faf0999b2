// @ts-check
/** Features that a person keeps or prunes whatever the rule says. */

import { element, fill, fresh } from "views/dom";

/** A field for a feature's name, a button for each way, and what was chosen so far, each to be taken back. */
export class ForcedFeatures {
  /**
   * @param {string[]} names of the features that may be forced
   * @param {() => void} changed
   */
  constructor(names, changed) {
    this.names = new Set(names);
    this.changed = changed;
    /** @type {import("views/cut").Forced} */
    this.chosen = new Map();
    const list = fresh("names");
    this.field = /** @type {HTMLInputElement} */ (
      element("input", { list, id: fresh("forced"), autocomplete: "off", placeholder: "feature", spellcheck: "false" })
    );
    this.told = element("p", { class: "field-error", role: "status" });
    this.shown = element("ul", { class: "plain forced" });
    const button = (/** @type {boolean} */ keep) =>
      element("button", { type: "button", onclick: () => this.#force(keep) }, keep ? "Keep" : "Prune");
    this.root = element(
      "div",
      { role: "group", "aria-label": "Features forced by hand" },
      element(
        "div",
        { class: "row" },
        element("label", { for: this.field.id }, "Force a feature"),
        this.field,
        button(true),
        button(false),
      ),
      element(
        "datalist",
        { id: list },
        names.map((name) => element("option", { value: name })),
      ),
      this.told,
      this.shown,
    );
  }

  /** @param {boolean} keep */
  #force(keep) {
    const name = this.field.value.trim();
    const known = this.names.has(name);
    fill(this.told, known ? "" : `${name || "No name"}: give the name of a feature that is not essential.`);
    if (!known) return;
    this.chosen.set(name, keep);
    this.field.value = "";
    this.#draw();
  }

  clear() {
    this.chosen.clear();
    this.#draw();
  }

  #draw() {
    const rows = [...this.chosen].map(([name, keep]) => {
      const takeBack = () => {
        this.chosen.delete(name);
        this.#draw();
      };
      const label = `Take back: ${name}`;
      const button = element("button", { type: "button", onclick: takeBack, "aria-label": label, title: label }, "×");
      return element("li", { class: "row spread" }, `${name}: ${keep ? "kept" : "pruned"} by hand`, button);
    });
    fill(this.shown, rows);
    this.changed();
  }
}
