// @ts-check
/** A chart in a figure: drawn by ECharts, named and described for those who don't see it. */

import * as echarts from "echarts";
import { element, fresh } from "views/dom";
import { colours, onTurn } from "views/theme";

/**
 * One chart. `draw` may be called as often as there is something new: what the reader zoomed into stays.
 */
export class Chart {
  /**
   * @param {Element} parent takes the figure as its last child
   * @param {string} title
   * @param {{height?: number, note?: string}} [options] height in pixels; a note under the title
   */
  constructor(parent, title, { height = 280, note = "" } = {}) {
    const id = fresh("chart");
    this.canvas = element("div", { class: "chart", role: "img", "aria-labelledby": id });
    this.canvas.style.height = `${height}px`;
    this.waiting = element("p", { class: "note", role: "status" }, "Waiting for the first report.");
    this.caption = element("figcaption", { id }, title);
    this.title = title;
    this.told = element("span", { class: "told" });
    this.caption.append(this.told);
    this.figure = element(
      "figure",
      {},
      this.caption,
      note ? element("p", { class: "note" }, note) : null,
      this.waiting,
      this.canvas,
    );
    parent.append(this.figure);
    /** @type {((colours: import("views/theme").Colours) => object) | null} */
    this.option = null;
    this.chart = echarts.init(this.canvas, null, { renderer: "canvas" });
    new ResizeObserver(() => this.chart.resize()).observe(this.canvas);
    onTurn(() => this.#apply());
  }

  /**
   * @param {(colours: import("views/theme").Colours) => object} option ECharts' option in these colours
   * @param {string} told what the chart shows, in words
   */
  draw(option, told) {
    this.option = option;
    this.waiting.remove();
    this.told.textContent = told;
    this.#apply();
  }

  #apply() {
    if (this.option === null) return;
    const shades = colours();
    /** @type {any} */
    const option = { ...common(shades), ...this.option(shades) };
    const legend = { ...option.legend, ...entries([option.series].flat()) };
    this.chart.setOption({ ...option, legend }, { replaceMerge: ["series"] });
  }
}

/**
 * What all charts have.
 * @param {import("views/theme").Colours} shades
 */
function common(shades) {
  return {
    animation: false,
    textStyle: { color: shades.soft, fontFamily: "system-ui, sans-serif" },
    grid: { left: 56, right: 24, top: 40, bottom: 40 },
    legend: { type: "scroll", top: 4, left: 0, textStyle: { color: shades.ink }, inactiveColor: shades.line },
    tooltip: tooltip(shades, "axis"),
  };
}

/**
 * The legend's entries, each drawn as its series is: a line without points has none there either, an area is a box.
 * @param {any[]} series
 */
function entries(series) {
  const lines = series.some(({ type }) => type === "line");
  return {
    itemWidth: lines ? 30 : 14,
    data: series.map(({ name, symbol, areaStyle }) => {
      if (areaStyle) return { name, icon: "rect" };
      return symbol === "none" ? { name, itemStyle: { opacity: 0 } } : { name };
    }),
  };
}

/**
 * What hovering tells, for all series at a place of the axis or for one item. A `formatter` gives an element: a string
 * would be read as markup.
 * @param {import("views/theme").Colours} shades
 * @param {"axis" | "item"} trigger
 * @param {(found: any) => HTMLElement} [formatter]
 */
export function tooltip(shades, trigger, formatter) {
  const textStyle = { color: shades.ink };
  const told = formatter ? { formatter } : {};
  return { trigger, backgroundColor: shades.surface, borderColor: shades.line, textStyle, confine: true, ...told };
}

/**
 * An axis of numbers in the page's colours.
 * @param {import("views/theme").Colours} shades
 * @param {string} name with its unit
 * @param {object} [more] ECharts' own options
 */
export function axis(shades, name, more = {}) {
  return {
    type: "value",
    name,
    nameLocation: "middle",
    nameGap: 28,
    nameTextStyle: { color: shades.soft },
    axisLine: { show: true, lineStyle: { color: shades.line } },
    axisLabel: { color: shades.soft, hideOverlap: true },
    splitLine: { lineStyle: { color: shades.line, opacity: 0.5 } },
    ...more,
  };
}

/**
 * The axis of a search's steps.
 * @param {import("views/theme").Colours} shades
 */
export function steps(shades) {
  return axis(shades, "search step", { min: "dataMin", max: "dataMax" });
}

/**
 * For a series over a search's steps: lines where another search begins, of another seed or method, whose gates begin anew.
 * @param {import("views/theme").Colours} shades
 * @param {import("views/run").Measures} measures
 */
export function seedStarts(shades, { steps, seed_number: seeds = [] }) {
  const starts = seeds.flatMap((seed, at) =>
    at > 0 && seed !== seeds[at - 1] ? [{ xAxis: steps[at - 1], seed }] : [],
  );
  if (starts.length === 0) return {};
  const label = {
    formatter: (/** @type {any} */ { data }) => `search ${data.seed}`,
    color: shades.soft,
    position: "insideEndTop",
  };
  const lineStyle = { color: shades.soft, type: "dashed" };
  return { markLine: { silent: true, symbol: "none", precision: 0, lineStyle, label, data: starts } };
}

/**
 * Points of two columns; where one has null, the line has a gap.
 * @param {number[]} x
 * @param {(number | null)[]} y
 */
export function points(x, y) {
  return x.map((value, at) => [value, y[at]]);
}
