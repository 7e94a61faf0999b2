// @ts-check
/** The pages of one model, beside each other. */

import { part } from "pages/api";
import { element } from "views/dom";

const PAGES = /** @type {const} */ ([
  ["features", "", "Features"],
  ["lists", "/lists", "Prune lists"],
  ["starting", "/starting", "Schedules and triggers"],
  ["settings", "/settings", "Settings"],
]);

/**
 * The head of a model's page: its name, and the way to its other pages.
 * @param {string} model
 * @param {"features" | "lists" | "starting" | "settings" | null} current null on a page below one of these
 */
export function tabs(model, current) {
  const links = PAGES.map(([page, path, text]) =>
    element("a", { href: `/models/${part(model)}${path}`, "aria-current": page === current ? "page" : null }, text),
  );
  return element("nav", { class: "tabs", "aria-label": `Pages of ${model}` }, links);
}
