// @ts-check
/** A run's features as a table: score, the selector's details, weight, decision and why. */

import { detail, detailNames } from "views/details";
import { badge, element, section } from "views/dom";
import { count, decimal, percent } from "views/format";
import { NEWEST, orderOf, reasons } from "views/reasons";
import { Table, named } from "views/table";

/**
 * @typedef {object} Row a feature; null is what the run doesn't tell (yet)
 * @property {number | null} rank its place in the ranking, from 1
 * @property {string} name
 * @property {number | null} score while a run goes on, the gate
 * @property {boolean} share whether the score lies in [0, 1]
 * @property {Record<string, number>} details
 * @property {number | null} dim
 * @property {number | null} keptDims how many of them stay, where some do
 * @property {number | null} sparsity share of rows at its default
 * @property {number | null} auc how well it predicts the label alone
 * @property {string | null} status
 * @property {"kept" | "pruned" | null} decision
 * @property {string | null} why
 */

const DECISIONS = /** @type {[string, string][]} */ ([
  ["kept", "kept"],
  ["pruned", "pruned"],
]);
const STATUSES = /** @type {[string, string][]} */ (["essential", "active", "candidate"].map((name) => [name, name]));
// Columns that a run has only where it has told something for them.
const SOMETIMES = /** @type {const} */ (["rank", "dim", "sparsity", "auc", "status", "decision", "why"]);
/** Above it a feature alone is more likely a copy of the label than a good predictor; as `winnow check` has it. */
export const LEAKY_AUC = 0.95;

/**
 * The list's own order; while the run goes on, the gates as they stand, the highest first.
 * @param {Element} parent
 * @param {{address?: (feature: string) => string}} [options] `address` is of a feature's own page
 * @returns {{update: (run: import("views/run").Run) => Promise<void>}}
 */
export function ranking(parent, { address } = {}) {
  const place = section("Ranking");
  parent.append(place);
  const told = element("p", { class: "note" });
  place.append(told);
  const table = new Table(place, {
    label: "Ranking of features",
    key: "name",
    columns: columns(address ?? (() => null)),
    none: "There is no feature to show: the first gates come with the run's first report; clear filters if there are any.",
  });
  /** @type {"" | "score" | "rank"} */
  let ordered = "";
  /** @type {Set<string>} */
  const details = new Set();
  return {
    async update(run) {
      const rows = rowsOf(run);
      for (const name of detailNames(rows).filter((each) => !details.has(each))) {
        details.add(name);
        await table.add(detailColumn(name), "dim");
      }
      for (const field of SOMETIMES)
        await table.show(
          field,
          rows.some((row) => row[field] !== null),
        );
      await table.update(rows);
      told.textContent = rows.length === 0 ? "" : run.list ? orderOf(run.list) : NEWEST;
      const sorted = rows.length === 0 ? "" : run.list ? "rank" : "score";
      if (sorted === ordered) return;
      // A list's rows come in its order; only those of a run that went on until now stand in another.
      if (sorted === "score" || ordered === "score") table.table.setSort(sorted, sorted === "rank" ? "asc" : "desc");
      ordered = sorted;
    },
  };
}

/**
 * @param {(feature: string) => string | null} address
 * @returns {import("views/table").Column[]}
 */
function columns(address) {
  return [
    { field: "rank", title: "Rank", number: true, first: "asc", width: 60 },
    { field: "name", title: "Feature", filter: "text", least: 150, show: (row) => named(row.name, address(row.name)) },
    { field: "decision", title: "Decision", filter: DECISIONS, width: 100, show: decision },
    { field: "why", title: "Why", least: 120, wraps: true },
    { field: "score", title: "Score", number: true, filter: "range", width: 150, show: score },
    { field: "dim", title: "Dim", number: true, width: 60, show: dims },
    { field: "sparsity", title: "Sparsity", number: true, width: 80, show: (row) => percent(row.sparsity, 1) },
    { field: "auc", title: "AUC alone", number: true, width: 90, show: alone },
    { field: "status", title: "Status", filter: STATUSES, width: 104 },
  ];
}

/**
 * @param {string} name
 * @returns {import("views/table").Column}
 */
function detailColumn(name) {
  const field = `details.${name}`;
  return {
    field,
    title: detail(name).title,
    number: true,
    width: 100,
    show: (row) => decimal(row.details[name], 3),
  };
}

/** @param {Row} row */
function score(row) {
  if (row.score === null || !row.share) return decimal(row.score);
  const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("span"));
  /** @type {HTMLElement} */ (bar.firstElementChild).style.width = percent(
    Math.min(1, Math.max(0, row.score)),
    1,
  ).replace(" ", "");
  return element("span", { class: "measured" }, bar, decimal(row.score));
}

/** @param {Row} row */
function dims({ dim, keptDims }) {
  if (keptDims === null) return count(dim);
  return element("span", {}, count(keptDims), element("small", { class: "below" }, `of ${count(dim)}`));
}

/** @param {Row} row */
function alone({ auc }) {
  const told = decimal(auc, 3);
  if (auc === null || auc <= LEAKY_AUC) return told;
  return element("span", {}, told, element("small", { class: "bad-text below" }, "! leak?"));
}

/** @param {Row} row */
function decision(row) {
  return row.decision ? badge(row.decision, row.decision === "kept" ? "good" : "plain") : "–";
}

/**
 * @param {import("views/run").Run} run
 * @returns {Row[]} in the order of the ranking where there is one, else in the run's own
 */
export function rowsOf({ spec, list, results, grid }) {
  const specified = byName(spec?.features);
  const weights = byName(results?.features);
  const status = (/** @type {string} */ name) => specified.get(name)?.status ?? null;
  if (list) {
    const why = reasons(list, spec?.prune ?? null);
    return list.features.map((found, at) => ({
      rank: at + 1,
      name: found.name,
      score: found.score,
      share: list.selector.probability_like,
      details: found.details,
      dim: found.dim,
      keptDims: found.kept_dims?.length ?? null,
      sparsity: weights.get(found.name)?.sparsity ?? null,
      auc: weights.get(found.name)?.auc ?? null,
      status: status(found.name) ?? (found.why === "essential" ? "essential" : null),
      decision: found.decision === "keep" ? "kept" : "pruned",
      why: why(found, at),
    }));
  }
  const nothing = { rank: null, share: true, details: {}, sparsity: null, auc: null, decision: null, why: null };
  return (grid?.features ?? []).map((name, at) => ({
    ...nothing,
    name,
    score: grid?.final[at] ?? null,
    dim: specified.get(name)?.dim ?? null,
    keptDims: null,
    status: status(name),
  }));
}

/**
 * @param {any[] | null | undefined} features
 * @returns {Map<string, any>}
 */
function byName(features) {
  return new Map((features ?? []).map((feature) => [feature.name, feature]));
}
