// @ts-check
/** What a run found, in numbers: what pruning saves, what it costs, whether the guard lets it pass. */

import { element, fill, scrolling } from "views/dom";
import { bytes, count, decimal, inUnit, percent } from "views/format";
import { grounds, signed, VERDICTS } from "views/guard";

const TILES = /** @type {[keyof import("schemas").Totals, string, (value: number) => string][]} */ ([
  ["features", "Features", count],
  ["dims", "Dims", count],
  ["embedding_bytes", "Embedding memory", bytes],
  ["bytes_per_example", "Read per example", bytes],
]);
const MODELS = /** @type {["full" | "pruned" | "finetuned", string][]} */ ([
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
    update({ list, results }) {
      if (!list || list.id === shown) return;
      shown = list.id;
      fill(
        place,
        (list.leaks ?? []).map(leak),
        verdict(list),
        banner(list.guard),
        warning(list.warning),
        warning(list.budget?.warning ?? null),
        lookAt(results?.data_warnings ?? [], list.leaks ?? []),
        diagnostics(list),
        list.interactions.length > 0 && crosses(list),
        list.budget && budget(list.budget),
        savings(list),
        list.metrics && quality(list.metrics),
      );
    },
  };
}

/** @param {import("schemas").Leak} found */
function leak({ message }) {
  return element("p", { class: "alert" }, element("strong", {}, "✗ Leak"), `: ${message}.`);
}

const FEW = 5;
const STYLES = { good: "alert fine", bad: "alert", plain: "alert caution" };

/** @param {import("views/run").PruneList} list */
function verdict({ guard, revision }) {
  const { mark, tone } = VERDICTS[guard.verdict];
  const [style, word] = revision
    ? [STYLES.plain, "Not fine-tuned yet"]
    : [STYLES[tone], `${mark} Guard ${guard.verdict}`];
  return element("p", { class: style }, element("strong", {}, word), `: ${grounds(guard)}.`);
}

/**
 * Other metrics that fell beyond their limits.
 * @param {import("schemas").GuardVerdict} guard
 */
function banner({ banner }) {
  return banner && element("p", { class: "alert" }, element("strong", {}, "! Worse beyond its limit"), `: ${banner}.`);
}

/** @param {string | null} told */
function warning(told) {
  return told && element("p", { class: "alert caution" }, element("strong", {}, "! Warning"), `: ${told}.`);
}

/**
 * What deserves a look in the data. What a leak says already isn't said again.
 * @param {string[]} warnings as `winnow check` words them
 * @param {import("schemas").Leak[]} leaks
 */
function lookAt(warnings, leaks) {
  const told = leaks.map(({ feature }) => `feature '${feature}' alone predicts the label`);
  const left = warnings.filter((message) => !told.some((known) => message.startsWith(known)));
  if (left.length === 0) return null;
  const items = (/** @type {string[]} */ some) =>
    element(
      "ul",
      {},
      some.map((message) => element("li", {}, message)),
    );
  const rest = left.slice(FEW);
  return element(
    "div",
    { class: "alert caution" },
    element("strong", {}, "! Look at the data"),
    items(left.slice(0, FEW)),
    rest.length > 0 && element("details", {}, element("summary", {}, `${count(rest.length)} more`), items(rest)),
  );
}

/**
 * What the selector says of itself.
 * @param {import("views/run").PruneList} list
 */
function diagnostics({ selector, diagnostics }) {
  const texts = STATEMENTS.filter((name) => name in diagnostics);
  const numbers = Object.entries(diagnostics).filter(([name]) => !texts.includes(name));
  const said = numbers.map(([name, value]) =>
    name in SHARES && typeof value === "number"
      ? `${percent(value, 1)} ${SHARES[name]}`
      : `${name.replaceAll("_", " ")}: ${word(value)}`,
  );
  const line = [`Ranked by ${selector.name}`, said.join(", ")].filter(Boolean).join(": ");
  return [
    element("p", { class: "soft" }, line, "."),
    ...texts.map((name) =>
      element(
        "div",
        { class: "soft" },
        `${name[0].toUpperCase()}${name.slice(1)}:`,
        element(
          "ul",
          {},
          String(diagnostics[name])
            .split("; ")
            .map((line) => element("li", {}, line)),
        ),
      ),
    ),
  ];
}

/**
 * The crosses of features that the backbone found most important.
 * @param {import("views/run").PruneList} list
 */
function crosses({ interactions }) {
  const said = interactions.map(({ features, importance }) => `${features.join(" × ")} ${importance.toPrecision(3)}`);
  const rest = said.slice(FEW).join(", ");
  return element(
    "div",
    { class: "soft" },
    `Crosses: ${said.slice(0, FEW).join(", ")}.`,
    rest && element("details", {}, element("summary", {}, `${count(said.length - FEW)} more`), `${rest}.`),
  );
}

/**
 * How much of the rule's budget was spent, and what on.
 * @param {import("schemas").BudgetUse} use
 */
function budget({ unit, limit, spent, total, closed_gates: closed }) {
  const used = `Budget: ${inUnit(spent, unit)} spent of ${inUnit(limit, unit)}; all features take ${inUnit(total, unit)}`;
  const features = closed === 1 ? "feature that stays has its" : "features that stay have their";
  const missed = `${closed === 1 ? "is" : "are"} not missed by held-out rows`;
  const room = closed ? `; ${count(closed)} ${features} gate below 0.5 and ${missed}: the budget had room` : "";
  return element("p", { class: "soft" }, `${used}${room}.`);
}

/** Diagnostics that are statements, with "; " between them. */
const STATEMENTS = ["disagreements", "leanings"];
const SHARES = /** @type {Record<string, string>} */ ({
  low: "of gates closed (under 0.1)",
  middle: "between",
  high: "open (over 0.9)",
});

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
    const whole = (/** @type {number} */ value) => element("span", { class: "whole" }, text(value));
    const moved = element("dd", {}, whole(from), " → ", whole(to), element("small", {}, saved));
    return element("div", { class: "tile" }, element("dt", {}, title), moved);
  };
  return element("dl", { class: "tiles" }, TILES.map(tile));
}

/** @param {import("schemas").ModelQuality} metrics */
function quality(metrics) {
  const { rows, base_rate: rate } = metrics.full;
  const heads = ["Change", "95% interval", ...MODELS.map(([, title]) => title)].map((title) =>
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

const CHANGE = "The change is from full to fine-tuned; it is within noise where its interval holds 0.";

/**
 * @param {typeof METRICS[number]} metric
 * @param {import("schemas").ModelQuality} metrics
 */
function row({ key, name, higher }, metrics) {
  const [full, tuned] = [metrics.full[key], metrics.finetuned[key]];
  const change = full === null || tuned === null ? null : tuned - full;
  const interval = metrics.differences?.finetuned.find(({ metric }) => metric === key)?.interval ?? null;
  const word = interval && outcome(interval);
  const number = (/** @type {string} */ text) => element("td", { class: "number" }, text);
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, name),
    element(
      "td",
      { class: "number" },
      change === null ? "–" : signed(change),
      word && element("small", { class: word === "better" ? "good" : word === "worse" ? "bad" : "soft" }, ` ${word}`),
    ),
    number(interval === null ? "–" : span(interval, higher)),
    MODELS.map(([model]) => number(decimal(metrics[model][key], 5))),
  );
}

/**
 * What an interval of a drop says; a drop is positive where the metric is worse.
 * @param {[number, number]} interval
 */
function outcome([low, high]) {
  return low > 0 ? "worse" : high < 0 ? "better" : "within noise";
}

/**
 * The interval of the change, lowest end first.
 * @param {[number, number]} interval of the drop
 * @param {boolean} higher whether more is better
 */
function span([low, high], higher) {
  const [from, to] = higher ? [-high, -low] : [low, high];
  return `${signed(from)} to ${signed(to)}`;
}
