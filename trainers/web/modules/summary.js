// @ts-check
/** What a run found, in numbers: what pruning saves, what it costs, whether the guard lets it pass. */

import { element, fill, scrolling } from "views/dom";
import { bytes, count, decimal, percent } from "views/format";

const TILES = /** @type {[keyof import("schemas").Totals, string, (value: number) => string][]} */ ([
  ["features", "Features", count],
  ["dims", "Dims", count],
  ["embedding_bytes", "Embedding memory", bytes],
  ["bytes_per_example", "Read per example", bytes],
]);
const MODELS = /** @type {[keyof import("schemas").ModelQuality, string][]} */ ([
  ["full", "Full"],
  ["pruned", "Pruned"],
  ["finetuned", "Fine-tuned"],
]);
const METRICS = /** @type {const} */ ([
  { key: "auc", name: "AUC", higher: true },
  { key: "gauc", name: "GAUC", higher: true },
  { key: "logloss", name: "Logloss, nats", higher: false },
  { key: "ne", name: "NE", higher: false },
]);

/**
 * The guard's verdict and warnings, savings, and quality of the full, the pruned and the fine-tuned model.
 * @param {Element} parent
 * @returns {{update: (run: import("views/run").Run) => void}}
 */
export function summary(parent) {
  const place = element("div", { class: "summary" });
  parent.append(place);
  let shown = "";
  return {
    update({ list }) {
      if (!list || list.id === shown) return;
      shown = list.id;
      const leaks = (list.leaks ?? []).map(leak);
      fill(place, leaks, verdict(list), warning(list.warning), diagnostics(list));
      place.append(savings(list), ...(list.metrics ? [quality(list.metrics)] : []));
    },
  };
}

/** @param {import("schemas").Leak} found */
function leak({ message }) {
  return element("p", { class: "alert" }, element("strong", {}, "✗ Leak"), `: ${message}.`);
}

/** @param {import("views/run").PruneList} list */
function verdict({ guard: { passed, reason }, revision }) {
  if (revision)
    return element("p", { class: "alert caution" }, element("strong", {}, "Not fine-tuned yet"), `: ${reason}.`);
  const word = passed ? "✓ Guard passed" : "✗ Guard refused";
  return element("p", { class: passed ? "alert fine" : "alert" }, element("strong", {}, word), `: ${reason}.`);
}

/** @param {string | null} told */
function warning(told) {
  return told && element("p", { class: "alert caution" }, element("strong", {}, "! Warning"), `: ${told}.`);
}

/**
 * What the selector says of itself.
 * @param {import("views/run").PruneList} list
 */
function diagnostics({ selector, diagnostics }) {
  const said = Object.entries(diagnostics).map(([name, value]) => `${name.replaceAll("_", " ")} ${word(value)}`);
  return element(
    "p",
    { class: "soft" },
    [`Ranked by ${selector.name}`, said.join(", ")].filter(Boolean).join(": "),
    ".",
  );
}

/** @param {boolean | number | string} value */
function word(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? decimal(value, Number.isInteger(value) ? 0 : 3) : value;
}

/** @param {import("views/run").PruneList} list */
function savings({ before, after }) {
  const tile = (/** @type {typeof TILES[number]} */ [key, title, text]) => {
    const [from, to] = [before[key], after[key]];
    const saved = from === 0 ? "nothing to save" : `${percent(1 - to / from, 1)} saved`;
    const moved = element("dd", {}, `${text(from)} → ${text(to)}`, element("small", {}, saved));
    return element("div", { class: "tile" }, element("dt", {}, title), moved);
  };
  return element("dl", { class: "tiles" }, TILES.map(tile));
}

/** @param {import("schemas").ModelQuality} metrics */
function quality(metrics) {
  const { rows, base_rate: rate } = metrics.full;
  const heads = ["Change", ...MODELS.map(([, title]) => title)].map((title) =>
    element("th", { scope: "col", class: "number" }, title),
  );
  const measured = METRICS.filter(({ key }) => MODELS.some(([model]) => metrics[model][key] !== null));
  return scrolling(
    "Quality",
    element(
      "table",
      {},
      element("caption", {}, `Quality on the test split: ${count(rows)} rows, ${percent(rate, 2)} positive. `, CHANGE),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Metric"), heads)),
      element(
        "tbody",
        {},
        measured.map((metric) => row(metric, metrics)),
      ),
    ),
  );
}

const CHANGE = "The change is from full to fine-tuned.";

/**
 * @param {typeof METRICS[number]} metric
 * @param {import("schemas").ModelQuality} metrics
 */
function row({ key, name, higher }, metrics) {
  const [full, tuned] = [metrics.full[key], metrics.finetuned[key]];
  const change = full === null || tuned === null ? null : tuned - full;
  const better = change ? change > 0 === higher : null;
  const word = better === null ? "" : better ? "better" : "worse";
  const number = (/** @type {string} */ text) => element("td", { class: "number" }, text);
  const signed = change === null ? "–" : `${change < 0 ? "−" : "+"}${decimal(Math.abs(change), 5)}`;
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, name),
    element("td", { class: "number" }, signed, " ", element("small", { class: better ? "good" : "bad" }, word)),
    MODELS.map(([model]) => number(decimal(metrics[model][key], 5))),
  );
}
