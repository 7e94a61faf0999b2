// @ts-check
/** What the pages for admins have in common: who may see them, and how they tell of times. */

import { element, fill, table } from "views/dom";
import { ago, moment } from "views/format";

/** @typedef {import("pages/start").Caller} Caller */

/**
 * Tell a reader who may not see a page why, and who can help.
 * @param {Element} main
 * @param {string} title
 * @param {Caller} caller
 * @param {string} [ofAll] what on it is for keys of all models alone, where all of it is
 * @returns {boolean} whether the reader may not
 */
export function denied(main, title, caller, ofAll) {
  const why = reason(caller, ofAll);
  if (why === null) return false;
  fill(
    main,
    element("h1", {}, title),
    element(
      "div",
      { class: "empty" },
      element("p", {}, why),
      element(
        "p",
        {},
        "Ask whoever gave you your key. On the service's host, ",
        element("code", {}, "winnow keys create --name NAME --scope admin"),
        " makes one that may.",
      ),
      element("a", { href: "/" }, "Overview"),
    ),
  );
  return true;
}

/**
 * @param {Caller} caller
 * @param {string | undefined} ofAll
 */
function reason({ name, scopes, model }, ofAll) {
  if (!scopes.includes("admin")) {
    return `This page is for admins: it needs the scope admin, and the key “${name}” has ${listed(scopes)}.`;
  }
  if (ofAll && model !== null)
    return `The key “${name}” is for the model ${model}; ${ofAll} is for admins of all models.`;
  return null;
}

/** @param {string[]} scopes */
function listed(scopes) {
  return scopes.length === 1 ? `only ${scopes[0]}` : `only ${scopes.slice(0, -1).join(", ")} and ${scopes.at(-1)}`;
}

/**
 * A time, as how long ago or ahead it is; the clock's time is said when it is pointed at.
 * @param {string | null} iso
 * @param {string} [none] where there is none
 */
export function when(iso, none = "–") {
  return iso === null ? none : element("time", { datetime: iso, title: moment(iso) }, ago(iso));
}

/**
 * A table whose caption only readers of the screen need.
 * @param {string} caption
 * @param {string[]} heads
 * @param {HTMLElement[]} rows
 */
export function captioned(caption, heads, rows) {
  return table(caption, heads, rows, element("caption", { class: "visually-hidden" }, caption));
}

/** @type {[string, string][]} */
const GRACE = [
  ["0", "ends at once"],
  ["3600", "stays good for an hour"],
  ["86400", "stays good for a day"],
  ["604800", "stays good for 7 days"],
  ["2592000", "stays good for 30 days"],
];
const USUAL_GRACE = "86400";

/** The field of a form that asks how long a secret outlives the one that takes its place. */
export function graceField() {
  return {
    name: "grace",
    label: "The present secret",
    kind: /** @type {const} */ ("select"),
    options: GRACE,
    value: USUAL_GRACE,
    path: "grace_seconds",
  };
}
