// @ts-check
/** The critical-difference diagram (Demšar 2006, Figure 1): methods along the axis of mean ranks, the best to the left;
 * a bar joins those whose ranks don't differ by the critical difference. */

import { element, fresh, scrolling } from "views/dom";
import { count, decimal } from "views/format";

const WIDTH = 860;
const LEAST = 640;
const SIDE = 230;
const AXIS = 64;
const LINE = 22;
const BAR = 9;
const LONGEST = 28;

/**
 * @param {Element} parent takes the figure as its last child
 * @param {import("views/benchmark").Ranks} ranks
 */
export function criticalDifference(parent, ranks) {
  const { methods, cliques, critical_difference: difference } = ranks;
  const last = Math.max(2, methods.length);
  const at = (/** @type {number} */ rank) => SIDE + ((rank - 1) / (last - 1)) * (WIDTH - 2 * SIDE);
  const start = AXIS + 18 + BAR * cliques.length;
  const left = Math.ceil(methods.length / 2);
  const height = start + LINE * left + 8;
  const id = fresh("ranks");
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-labelledby": id });
  drawing.style.cssText = `display: block; width: 100%; min-width: ${LEAST}px; max-width: ${WIDTH}px; color: var(--ink); font-size: 13px`;
  drawing.append(...reach(at, last, difference), ...scale(at, last));
  methods.forEach((method, place) => {
    const row = place < left ? place : methods.length - 1 - place;
    drawing.append(...label(method, at(method.mean_rank), start + LINE * row, place < left));
  });
  const rank = new Map(methods.map(({ method, mean_rank }) => [method, mean_rank]));
  cliques.forEach((group, place) => {
    const [from, to] = [group[0], group[group.length - 1]].map((name) => at(rank.get(name) ?? 1));
    const y = AXIS + 12 + BAR * place;
    drawing.append(line(from - 5, y, to + 5, y, { "stroke-width": 4, "stroke-linecap": "round" }));
  });
  const told = methods.map(({ method, mean_rank: own }) => `${method} ${decimal(own, 2)}`).join(", ");
  const caption = element(
    "figcaption",
    { id },
    "Mean ranks of test AUC",
    element("span", { class: "told" }, `best first: ${told}`),
  );
  const blocks = `${count(ranks.blocks)} ${ranks.blocks === 1 ? "block" : "blocks"}`;
  const note = `Over ${blocks}: a backbone, a data set and a seed, with the mean over the ratios. A bar joins methods that aren't told apart at 5 %.`;
  parent.append(
    element("figure", {}, caption, element("p", { class: "note" }, note), scrolling("Mean ranks", drawing)),
  );
}

/**
 * How far apart ranks have to be, above the axis; at most as far as the axis reaches.
 * @param {(rank: number) => number} at
 * @param {number} last
 * @param {number} difference
 */
function reach(at, last, difference) {
  const end = Math.min(1 + difference, last);
  const more = 1 + difference > last ? ", more than the axis is long" : "";
  return [
    line(at(1), 24, at(end), 24, { "stroke-width": 2 }),
    ...[1, end].map((rank) => line(at(rank), 19, at(rank), 29)),
    text(at(1), 14, `critical difference ${decimal(difference, 2)}${more}`, "start"),
  ];
}

/**
 * @param {(rank: number) => number} at
 * @param {number} last
 */
function scale(at, last) {
  const ticks = Array.from({ length: last }, (_, place) => place + 1);
  return [
    line(at(1), AXIS, at(last), AXIS),
    ...ticks.flatMap((rank) => [
      line(at(rank), AXIS - 6, at(rank), AXIS),
      text(at(rank), AXIS - 11, String(rank), "middle"),
    ]),
  ];
}

/**
 * A method's rank on the axis, joined with its name at the side.
 * @param {{method: string, mean_rank: number}} method
 * @param {number} x
 * @param {number} y
 * @param {boolean} toTheLeft
 */
function label({ method, mean_rank: rank }, x, y, toTheLeft) {
  const edge = toTheLeft ? SIDE - 14 : WIDTH - SIDE + 14;
  const name = method.length <= LONGEST ? method : `${method.slice(0, LONGEST - 1)}…`;
  const shown = text(
    toTheLeft ? edge - 6 : edge + 6,
    y + 4,
    `${name} ${decimal(rank, 2)}`,
    toTheLeft ? "end" : "start",
  );
  const whole = svg("title", {});
  whole.textContent = method;
  shown.append(whole);
  return [line(x, AXIS, x, y), line(x, y, edge, y), shown];
}

/**
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 * @param {Record<string, string | number>} [more]
 */
function line(x1, y1, x2, y2, more = {}) {
  return svg("line", { x1, y1, x2, y2, stroke: "currentColor", ...more });
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} told
 * @param {"start" | "middle" | "end"} anchor
 */
function text(x, y, told, anchor) {
  const made = svg("text", { x, y, "text-anchor": anchor, fill: "currentColor" });
  made.textContent = told;
  return made;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return /** @type {SVGElement} */ (made);
}
