// @ts-check
/** A row for each model: what is served, what it saves, what waits. */

import { part } from "pages/api";
import { guardBadge } from "pages/list/words";
import { refill } from "pages/refill";
import { ago, bytes, count, moment, percent } from "views/format";
import { element, scrolling, section } from "views/dom";

const MANY = 8;
const COLUMNS = [
  "Model",
  "Awaiting review",
  "Active list",
  "Features kept",
  "Memory saved",
  "Candidates",
  "Jobs",
  "Next start",
];

/** @returns {{root: Element, update: (models: any[], jobs: any[]) => void}} */
export function modelTable() {
  const rows = element("tbody");
  const heads = COLUMNS.map((text) => element("th", { scope: "col" }, text));
  const table = element("table", {}, element("thead", {}, element("tr", {}, heads)), rows);
  const search = /** @type {HTMLInputElement} */ (
    element("input", { type: "search", placeholder: "name or owner", oninput: () => draw() })
  );
  const filter = element("label", { hidden: true }, "Show only", search);
  /** @type {{models: any[], jobs: any[]}} */
  let shown = { models: [], jobs: [] };

  const draw = () => {
    const wanted = search.value.trim().toLowerCase();
    const found = shown.models.filter(({ name, owner }) => `${name} ${owner}`.toLowerCase().includes(wanted));
    const none = element("tr", {}, element("td", { colspan: COLUMNS.length }, "No model matches; clear the search."));
    refill(rows, found.length ? found.map((model) => row(model, shown.jobs)) : none);
  };
  return {
    root: section("Models", filter, scrolling("All models", table)),
    update(models, jobs) {
      shown = { models, jobs };
      filter.hidden = models.length < MANY;
      draw();
    },
  };
}

/**
 * @param {import("schemas").ModelStanding} model
 * @param {any[]} jobs
 */
function row(model, jobs) {
  const address = `/models/${part(model.name)}`;
  const cells = [
    [link(address, model.name), small(model.owner)],
    proposed(model, address),
    active(model, address),
    kept(model),
    saved(model),
    candidates(model),
    running(model, jobs),
    next(model, address),
  ];
  return element(
    "tr",
    {},
    cells.map((cell, at) =>
      element(at === 0 ? "th" : "td", { scope: at === 0 ? "row" : null, class: at === 0 ? "name" : null }, cell),
    ),
  );
}

/**
 * @param {string} href
 * @param {string} text
 */
function link(href, text) {
  return element("a", { href, "data-key": `${href} ${text}` }, text);
}

/**
 * @param {string} text
 * @param {string} [title]
 */
function small(text, title) {
  return element("small", { class: "soft below", title }, text);
}

/**
 * @param {import("schemas").ModelStanding} model
 * @param {string} address
 */
function active({ active: list }, address) {
  if (!list) return element("span", { class: "soft" }, "none");
  return [
    link(`${address}/lists/${list.number}`, `List ${list.number}`),
    small(`for ${ago(list.activated_at).replace(" ago", "")}`, moment(list.activated_at)),
  ];
}

/** @param {import("schemas").ModelStanding} model */
function kept({ active: list, features }) {
  const all = Object.values(features).reduce((sum, each) => sum + each, 0);
  if (!list) return [`${count(all)} features`, small("none pruned")];
  const { before, after } = list;
  return [
    `${count(after.features)} of ${count(before.features)} features`,
    small(`${count(after.dims)} of ${count(before.dims)} dims`),
  ];
}

/** @param {import("schemas").ModelStanding} model */
function saved({ active: list }) {
  if (!list) return element("span", { class: "soft" }, "–");
  const less = list.before.embedding_bytes - list.after.embedding_bytes;
  return [bytes(less), small(`${percent(less / (list.before.embedding_bytes || 1))} of embeddings`)];
}

/** @param {import("schemas").ModelStanding} model */
function candidates({ candidates: waiting, threshold, name, features }) {
  if (threshold === null) return [count(features.candidate ?? 0), small("no trigger waits for them")];
  const told = `${count(waiting)} of ${count(threshold)}`;
  return [
    `${told} new`,
    small("since the last run"),
    element("progress", {
      value: Math.min(waiting, threshold),
      max: threshold,
      "aria-label": `Candidates of ${name}: ${told} new since the last run`,
    }),
  ];
}

/**
 * @param {import("schemas").ModelStanding} model
 * @param {string} address
 */
function proposed({ proposed: list }, address) {
  if (!list) return element("span", { class: "soft" }, "none");
  const more = list.waiting > 1 && small(`and ${count(list.waiting - 1)} older`);
  const guard = guardBadge(list);
  const review = element(
    "a",
    { class: "button primary", href: `${address}/lists/${list.number}`, "data-key": `review ${address}` },
    `Review list ${list.number}`,
  );
  return [review, element("span", { class: "below" }, guard), more];
}

/**
 * @param {import("schemas").ModelStanding} model
 * @param {any[]} jobs
 */
function running({ name }, jobs) {
  const own = jobs.filter((job) => job.model === name);
  if (own.length === 0) return element("span", { class: "soft" }, "none");
  const waiting = own.filter((job) => job.state === "queued").length;
  const parts = [
    own.length > waiting && `${count(own.length - waiting)} running`,
    waiting > 0 && `${count(waiting)} waiting`,
  ];
  return link(
    own.length === 1 ? `/jobs/${part(own[0].id)}` : `/jobs?model=${part(name)}`,
    parts.filter(Boolean).join(", "),
  );
}

/**
 * @param {import("schemas").ModelStanding} model
 * @param {string} address
 */
function next({ schedule, threshold }, address) {
  const starting = `${address}/starting`;
  if (schedule) return [link(starting, ago(schedule.next_at)), small(`${schedule.name}, ${moment(schedule.next_at)}`)];
  return link(starting, threshold === null ? "not scheduled" : "by trigger");
}
