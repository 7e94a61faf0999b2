// @ts-check
/** What changes where one prune list is served in place of another. */

import { part } from "pages/api";
import { things } from "pages/list/words";
import { element, fill, scrolling } from "views/dom";
import { bytes, count, decimal } from "views/format";
import { Table, named } from "views/table";

const NAMED = 40;
const TOTALS = /** @type {[keyof import("schemas").Totals, string, (value: number) => string][]} */ ([
  ["features", "Features", count],
  ["dims", "Dims", count],
  ["embedding_bytes", "Embedding memory", bytes],
  ["bytes_per_example", "Read per example", bytes],
]);

/**
 * What changes in serving first; then what only one of the lists knows, and doesn't keep.
 * @param {import("schemas").ListDiff} diff
 * @returns {[string, string[]][]}
 */
function groups({ a, b, ...diff }) {
  const gone = diff.no_longer_served ?? [];
  const gained = diff.newly_served ?? [];
  const moved = new Set([...gone, ...gained]);
  const rest = (/** @type {string[]} */ names) => names.filter((name) => !moved.has(name));
  return [
    [`No longer served with list ${b.number}`, gone],
    [`Newly served with list ${b.number}`, gained],
    [`Only in list ${b.number}, which prunes them`, rest(diff.only_in_b)],
    [`Only in list ${a.number}, which prunes them`, rest(diff.only_in_a)],
  ];
}

/**
 * @param {Element} place
 * @param {string} model
 * @param {import("schemas").ListDiff} diff
 */
export function showDiff(place, model, diff) {
  const address = (/** @type {string} */ name) => `/models/${part(model)}/features/${part(name)}`;
  const changes = groups(diff)
    .filter(([, found]) => found.length > 0)
    .map(([title, found]) => names(title, found, address));
  const scores = element(
    "details",
    {},
    element("summary", {}, `Scores of ${things(diff.scores.length, "feature")} changed`),
  );
  scores.addEventListener("toggle", () => void scored(scores, diff.scores, address), { once: true });
  fill(
    place,
    totals(diff),
    changes.length > 0 ? changes : element("p", { class: "soft" }, unchanged(diff)),
    diff.scores.length > 0 && scores,
  );
}

/** @param {import("schemas").ListDiff} diff whose lists serve the same features */
function unchanged({ totals: more }) {
  return more.dims === 0 ? "Identical decisions." : "The same features, with other dims.";
}

/** @param {import("schemas").ListDiff} diff */
function totals({ a, b, totals: more }) {
  const row = (/** @type {typeof TOTALS[number]} */ [key, title, text]) => {
    const change = more[key] === 0 ? "±0" : `${more[key] > 0 ? "+" : "−"}${text(Math.abs(more[key]))}`;
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, title),
      [text(a.totals[key]), text(b.totals[key]), change].map((cell) => element("td", { class: "number" }, cell)),
    );
  };
  const heads = [`List ${a.number}`, `List ${b.number}`, "Change"];
  return scrolling(
    "What is kept",
    element(
      "table",
      {},
      element("caption", {}, "What is kept"),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          element("td"),
          heads.map((head) => element("th", { scope: "col", class: "number" }, head)),
        ),
      ),
      element("tbody", {}, TOTALS.map(row)),
    ),
  );
}

/**
 * @param {string} title
 * @param {string[]} found
 * @param {(name: string) => string} address
 */
function names(title, found, address) {
  const links = (/** @type {string[]} */ some) =>
    some.map((name) => element("li", {}, element("a", { href: address(name) }, name)));
  const rest = found.slice(NAMED);
  return element(
    "div",
    {},
    element("h3", {}, `${title}: ${things(found.length, "feature")}`),
    element("ul", { class: "listed" }, links(found.slice(0, NAMED))),
    rest.length > 0 &&
      element(
        "details",
        {},
        element("summary", {}, `${count(rest.length)} more`),
        element("ul", { class: "listed" }, links(rest)),
      ),
  );
}

/**
 * @param {Element} place
 * @param {import("schemas").ScoreChange[]} scores
 * @param {(name: string) => string} address
 */
async function scored(place, scores, address) {
  const number = (/** @type {string} */ field) => (/** @type {any} */ row) => decimal(row[field]);
  const table = new Table(place, {
    label: "Changed scores",
    key: "feature",
    columns: [
      {
        field: "feature",
        title: "Feature",
        filter: "text",
        least: 190,
        show: (row) => named(row.feature, address(row.feature)),
      },
      { field: "before", title: "Before", number: true, show: number("before") },
      { field: "after", title: "After", number: true, show: number("after") },
      { field: "change", title: "Change", number: true, show: number("change") },
    ],
  });
  await table.update(scores);
}
