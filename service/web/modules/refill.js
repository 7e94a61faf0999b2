// @ts-check
/** Drawing a part of the page anew while someone reads it: the focus stays, and what was unfolded is unfolded. */

import { Problem } from "pages/api";
import { say } from "pages/form";
import { element, fill } from "views/dom";

/** @type {Set<string>} */
const unfolded = new Set();

/**
 * Replace what an element holds; the focus goes to what has the same `data-key` as what had it.
 * @param {Element} parent
 * @param {...Parameters<typeof fill>[1]} children
 */
export function refill(parent, ...children) {
  const active = document.activeElement;
  const focused = active && parent.contains(active) ? active.getAttribute("data-key") : null;
  fill(parent, ...children);
  if (focused === null) return;
  const again = /** @type {HTMLElement | null} */ (parent.querySelector(`[data-key="${CSS.escape(focused)}"]`));
  again?.focus({ preventScroll: true });
}

/**
 * Something folded away under a summary; the page remembers by `key` whether the reader unfolded it.
 * @param {string} key
 * @param {string} summary
 * @param {...Parameters<typeof fill>[1]} children
 */
export function folded(key, summary, ...children) {
  const made = /** @type {HTMLDetailsElement} */ (
    element(
      "details",
      { open: unfolded.has(key) },
      element("summary", { "data-key": `unfold ${key}` }, summary),
      ...children,
    )
  );
  made.addEventListener("toggle", () => {
    if (made.open) unfolded.add(key);
    else unfolded.delete(key);
  });
  return made;
}

/**
 * The same, for a page that is shown already: where the service doesn't answer, that is said, and what is shown stays.
 * @param {() => Promise<void>} load
 * @returns {() => Promise<void>}
 */
export function again(load) {
  /** @type {(() => void) | null} */
  let takeBack = null;
  return async () => {
    try {
      await load();
      takeBack?.();
      takeBack = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      takeBack = say(`This page may be out of date. ${error.message}`, "caution");
    }
  };
}
