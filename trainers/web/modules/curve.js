// @ts-check
/** The selection curve: what quality is left with the first features of the ranking alone. */

import { Chart, axis, tooltip } from "views/chart";
import { element, fresh } from "views/dom";
import { bytes, count, decimal } from "views/format";

/**
 * @typedef {Pick<import("schemas").CurvePoint, "features" | "dims" | "embedding_bytes" | "logloss">} Point
 * @typedef {{name: string, column: "dims" | "embedding_bytes", text: (value: number) => string}} Measure
 * @typedef {{features: number, dims: number, embedding_bytes: number | null, prefix: boolean,
 *   logloss: number | null}} Kept
 *   what a set of features weighs, and whether it is the first so many of the ranking: of others the curve knows nothing.
 *   `logloss` where the set's own is known
 */

/** @type {Measure[]} */
const MEASURES = [
  { name: "dims kept", column: "dims", text: count },
  { name: "embedding bytes kept", column: "embedding_bytes", text: bytes },
];
const NOTE =
  "The one trained model on the validation split with the first features of the ranking, the others at their means, " +
  "before any fine-tuning. Copies of what stays are not counted; the model still reads them. Other sets of features weren't measured so: a line shows their size alone.";

/**
 * Validation logloss against dims, or embedding bytes, with δ and what the list keeps; `mark` marks what a reader tries,
 * null takes that away.
 * @param {Element} parent
 * @returns {{update: (run: import("views/run").Run) => void, mark: (cut: import("views/cut").Cut | null) => void}}
 */
export function curve(parent) {
  return new Curve(parent);
}

class Curve {
  /** @param {Element} parent */
  constructor(parent) {
    this.measure = MEASURES[0];
    this.ways = element("div", { class: "row", hidden: true });
    parent.append(this.ways);
    this.chart = new Chart(parent, "Quality along the ranking", { height: 320, note: NOTE });
    /** @type {Point[]} */
    this.points = [];
    this.delta = 0;
    /** @type {Kept | null} */
    this.chosen = null;
    /** @type {Kept | null} */
    this.marked = null;
  }

  /** @param {import("views/run").Run} run */
  update({ list, results }) {
    if (!results || results.curve.length === 0) return;
    this.points = [...results.curve].sort((a, b) => a.dims - b.dims);
    this.delta = results.delta;
    // What a person chose was not measured.
    const own = list && !list.revision ? results.own : null;
    // So were sets of dims, which say more than how many features they are of.
    const whole = list?.features.every(({ kept_dims: kept }) => !kept) ?? true;
    const prefix = own ? true : whole && isPrefix(list?.features.map(({ decision }) => decision === "keep") ?? []);
    this.chosen = list && { ...list.after, prefix, logloss: own?.logloss ?? null };
    if (this.ways.hidden && this.points.some((point) => point.embedding_bytes)) this.#offer();
    this.#draw();
  }

  /** @param {import("views/cut").Cut | null} cut */
  mark(cut) {
    const prefix = cut?.quality?.prefix ?? isPrefix([...(cut?.mask ?? [])].map(Boolean));
    this.marked = cut && { ...cut.totals, prefix, logloss: prefix ? (cut.quality?.logloss ?? null) : null };
    if (this.points.length > 0) this.#draw();
  }

  #offer() {
    const name = fresh("curve");
    const way = (/** @type {Measure} */ measure) => {
      const onchange = () => {
        this.measure = measure;
        this.#draw();
      };
      const input = element("input", { type: "radio", name, checked: measure === this.measure, onchange });
      return element("label", { class: "inline" }, input, measure.name);
    };
    this.ways.append(element("span", { class: "soft" }, "Against"), ...MEASURES.map(way));
    this.ways.hidden = false;
  }

  #draw() {
    this.chart.draw((shades) => this.#option(shades), this.#told());
  }

  #told() {
    const kept = this.marked ?? this.chosen;
    const all = this.points[this.points.length - 1];
    const whole = `${decimal(all.logloss, 5)} with all ${count(all.features)}`;
    if (kept === null) return `logloss ${whole}`;
    if (!kept.prefix) return `logloss ${whole}; not measured with ${features(kept)} that ${apart(kept)}`;
    const near = { ...at(this.points, kept.features), features: kept.features };
    return `logloss ${decimal(kept.logloss ?? near.logloss, 5)} with ${features(near)}, ${whole}`;
  }

  /** @param {import("views/theme").Colours} shades */
  #option(shades) {
    const { points, delta, chosen, marked } = this;
    const { column, name, text } = this.measure;
    const limit = points[points.length - 1].logloss + delta;
    const value = (/** @type {Point} */ point) => [point[column] ?? 0, point.logloss, point.features];
    const place = (
      /** @type {Kept | null} */ kept,
      /** @type {string} */ name,
      /** @type {string} */ colour,
      /** @type {object} */ style,
    ) => {
      if (kept === null) return [];
      if (!kept.prefix) return [size(kept[column] ?? 0, name, colour, apart(kept))];
      const near = at(points, kept.features);
      const { logloss, dims, embedding_bytes } = kept;
      const point = logloss === null ? near : { ...near, dims, embedding_bytes: embedding_bytes ?? 0, logloss };
      return [{ type: "scatter", z: 5, tooltip: { show: false }, name, ...style, data: [value(point)] }];
    };
    return {
      grid: { left: 76, right: 28, top: 40, bottom: 48 },
      tooltip: tooltip(shades, "axis", (found) => hint([found].flat()[0].value, name, text)),
      xAxis: axis(shades, name, { axisLabel: { color: shades.soft, formatter: text, hideOverlap: true } }),
      yAxis: axis(shades, "validation logloss, nats", {
        scale: true,
        // The δ line is in sight wherever the curve lies.
        max: (/** @type {{max: number}} */ { max }) => (max < limit ? limit : null),
        nameGap: 58,
        axisLabel: { color: shades.soft, formatter: (/** @type {number} */ loss) => decimal(loss) },
      }),
      series: [
        {
          name: "first features of the ranking",
          type: "line",
          symbol: "circle",
          symbolSize: 5,
          color: shades.keep,
          data: points.map(value),
          markLine: line(shades, limit, delta),
        },
        ...place(chosen, "the list's own", shades.prune, { symbol: "rect", symbolSize: 13, ...hollow(shades.prune) }),
        ...place(marked, "tried", shades.third, { symbol: "diamond", symbolSize: 15, color: shades.third }),
      ],
    };
  }
}

/**
 * The curve's point of so many features; between two points, on the line between them.
 * @param {Point[]} points by features, fewest first
 * @param {number} wanted
 * @returns {Point}
 */
function at(points, wanted) {
  const after = points.find((point) => point.features >= wanted) ?? points[points.length - 1];
  const before = points.findLast((point) => point.features <= wanted) ?? points[0];
  const share = after === before ? 0 : (wanted - before.features) / (after.features - before.features);
  const mix = (/** @type {number} */ from, /** @type {number} */ to) => from + share * (to - from);
  return {
    features: after === before ? after.features : wanted,
    dims: Math.round(mix(before.dims, after.dims)),
    embedding_bytes: mix(before.embedding_bytes ?? 0, after.embedding_bytes ?? 0),
    logloss: mix(before.logloss, after.logloss),
  };
}

/**
 * @param {import("views/theme").Colours} shades
 * @param {number} limit
 * @param {number} delta
 */
function line(shades, limit, delta) {
  return {
    silent: true,
    symbol: "none",
    precision: 12,
    lineStyle: { color: shades.soft, type: "dashed" },
    label: { formatter: `all features + δ (${delta})`, color: shades.soft, position: "insideEndTop" },
    data: [{ yAxis: limit }],
  };
}

/**
 * What is kept in the order of the ranking: whether nothing comes after what goes.
 * @param {boolean[]} kept
 */
function isPrefix(kept) {
  return !kept.slice(kept.indexOf(false)).includes(true) || !kept.includes(false);
}

/**
 * How a set that isn't the first of the ranking differs from it.
 * @param {Kept} kept
 */
function apart({ features }) {
  return features === 1 ? "isn't the first of the ranking" : `aren't the first ${count(features)} of the ranking`;
}

/**
 * A series that shows what a set weighs, and no quality.
 * @param {number} x
 * @param {string} name
 * @param {string} color
 * @param {string} formatter
 */
function size(x, name, color, formatter) {
  const lineStyle = { color, type: "dotted", width: 2.5 };
  const label = { formatter, color, position: "insideEndBottom" };
  const markLine = { silent: true, symbol: "none", precision: 12, lineStyle, label, data: [{ xAxis: x }] };
  return { type: "line", name, symbol: "none", color, lineStyle, data: [], markLine };
}

/** @param {string} color */
function hollow(color) {
  return { color, itemStyle: { color: "transparent", borderColor: color, borderWidth: 2.5 } };
}

/** @param {{features: number}} point */
function features(point) {
  return point.features === 1 ? "1 feature" : `${count(point.features)} features`;
}

/**
 * @param {[number, number, number]} point
 * @param {string} name
 * @param {(value: number) => string} text
 */
function hint([kept, logloss, first], name, text) {
  const lines = [`${text(kept)} ${name}`, `validation logloss ${decimal(logloss, 5)}`];
  const head = element("strong", {}, first === 1 ? "the first feature" : `the first ${count(first)} features`);
  return element("div", {}, head, ...lines.map((told) => element("div", {}, told)));
}
