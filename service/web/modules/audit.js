// @ts-check
/** The audit log: who changed what and when, and who was refused. The address holds the filters. */

import { captioned, denied } from "pages/admins";
import { get } from "pages/api";
import { concerned, save, words } from "pages/audit/entries";
import { filters, wanted } from "pages/audit/filters";
import { act } from "pages/form";
import { badge, element, empty, fill, fresh, timeOf } from "views/dom";
import { count } from "views/format";

/** @typedef {import("pages/audit/entries").Entry} Entry */

const PAGE = 50;
const HEADS = ["Time", "Who", "Action", "Target", "Model", "Result", ""];

/**
 * @param {Element} main
 * @param {{}} parameters
 * @param {import("pages/start").Caller} caller
 */
export async function show(main, parameters, caller) {
  if (denied(main, "Audit", caller, "the audit log")) return;
  const asked = wanted(location.search);
  const told = element("span", { class: "soft", role: "status" });
  const place = element("div");
  const more = element("button", { onclick: () => void act(more, older) }, "Show older");
  const exported = element("button", { onclick: () => save(entries) }, "Export CSV");
  /** @type {Entry[]} */
  const entries = [];
  /** @type {number | null} */
  let next = null;

  const older = async () => {
    const page = await get("/v1/audit", { ...asked, limit: PAGE, cursor: next });
    const rows = page.entries.flatMap(rowsOf);
    next = page.next;
    more.hidden = next === null;
    entries.push(...page.entries);
    exported.hidden = entries.length === 0;
    fill(told, summary(entries.length, next !== null));
    const body = place.querySelector("tbody");
    if (body) body.append(...rows);
    else fill(place, rows.length ? captioned("What was done, newest first", HEADS, rows) : nothing(asked));
  };
  fill(
    main,
    element("h1", {}, "Audit"),
    element("p", { class: "soft" }, "Every request that changed something, and every one that was refused."),
    await filters(asked),
    element(
      "section",
      { "aria-label": "Entries" },
      element("div", { class: "row spread" }, told, exported),
      place,
      element("p", { class: "row" }, more),
    ),
  );
  await older();
}

/**
 * @param {number} shown
 * @param {boolean} more
 */
function summary(shown, more) {
  return `${count(shown)} ${shown === 1 ? "entry" : "entries"}${more ? "; there are older ones" : ""}`;
}

/** @param {Record<string, string>} asked */
function nothing(asked) {
  if (Object.keys(asked).length === 0) return empty("Nothing was changed yet, and nobody refused.");
  return empty("No entry fits all filters.", element("a", { href: "/audit" }, "Clear the filters"));
}

/**
 * An entry, and below it its details, which a press shows.
 * @param {Entry} entry
 */
function rowsOf(entry) {
  const id = fresh("entry");
  const link = concerned(entry);
  const details = element("tr", { id, hidden: true }, element("td", { colspan: HEADS.length }, detailsOf(entry)));
  const button = element(
    "button",
    {
      "aria-expanded": "false",
      "aria-controls": id,
      "aria-label": `Details of ${words(entry.operation)} by ${entry.by}`,
    },
    "Details",
  );
  button.addEventListener("click", () => {
    details.hidden = !details.hidden;
    button.setAttribute("aria-expanded", String(!details.hidden));
  });
  const row = element(
    "tr",
    {},
    element("td", {}, timeOf(entry.time)),
    element("td", {}, filtered("by", entry.by)),
    element("td", {}, words(entry.operation)),
    element("td", {}, link ? element("a", { href: link.href }, link.text) : "–"),
    element("td", {}, entry.model ?? "–"),
    element("td", {}, answer(entry.status)),
    element("td", {}, button),
  );
  return [row, details];
}

/** @param {number} status */
function answer(status) {
  const why = /** @type {Record<number, string>} */ ({ 401: "refused: no good key", 403: "refused: not allowed" })[
    status
  ];
  return why ? badge(`${status} ${why}`, "bad") : badge(`${status} done`, "good");
}

/** @param {Entry} entry */
function detailsOf({ time, method, path, key_id, request_id, detail }) {
  /** @type {[string, any][]} */
  const rows = [
    ["Time", time],
    ["Request", element("code", {}, `${method} ${path}`)],
    [
      "Key",
      key_id === null
        ? "none"
        : [element("a", { href: `/keys?key=${key_id}` }, key_id), ": ", filtered("key_id", key_id, "all it did")],
    ],
    [
      "Request id",
      request_id ? [filtered("request_id", request_id), ", as in the service's log"] : "none: on the host",
    ],
    ...Object.entries(detail),
  ];
  return element(
    "dl",
    { class: "facts" },
    rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
  );
}

/**
 * A link to the entries that have the same.
 * @param {string} name
 * @param {string} value
 * @param {string} [text]
 */
function filtered(name, value, text = value) {
  return element("a", { href: `/audit?${new URLSearchParams({ [name]: value })}` }, text);
}
