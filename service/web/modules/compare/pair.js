// @ts-check
/** The scores of one run against those of another. */

import { Chart, axis, tooltip } from "views/chart";
import { element } from "views/dom";
import { count, decimal } from "views/format";

/**
 * @typedef {import("pages/compare/table").Compared} Compared
 * @typedef {{name: string, a: number, b: number, group: string}} Point
 */

const GROUPS = /** @type {const} */ ([
  { group: "kept by both", symbol: "circle", colour: "keep" },
  { group: "pruned by both", symbol: "triangle", colour: "prune" },
  { group: "decided differently", symbol: "diamond", colour: "third" },
]);
const MANY = 2000;

/** A scatter plot of a pair, which the reader chooses; the first two runs at first. */
export class Pair {
  /**
   * @param {Element} parent
   * @param {Compared[]} runs
   */
  constructor(parent, runs) {
    this.runs = runs;
    const select = (/** @type {number} */ first) =>
      /** @type {HTMLSelectElement} */ (
        element(
          "select",
          { onchange: () => this.#draw() },
          runs.map(({ label, title }, at) =>
            element("option", { value: at, selected: at === first }, `${label}: ${title}`),
          ),
        )
      );
    this.a = select(0);
    this.b = select(1);
    parent.append(
      element("div", { class: "row" }, element("label", {}, "Across", this.a), element("label", {}, "Upwards", this.b)),
    );
    this.chart = new Chart(parent, "Scores of the features that both runs know", { height: 380 });
    this.#draw();
  }

  #draw() {
    const [a, b] = [this.runs[Number(this.a.value)], this.runs[Number(this.b.value)]];
    const found = points(a, b);
    const told = GROUPS.map(({ group }) => `${count(found.filter((point) => point.group === group).length)} ${group}`);
    this.chart.draw((shades) => option(shades, found, a, b), told.join(", "));
  }
}

/**
 * @param {Compared} a
 * @param {Compared} b
 * @returns {Point[]}
 */
function points(a, b) {
  const others = new Map(b.list.features.map((feature) => [feature.name, feature]));
  return a.list.features.flatMap(({ name, score, decision }) => {
    const other = others.get(name);
    if (!other) return [];
    const alike = decision === "keep" ? "kept by both" : "pruned by both";
    return [{ name, a: score, b: other.score, group: decision === other.decision ? alike : "decided differently" }];
  });
}

/**
 * @param {import("views/theme").Colours} shades
 * @param {Point[]} found
 * @param {Compared} a
 * @param {Compared} b
 */
function option(shades, found, a, b) {
  const range = (/** @type {Compared} */ { list }) =>
    list.selector.probability_like ? { min: 0, max: 1 } : { scale: true };
  return {
    grid: { left: 64, right: 24, top: 40, bottom: 48 },
    tooltip: tooltip(shades, "item", hint),
    xAxis: axis(shades, `score in ${a.label}`, range(a)),
    yAxis: axis(shades, `score in ${b.label}`, range(b)),
    series: GROUPS.map(({ group, symbol, colour }) => ({
      name: group,
      type: "scatter",
      symbol,
      symbolSize: found.length > MANY ? 4 : 9,
      large: found.length > MANY,
      color: shades[colour],
      itemStyle: { opacity: 0.75 },
      data: found.flatMap((point, at) => (point.group === group ? [[point.a, point.b, at]] : [])),
    })),
  };

  /** @param {{value: number[]}} point */
  function hint({ value }) {
    const point = found[value[2]];
    const facts = [`score in ${a.label}: ${decimal(point.a)}`, `score in ${b.label}: ${decimal(point.b)}`];
    return element("div", {}, element("strong", {}, point.name), ...facts.map((fact) => element("div", {}, fact)));
  }
}
