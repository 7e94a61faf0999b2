// @ts-check
/** What another cut of a finished run would keep, save and lose, as the reader moves a slider. */

import { Cuts } from "views/cut";
import { badge, element, fill, fresh, scrolling, section } from "views/dom";
import { ForcedFeatures } from "views/forced";
import { bytes, count, decimal, percent } from "views/format";

/**
 * @typedef {import("views/cut").Cut} Cut
 * @typedef {import("views/cut").Rule} Rule
 */

const NAMED = 20;
const BY_DIM =
  "The gates of this run stand on dims, and a list has the scores of features alone: run again with another rule to keep more dims or fewer.";
const WAYS = /** @type {const} */ ([
  { key: "threshold", title: "Score threshold", label: "Keep scores of at least", unit: "" },
  { key: "top_k", title: "Number of features", label: "Keep the best", unit: "features" },
  { key: "keep_dims", title: "Budget of dims", label: "Keep at most", unit: "dims" },
  { key: "keep_bytes", title: "Budget of embedding memory", label: "Keep at most", unit: "bytes" },
  { key: "keep_cost", title: "Budget of cost", label: "Keep at most a cost of", unit: "" },
]);
/** @typedef {typeof WAYS[number]["key"]} Way the key of a spec's `prune` that has the number */
const ROWS = /** @type {[keyof import("views/cut").Totals, string, (value: number | null) => string][]} */ ([
  ["features", "Features", count],
  ["dims", "Dims", count],
  ["embedding_bytes", "Embedding memory", bytes],
  ["bytes_per_example", "Read per example", bytes],
]);

/**
 * @param {Element} parent
 * @param {{onChoose?: (cut: Cut) => void}} [options] called with every cut, the run's own first
 * @returns {{update: (run: import("views/run").Run) => void}}
 */
export function choice(parent, { onChoose = () => {} } = {}) {
  const place = section("Try another cut");
  parent.append(place);
  let shown = "";
  return {
    update({ spec, list, results }) {
      if (!list) return;
      const version = `${list.id} ${results !== null}`;
      if (version === shown) return;
      shown = version;
      place.querySelector(".choice")?.remove();
      place.append(
        byDim({ list, spec })
          ? element("p", { class: "choice note" }, BY_DIM)
          : new Choice(new Cuts(list, results), list, spec, onChoose).root,
      );
    },
  };
}

/**
 * Whether dims were decided on, each for itself: a cut along the features would say nothing of them.
 * @param {Pick<import("views/run").Run, "list" | "spec">} run
 */
export function byDim({ list, spec }) {
  return spec?.selector?.granularity === "dim" || (list?.features ?? []).some(({ kept_dims: kept }) => kept);
}

class Choice {
  /**
   * @param {Cuts} cuts
   * @param {import("views/run").PruneList} list
   * @param {any} spec
   * @param {(cut: Cut) => void} onChoose
   */
  constructor(cuts, list, spec, onChoose) {
    this.cuts = cuts;
    this.onChoose = onChoose;
    this.own = ownValues(cuts, list, spec);
    this.values = { ...this.own.values };
    /** @type {Way} */
    this.way = this.own.way;
    this.slider = /** @type {HTMLInputElement} */ (element("input", { type: "range", oninput: () => this.#slid() }));
    const typed = { type: "number", step: "any", id: fresh("cut"), oninput: () => this.#typed() };
    this.number = /** @type {HTMLInputElement} */ (element("input", typed));
    this.label = element("label", { for: this.number.id });
    this.unit = element("span");
    const free = cuts.names.filter((_, at) => !cuts.pinned[at]);
    this.forced = new ForcedFeatures(free, () => this.#show());
    this.told = element("p", { class: "row", role: "status" });
    this.found = element("div");
    this.root = element(
      "div",
      { class: "choice" },
      this.#ways(),
      this.#control(),
      this.forced.root,
      this.told,
      this.found,
    );
    this.#turn();
  }

  #ways() {
    const name = fresh("way");
    const radio = (/** @type {typeof WAYS[number]} */ { key, title }) => {
      const chosen = () => {
        this.way = key;
        this.#turn();
      };
      const input = element("input", {
        type: "radio",
        name,
        value: key,
        onchange: chosen,
        checked: key === this.way,
      });
      return element("label", { class: "inline" }, input, title);
    };
    const ways = WAYS.filter(({ key }) => this.own.offered.has(key));
    return element("fieldset", { class: "row" }, element("legend", {}, "Cut by"), ways.map(radio));
  }

  #control() {
    const back = element("button", { type: "button", onclick: () => this.#reset() }, "Back to the list's own");
    return element("div", { class: "cut" }, this.label, this.number, this.unit, back, this.slider);
  }

  /** Set the control up for the chosen way. */
  #turn() {
    const { label, unit } = WAYS.find(({ key }) => key === this.way) ?? WAYS[0];
    const most = this.own.most[this.way];
    const fine = this.way === "threshold" || this.way === "keep_cost";
    const least = fine ? 0 : 1;
    const step = this.way === "threshold" ? 0.01 : fine ? "any" : 1;
    for (const input of [this.slider, this.number]) {
      input.min = String(least);
      input.max = String(most);
    }
    this.slider.step = String(step);
    this.number.step = fine ? "any" : "1";
    this.slider.setAttribute("aria-label", `${label} ${unit}`.trim());
    fill(this.label, label);
    fill(this.unit, unit);
    this.slider.value = this.number.value = String(this.values[this.way]);
    this.#show();
  }

  #slid() {
    this.number.value = this.slider.value;
    this.values[this.way] = this.slider.valueAsNumber;
    this.#show();
  }

  #typed() {
    this.number.removeAttribute("aria-invalid");
    if (this.number.value === "" || !this.number.checkValidity()) {
      this.number.setAttribute("aria-invalid", "true");
      return;
    }
    this.values[this.way] = this.number.valueAsNumber;
    this.slider.value = this.number.value;
    this.#show();
  }

  #reset() {
    this.values = { ...this.own.values };
    this.way = this.own.way;
    const radio = /** @type {HTMLInputElement | null} */ (this.root.querySelector(`input[value="${this.way}"]`));
    if (radio) radio.checked = true;
    this.#turn();
    this.forced.clear();
  }

  #show() {
    this.number.removeAttribute("aria-invalid");
    const cut = this.cuts.by(ruleOf(this.way, this.values[this.way]), this.forced.chosen);
    const { features, dims } = cut.totals;
    const all = this.cuts.all;
    const kept = `Keeps ${count(features)} of ${count(all.features)} features, ${count(dims)} of ${count(all.dims)} dims`;
    fill(this.told, element("strong", {}, kept), qualityBadge(cut));
    fill(this.found, pinned(this.cuts), weights(cut, all), quality(cut, this.cuts), changes(cut));
    this.onChoose(cut);
  }
}

/**
 * The ways to cut this run, the one that is its own rule's, and for each way the value that comes nearest to what the
 * list keeps, and the most that there is.
 * @param {Cuts} cuts
 * @param {import("views/run").PruneList} list
 * @param {any} spec
 * @returns {{way: Way, offered: Set<Way>, values: Record<Way, number>, most: Record<Way, number>}}
 */
function ownValues(cuts, list, spec) {
  const prune = spec?.prune ?? {};
  const { all, own } = cuts;
  const most = {
    threshold: 1,
    top_k: all.features,
    keep_dims: all.dims,
    keep_bytes: all.embedding_bytes ?? 0,
    keep_cost: rounded(cuts.costs()),
  };
  const values = {
    threshold: prune.threshold ?? 0.5,
    top_k: prune.rule === "top_k" ? Math.min(prune.top_k, all.features) : list.after.features,
    keep_dims: prune.rule === "dims" ? Math.floor(prune.share * all.dims + 1e-9) : list.after.dims,
    keep_bytes: list.after.embedding_bytes,
    keep_cost: rounded(cuts.costs(own)),
  };
  const offered = new Set(/** @type {Way[]} */ (["top_k", "keep_dims"]));
  // A threshold has a meaning for scores in [0, 1] alone.
  if (cuts.probabilityLike) offered.add("threshold");
  if (most.keep_bytes > 0) offered.add("keep_bytes");
  if (cuts.costly) offered.add("keep_cost");
  const limits = /** @type {const} */ (["keep_dims", "keep_bytes", "keep_cost"]);
  const limit = prune.rule === "budget" ? limits.find((key) => prune[key] !== null && prune[key] !== undefined) : null;
  if (limit) values[limit] = Math.min(prune[limit], most[limit]);
  const way = limit ?? (prune.rule === "dims" ? "keep_dims" : prune.rule);
  return { way: offered.has(way) ? way : "top_k", offered, values, most };
}

/**
 * A sum of costs without the rounding of floats.
 * @param {number} sum
 */
function rounded(sum) {
  return Number(sum.toPrecision(12));
}

/**
 * @param {Way} way
 * @param {number} value as its control has it
 * @returns {Rule}
 */
function ruleOf(way, value) {
  if (way === "threshold") return { rule: way, threshold: value };
  if (way === "top_k") return { rule: way, top_k: value };
  return /** @type {Rule} */ ({ rule: "budget", [way]: value });
}

/** @param {Cuts} cuts */
function pinned({ essential }) {
  if (essential === 0) return null;
  const features = essential === 1 ? "1 essential feature is" : `${count(essential)} essential features are`;
  return element("p", { class: "note" }, `${features} kept by every cut.`);
}

/**
 * @param {Cut} cut
 * @param {import("views/cut").Totals} all
 */
function weights({ totals }, all) {
  const row = (/** @type {typeof ROWS[number]} */ [key, title, text]) => {
    const [before, after] = [all[key], totals[key]];
    if (before === null || after === null) return null;
    const saved = before === 0 ? "–" : percent(1 - after / before, 1);
    return element("tr", {}, element("th", { scope: "row" }, title), [text(before), text(after), saved].map(cell));
  };
  const heads = ["All", "This cut", "Saved"].map((name) => element("th", { class: "number", scope: "col" }, name));
  const head = element("thead", {}, element("tr", {}, element("td"), heads));
  return scrolling("This cut", element("table", {}, head, element("tbody", {}, ROWS.map(row))));
}

/** @param {string} text */
function cell(text) {
  return element("td", { class: "number" }, text);
}

/** @param {Cut} cut */
function qualityBadge({ quality }) {
  if (!quality) return null;
  return quality.within ? badge("within δ", "good") : badge("loses more than δ", "bad");
}

/**
 * @param {Cut} cut
 * @param {Cuts} cuts
 */
function quality({ quality, totals }, { delta, weighed }) {
  if (!quality) {
    const gone = weighed ? "" : " and bytes";
    return element(
      "p",
      { class: "note" },
      `Quality${gone} can't be told: the run's results were deleted with its directory.`,
    );
  }
  const { logloss, rise, from, to, prefix } = quality;
  const moved = `${decimal(Math.abs(rise), 5)} ${rise >= 0 ? "above" : "below"} that of all features; δ is ${decimal(delta, 5)}.`;
  const between =
    from === to
      ? `measured at ${count(from)} features`
      : `interpolated between ${count(from)} and ${count(to)} features`;
  const how = prefix
    ? `${between}, before fine-tuning`
    : `${between} of the ranking; an estimate, as this cut isn't its first ${count(totals.features)}`;
  return element(
    "p",
    {},
    `Validation logloss ${decimal(logloss, 5)}, ${moved} `,
    element("span", { class: "soft" }, `(${how})`),
  );
}

/** @param {Cut} cut */
function changes({ added, dropped }) {
  if (added.length + dropped.length === 0) return element("p", { class: "soft" }, "Identical decisions to the list.");
  return element(
    "div",
    {},
    named("kept here, pruned by the list", added),
    named("pruned here, kept by the list", dropped),
  );
}

/**
 * @param {string} title
 * @param {string[]} names
 */
function named(title, names) {
  if (names.length === 0) return null;
  const first = [...names].sort().slice(0, NAMED);
  const more = names.length > NAMED ? ` and ${count(names.length - NAMED)} more` : "";
  return element(
    "p",
    {},
    element("strong", {}, `${count(names.length)} ${title}: `),
    element("span", { class: "names" }, first.join(", "), more),
  );
}
