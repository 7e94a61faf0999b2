// @ts-check
/** The picture of a heat map: its cells pixel by pixel, names or ranks beside them, steps below, the cursor. */

import { pixelsByByte } from "views/cividis";
import { count } from "views/format";

const PIXELS = pixelsByByte();
const [NAMES, RANKS] = [190, 64];
const [ABOVE, BELOW, RIGHT] = [1, 40, 32];
const READABLE = 11;

/**
 * @typedef {{left: number, top: number, width: number, height: number}} Plot where the cells lie, in CSS pixels
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("views/gate-field").Field} field
 * @returns {Plot}
 */
export function plotOf(canvas, field) {
  const [from, to] = field.rowsInSight;
  const height = canvas.clientHeight - ABOVE - BELOW;
  const left = height / (to - from) >= READABLE ? NAMES : RANKS;
  return { left, top: ABOVE, width: Math.max(1, canvas.clientWidth - left - RIGHT), height };
}

/**
 * The rows that a line of pixels stands for: more than one where there are more rows than pixels.
 * @param {import("views/gate-field").Field} field
 * @param {number} share of the plot's height
 * @param {number} lines how many the plot has
 * @returns {[number, number]}
 */
export function rowsAt(field, share, lines) {
  const [from, to] = field.rowsInSight;
  const line = Math.min(lines - 1, Math.floor(share * lines));
  const begin = Math.floor(from + (line / lines) * (to - from));
  const end = Math.floor(from + ((line + 1) / lines) * (to - from));
  return [begin, Math.min(Math.max(begin + 1, end), to)];
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("views/gate-field").Field} field
 * @param {import("views/theme").Colours} shades
 */
export function paint(canvas, field, shades) {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const plot = plotOf(canvas, field);
  if (field.rows.length > 0) {
    const [width, height] = [Math.round(plot.width * ratio), Math.round(plot.height * ratio)];
    context.putImageData(cells(field, width, height), Math.round(plot.left * ratio), Math.round(plot.top * ratio));
  }
  context.scale(ratio, ratio);
  context.strokeStyle = shades.line;
  context.strokeRect(plot.left - 0.5, plot.top - 0.5, plot.width + 1, plot.height + 1);
  context.fillStyle = shades.soft;
  context.font = "11.5px system-ui, sans-serif";
  if (plot.left === NAMES) names(context, field, plot);
  else ranks(context, field, plot);
  steps(context, field, plot);
  if (field.cursor) cursor(context, field, plot);
}

/**
 * @param {import("views/gate-field").Field} field
 * @param {number} width in pixels of the screen
 * @param {number} height
 */
function cells(field, width, height) {
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const columns = columnsOf(field, width);
  const line = new Uint8Array(field.grid.steps.length);
  let [begin, end] = [-1, -1];
  for (let y = 0; y < height; y += 1) {
    const [from, to] = rowsAt(field, (y + 0.5) / height, height);
    if (from === begin && to === end) {
      pixels.copyWithin(y * width, (y - 1) * width, y * width);
      continue;
    }
    [begin, end] = [from, to];
    field.line(from, to, line);
    for (let x = 0; x < width; x += 1) if (columns[x] >= 0) pixels[y * width + x] = PIXELS[line[columns[x]]];
  }
  return image;
}

/**
 * The column under each pixel of a line.
 * @param {import("views/gate-field").Field} field
 * @param {number} width
 */
function columnsOf(field, width) {
  const [from, to] = field.stepsInSight;
  return Int32Array.from({ length: width }, (_, x) => field.columnOf(from + ((x + 0.5) / width) * (to - from)));
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("views/gate-field").Field} field
 * @param {Plot} plot
 */
function names(context, field, { left, top, height }) {
  const [from, to] = field.rowsInSight;
  const tall = height / (to - from);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (let row = Math.floor(from); row < to; row += 1) {
    const name = field.grid.features[field.rows[row]];
    context.fillText(fitting(context, name, left - 14), left - 8, top + (row + 0.5 - from) * tall);
  }
}

/**
 * A name that is too wide loses its middle: names of one family differ at the end.
 * @param {CanvasRenderingContext2D} context
 * @param {string} name
 * @param {number} width
 */
function fitting(context, name, width) {
  const letters = [...name];
  const cut = (/** @type {number} */ kept) =>
    kept >= letters.length
      ? name
      : `${letters.slice(0, Math.ceil(kept / 2)).join("")}…${letters.slice(letters.length - Math.floor(kept / 2)).join("")}`;
  let kept = Math.min(letters.length, 60);
  while (kept > 2 && context.measureText(cut(kept)).width > width) kept -= 1;
  return cut(kept);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("views/gate-field").Field} field
 * @param {Plot} plot
 */
function ranks(context, field, { left, top, height }) {
  const [from, to] = field.rowsInSight;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const rank of ticks(from + 1, to, height / 40)) {
    const y = top + ((rank - 0.5 - from) / (to - from)) * height;
    context.fillRect(left - 5, y, 4, 1);
    context.fillText(count(rank), left - 8, y);
  }
  context.save();
  context.translate(10, top + height / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText("features by newest gate", 0, 0);
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("views/gate-field").Field} field
 * @param {Plot} plot
 */
function steps(context, field, { left, top, width, height }) {
  const [from, to] = field.stepsInSight;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const step of ticks(from, to, width / 90)) {
    const x = left + ((step - from) / (to - from)) * width;
    context.fillRect(x, top + height + 1, 1, 4);
    context.fillText(count(step), x, top + height + 7);
  }
  context.fillText("search step", left + width / 2, top + height + 23);
}

/**
 * Round numbers from `from` to `to`, at most about `most` of them, and whole ones.
 * @param {number} from
 * @param {number} to
 * @param {number} most
 */
function ticks(from, to, most) {
  const least = Math.max(1, (to - from) / Math.max(1, most));
  const power = 10 ** Math.floor(Math.log10(least));
  const apart = [1, 2, 5, 10].map((times) => times * power).find((width) => width >= least) ?? least;
  const found = [];
  for (let tick = Math.ceil(from / apart) * apart; tick <= to; tick += apart) found.push(tick);
  return found;
}

/**
 * Light within dark: seen on every colour of the scale.
 * @param {CanvasRenderingContext2D} context
 * @param {import("views/gate-field").Field} field
 * @param {Plot} plot
 */
function cursor(context, field, { left, top, width, height }) {
  const { feature, step } = /** @type {{feature: number, step: number}} */ (field.cursor);
  const [row, column] = [field.rows.indexOf(feature), field.columnOf(step)];
  const [first, last] = field.rowsInSight;
  const [from, to] = field.stepsInSight;
  if (row < first || row >= last || column < 0 || step <= from || field.edges[column] >= to) return;
  const x = left + ((field.edges[column] - from) / (to - from)) * width;
  const y = top + ((row - first) / (last - first)) * height;
  const wide = Math.max(6, ((field.edges[column + 1] - field.edges[column]) / (to - from)) * width);
  const tall = Math.max(6, height / (last - first));
  for (const [colour, line] of /** @type {[string, number][]} */ ([
    ["#000", 4],
    ["#fff", 2],
  ])) {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.strokeRect(x, y, wide, tall);
  }
}
