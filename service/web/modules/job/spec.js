// @ts-check
/** A job's spec, and what a dry run found of it. */

import { act } from "pages/form";
import { element, fill, section } from "views/dom";

/**
 * @param {Element} parent
 * @returns {{update: (run: import("views/run").Run) => void}}
 */
export function spec(parent) {
  return document_(parent, "Spec", ({ spec }) => spec);
}

/**
 * @param {Element} parent
 * @returns {{update: (run: import("views/run").Run) => void}}
 */
export function check(parent) {
  return document_(parent, "What the check found", ({ progress }) => progress?.check ?? null);
}

/**
 * A document by its keys, each to be opened; long ones are closed at first.
 * @param {Element} parent
 * @param {string} title
 * @param {(run: import("views/run").Run) => any} of
 */
function document_(parent, title, of) {
  const keys = element("div");
  /** @type {any} */
  let shown = null;
  const copy = (/** @type {Event} */ event) =>
    act(/** @type {HTMLElement} */ (event.currentTarget), () =>
      navigator.clipboard.writeText(JSON.stringify(shown, null, 2)),
    );
  const bar = element("p", { class: "row end" }, element("button", { onclick: copy }, "Copy as JSON"));
  parent.append(section(title, bar, keys));
  return {
    update(/** @type {import("views/run").Run} */ run) {
      const found = of(run);
      if (!found || found === shown) return;
      shown = found;
      fill(keys, ...Object.entries(found).map(([name, value]) => key(name, value)));
    },
  };
}

/**
 * @param {string} name
 * @param {any} value
 */
function key(name, value) {
  const long = Array.isArray(value) && value.length > 5;
  const body = element("pre", { tabindex: 0, "aria-label": name });
  const summary = Array.isArray(value) ? `${name} (${value.length})` : name;
  const made = element("details", { open: !long }, element("summary", {}, summary), body);
  const write = () => (body.textContent ||= JSON.stringify(value, null, 2));
  // Thousands of features are written when someone asks for them.
  if (long) made.addEventListener("toggle", write, { once: true });
  else write();
  return made;
}
