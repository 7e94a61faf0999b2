// @ts-check
/** Runs beside each other, in numbers. */

import { part } from "pages/api";
import { alike } from "pages/compare/measures";
import { element, scrolling } from "views/dom";
import { bytes, count, decimal, duration, inUnit, percent } from "views/format";
import { VERDICTS } from "views/guard";

/**
 * @typedef {{job: import("pages/job/words").Job, spec: any, list: import("views/run").PruneList,
 *   results: import("views/run").Results | null, label: string, title: string}} Compared a run, its letter, and its name
 * @typedef {[string, (run: Compared) => string]} Fact
 */

/** @type {[string, Fact[]][]} */
const GROUPS = [
  [
    "Method",
    [
      ["Selector", ({ spec }) => [spec.selector.name, spec.selector.update].filter(Boolean).join(", ")],
      ["Rule", ({ spec }) => rule(spec.prune)],
      ["Seed", ({ spec }) => String(spec.training.seed)],
    ],
  ],
  [
    "Kept",
    [
      ["Features", ({ list }) => kept(list, "features", count)],
      ["Dims", ({ list }) => kept(list, "dims", count)],
      ["Embedding memory", ({ list }) => kept(list, "embedding_bytes", bytes)],
      ["Read per example", ({ list }) => kept(list, "bytes_per_example", bytes)],
    ],
  ],
  [
    "Quality on the test split",
    [
      ["AUC, full", quality("full", "auc")],
      ["AUC, pruned", quality("pruned", "auc")],
      ["AUC, fine-tuned", quality("finetuned", "auc")],
      ["GAUC, full", quality("full", "gauc")],
      ["GAUC, pruned", quality("pruned", "gauc")],
      ["GAUC, fine-tuned", quality("finetuned", "gauc")],
      ["Logloss, full", quality("full", "logloss")],
      ["Logloss, pruned", quality("pruned", "logloss")],
      ["Logloss, fine-tuned", quality("finetuned", "logloss")],
      ["Guard", ({ list: { guard } }) => `${VERDICTS[guard.verdict].mark} ${guard.verdict}`],
    ],
  ],
  [
    "Cost",
    [
      ["Search", ({ results }) => duration(results?.stages.searching)],
      ["Whole run", ({ results }) => duration(results?.stages.total)],
      ["Search steps", ({ results }) => count(results?.steps)],
      ["Rows per second", ({ results }) => count(results?.rows_per_second && Math.round(results.rows_per_second))],
    ],
  ],
];

/** @param {Compared[]} runs */
export function sideBySide(runs) {
  const heads = runs.map(({ job, label, title }) =>
    element(
      "th",
      { scope: "col", class: "number" },
      `${label}: `,
      element("a", { href: `/jobs/${part(job.id)}` }, title),
    ),
  );
  const bodies = GROUPS.map(([title, facts]) =>
    element(
      "tbody",
      {},
      element("tr", {}, element("th", { scope: "rowgroup", colspan: runs.length + 1, class: "group" }, title)),
      facts.map(([name, told]) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, name),
          runs.map((run) => element("td", { class: "number" }, told(run))),
        ),
      ),
    ),
  );
  return framed("Runs side by side", element("thead", {}, element("tr", {}, element("td"), heads)), bodies);
}

/**
 * Two matrices over the runs: rank correlation of scores, and overlap of what they keep.
 * @param {Compared[]} runs
 */
export function matrices(runs) {
  const found = runs.map((a) => runs.map((b) => alike(a.list.features, b.list.features)));
  const matrix = (
    /** @type {string} */ title,
    /** @type {(pair: ReturnType<typeof alike>) => (Node | string)[]} */ cell,
  ) => {
    const heads = runs.map(({ label }) => element("th", { scope: "col", class: "number" }, label));
    const rows = runs.map(({ label, title }, a) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, `${label}: ${title}`),
        runs.map((_, b) => element("td", { class: "number" }, a === b ? "–" : cell(found[a][b]))),
      ),
    );
    return framed(title, element("thead", {}, element("tr", {}, element("td"), heads)), [element("tbody", {}, rows)]);
  };
  const small = (/** @type {string} */ text) => element("small", { class: "soft" }, ` ${text}`);
  const tables = [
    matrix("Rank correlation of scores (Spearman), over features that both searched", ({ correlation, common }) => [
      decimal(correlation, 3),
      small(`of ${count(common)}`),
    ]),
    matrix("Overlap of what is kept (Jaccard)", ({ jaccard, both, either }) => [
      percent(jaccard, 1),
      small(`${count(both)} of ${count(either)}`),
    ]),
  ];
  return element("div", { class: "columns" }, tables);
}

/**
 * @param {string} title
 * @param {HTMLElement} head
 * @param {HTMLElement[]} bodies
 */
function framed(title, head, bodies) {
  const table = element("table", {}, element("caption", {}, title), head, bodies);
  return scrolling(title, table);
}

/** @param {any} prune */
function rule({ rule, threshold, top_k, share, delta, keep, keep_dims, keep_bytes, keep_cost }) {
  if (rule === "threshold") return `gates of ${threshold} or more`;
  if (rule === "top_k") return `the ${count(top_k)} best`;
  if (rule === "given") return `${count(keep.length)} named in the spec`;
  if (rule === "budget") {
    if (keep_dims) return inUnit(keep_dims, "dims");
    return keep_bytes ? `${inUnit(keep_bytes, "bytes")} of tables` : inUnit(keep_cost, "cost");
  }
  return rule === "dims" ? `${percent(share, 1)} of dims` : `selection curve, δ ${delta}`;
}

/**
 * @param {any} list
 * @param {string} key
 * @param {(value: number) => string} text
 */
function kept({ before, after }, key, text) {
  const saved = before[key] > 0 ? ` (−${percent(1 - after[key] / before[key], 1)})` : "";
  return `${text(after[key])} of ${text(before[key])}${saved}`;
}

/**
 * @param {"full" | "pruned" | "finetuned"} model
 * @param {"auc" | "gauc" | "logloss"} metric
 * @returns {(run: Compared) => string}
 */
function quality(model, metric) {
  return ({ list }) => decimal(list.metrics?.[model]?.[metric], 5);
}
