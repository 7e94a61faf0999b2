// @ts-check
/** A job's spec, and what a dry run found of it. */

import { get } from "pages/api";
import { act } from "pages/form";
import { element, fill, preformatted, section } from "views/dom";
import { count } from "views/format";

const NAMED = 20;

/**
 * @param {Element} parent
 * @param {string} path the job's
 * @returns {{update: (run: import("views/run").Run) => Promise<void>}}
 */
export function spec(parent, path) {
  const changed = preformatted("What differs from the defaults");
  parent.append(section("Differs from the defaults", changed));
  const whole = document_(parent, "Whole spec", ({ spec }) => spec);
  return {
    async update(run) {
      whole.update(run);
      if (changed.textContent === "") fill(changed, written(await get(`${path}/spec/changes`)));
    },
  };
}

/**
 * What a spec changes, its features by name alone: they are listed below.
 * @param {any} changes
 */
function written({ features = [], ...others }) {
  const names = features.map((/** @type {any} */ { name }) => name);
  const some = names.length > NAMED ? [...names.slice(0, NAMED), `and ${count(names.length - NAMED)} more`] : names;
  return JSON.stringify({ ...others, features: some.join(", ") }, null, 2);
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
  const body = preformatted(name);
  const summary = Array.isArray(value) ? `${name} (${value.length})` : name;
  const made = element("details", { open: !long }, element("summary", {}, summary), body);
  const write = () => (body.textContent ||= JSON.stringify(value, null, 2));
  // Thousands of features are written when someone asks for them.
  if (long) made.addEventListener("toggle", write, { once: true });
  else write();
  return made;
}
