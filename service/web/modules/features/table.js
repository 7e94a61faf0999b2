// @ts-check
/** The catalogue as a table, and the features picked in it. */

import { part } from "pages/api";
import { TONES } from "pages/features/words";
import { ago, count, decimal, moment } from "views/format";
import { badge, element, fill } from "views/dom";
import { Table, named } from "views/table";

/**
 * @param {Element} parent
 * @param {string} model
 * @param {{bar: Element, approve: boolean, change: (names: string[]) => void}} options `bar` stands above the table;
 *   only who may approve picks features, and `change` is then asked for
 */
export function catalogue(parent, model, { bar, approve, change }) {
  /** @type {Set<string>} */
  const picked = new Set();
  /** @type {any[]} */
  let rows = [];
  const picks = element("div", { class: "row picks", role: "status" });
  parent.append(bar);
  if (approve) parent.append(picks);
  const pick = (/** @type {string} */ name, /** @type {boolean} */ on) => {
    if (on) picked.add(name);
    else picked.delete(name);
    tell();
  };
  const table = new Table(parent, {
    label: `Features of ${model}`,
    key: "name",
    columns: [...(approve ? [picking(picked, pick)] : []), ...columns(model)],
    none: "No feature matches; clear a filter.",
  });
  const again = () => {
    tell();
    void table.update(rows);
  };
  const tell = () => {
    const all = () => {
      for (const row of rows) picked.add(row.name);
      again();
    };
    const none = () => {
      picked.clear();
      again();
    };
    fill(
      picks,
      element("span", {}, `${count(picked.size)} selected`),
      element("button", { onclick: all, disabled: rows.length === 0 }, `Select all ${count(rows.length)}`),
      element("button", { onclick: none, disabled: picked.size === 0 }, "Clear selection"),
      element("button", { onclick: () => change([...picked]), disabled: picked.size === 0 }, "Change status …"),
    );
  };
  return {
    /** @param {any[]} found */
    async update(found) {
      rows = found.map(flat);
      tell();
      await table.update(rows);
    },
    clear() {
      picked.clear();
      again();
    },
  };
}

/** A row whose columns are what they sort by. @param {any} feature */
function flat(feature) {
  const { decision } = feature;
  return {
    ...feature,
    tags: feature.tags.join(" "),
    tagged: feature.tags,
    decided: decision?.time,
    score: decision?.score ?? null,
  };
}

/**
 * @param {Set<string>} picked
 * @param {(name: string, on: boolean) => void} pick
 * @returns {import("views/table").Column}
 */
function picking(picked, pick) {
  const box = (/** @type {string} */ name) => {
    const made = /** @type {HTMLInputElement} */ (
      element("input", {
        type: "checkbox",
        "aria-label": `Select ${name}`,
        "data-key": `pick ${name}`,
        onchange: () => pick(name, made.checked),
      })
    );
    made.checked = picked.has(name);
    return made;
  };
  return { field: "pick", title: "Select", sorts: false, width: 60, least: 60, show: (row) => box(row.name) };
}

/**
 * @param {string} model
 * @returns {import("views/table").Column[]}
 */
function columns(model) {
  const root = `/models/${part(model)}`;
  return [
    {
      field: "name",
      title: "Feature",
      least: 150,
      show: (row) => named(row.name, `${root}/features/${part(row.name)}`),
    },
    {
      field: "status",
      title: "Status",
      width: 100,
      show: (row) => badge(row.status, TONES[/** @type {import("schemas").FeatureStatus} */ (row.status)]),
    },
    { field: "kind", title: "Kind", width: 128, show: (row) => row.kind.replace("_", "-") },
    { field: "dim", title: "Dim", number: true, width: 60 },
    { field: "column", title: "Column", least: 120 },
    { field: "owner", title: "Owner", least: 100 },
    { field: "tags", title: "Tags", least: 70 },
    { field: "registered_at", title: "Registered", width: 108, first: "desc", show: (row) => day(row.registered_at) },
    { field: "score", title: "Score", number: true, width: 70, show: (row) => decimal(row.score, 3) },
    { field: "decided", title: "Last decision", least: 150, first: "desc", show: (row) => decision(row, root) },
  ];
}

/**
 * @param {any} row
 * @param {string} root
 */
function decision({ name, decision: last }, root) {
  if (!last) return "–";
  const whole = `${last.after}, ${moment(last.time)}, by ${last.by}: ${last.reason}`;
  if (last.prune_list === null) return element("span", { title: whole }, `${ago(last.time)}: ${last.reason}`);
  const address = `${root}/lists/${last.prune_list}`;
  const list = element("a", { href: address, "data-key": `list of ${name}` }, `list ${last.prune_list}`);
  return element("span", { title: whole }, list, `, ${ago(last.time)}`);
}

/** A moment's day, with its time as the title. @param {string} iso */
function day(iso) {
  return element("span", { title: moment(iso) }, moment(iso).slice(0, 10));
}
