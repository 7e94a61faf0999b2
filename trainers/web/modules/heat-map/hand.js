// @ts-check
/** What a reader's hand does on a heat map: point, drag, turn the wheel, press keys. */

import { plotOf, rowsAt } from "views/heat-map/picture";

/** @typedef {import("views/heat-map").HeatMap} HeatMap */

const DRAG = 6;

/**
 * Hover tells a cell, a click chooses its feature, a drag zooms in; the wheel zooms with Ctrl: without, it scrolls the
 * page.
 * @param {HeatMap} map
 */
export function byPointer(map) {
  const { canvas, dragged } = map;
  /** @type {MouseEvent | null} */
  let from = null;
  const release = () => {
    from = null;
    dragged.hidden = true;
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = event;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from) mark(dragged, boxOf(map, from, event));
    map.tell(cellUnder(map, event));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!from) return;
    const box = boxOf(map, from, event);
    release();
    const cell = cellUnder(map, event);
    if (box) zoomInto(map, box);
    else if (cell) map.choose(cell.feature);
  });
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => map.tell());
  canvas.addEventListener("wheel", (event) => turned(map, event), { passive: false });
}

/**
 * Keys move a cursor, zoom, and choose the cursor's feature.
 * @param {HeatMap} map
 */
export function byKeys(map) {
  const far = Number.MAX_SAFE_INTEGER;
  const screen = () => Math.max(1, Math.round(map.field.rowsInSight[1] - map.field.rowsInSight[0]) - 1);
  /** @type {Record<string, () => void>} */
  const actions = {
    ArrowUp: () => map.move(-1, 0),
    ArrowDown: () => map.move(1, 0),
    ArrowLeft: () => map.move(0, -1),
    ArrowRight: () => map.move(0, 1),
    PageUp: () => map.move(-screen(), 0),
    PageDown: () => map.move(screen(), 0),
    Home: () => map.move(0, -far),
    End: () => map.move(0, far),
    "Ctrl+Home": () => map.move(-far, 0),
    "Ctrl+End": () => map.move(far, 0),
    "+": () => map.zoom(0.5),
    "=": () => map.zoom(0.5),
    "-": () => map.zoom(2),
    ">": () => map.zoomSteps(0.5),
    "<": () => map.zoomSteps(2),
    Escape: () => map.all(),
    Enter: () => map.field.cursor && map.choose(map.field.cursor.feature),
  };
  map.canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey) return;
    const act = actions[event.ctrlKey ? `Ctrl+${event.key}` : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/**
 * @param {HeatMap} map
 * @param {WheelEvent} event
 */
function turned(map, event) {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  const by = 1.25 ** Math.sign(event.deltaY || event.deltaX);
  const { x, y } = sharesOf(map, event);
  if (event.shiftKey) map.zoomSteps(by, x);
  else map.zoom(by, y);
}

/**
 * Where it is, as shares of the plot.
 * @param {HeatMap} map
 * @param {MouseEvent} event
 */
function sharesOf(map, event) {
  const { left, top, width, height } = plotOf(map.canvas, map.field);
  const inside = (/** @type {number} */ share) => Math.max(0, Math.min(0.999999, share));
  return { x: inside((event.offsetX - left) / width), y: inside((event.offsetY - top) / height) };
}

/**
 * @param {HeatMap} map
 * @param {MouseEvent} event
 * @returns {import("views/heat-map").Cell | null}
 */
function cellUnder(map, event) {
  const { field, canvas } = map;
  const { x, y } = sharesOf(map, event);
  const [from, to] = field.stepsInSight;
  const column = field.columnOf(from + x * (to - from));
  if (column < 0 || field.rows.length === 0) return null;
  const lines = Math.round(plotOf(canvas, field).height * (devicePixelRatio || 1));
  const [begin, end] = rowsAt(field, y, lines);
  return { feature: field.rows[field.representative(begin, end, column)], column, among: end - begin };
}

/**
 * A part of the plot, in its own pixels; null of a direction is the whole of it.
 * @typedef {{wide: [number, number] | null, tall: [number, number] | null, plot: import("views/heat-map/picture").Plot}} Box
 */

/**
 * What was dragged over. A direction in which it was hardly anything doesn't count; null where none does.
 * @param {HeatMap} map
 * @param {MouseEvent} from
 * @param {MouseEvent} to
 * @returns {Box | null}
 */
function boxOf(map, from, to) {
  const plot = plotOf(map.canvas, map.field);
  const wide = part(from.offsetX - plot.left, to.offsetX - plot.left, plot.width);
  const tall = part(from.offsetY - plot.top, to.offsetY - plot.top, plot.height);
  return wide || tall ? { wide, tall, plot } : null;
}

/**
 * @param {number} one
 * @param {number} other
 * @param {number} size
 * @returns {[number, number] | null}
 */
function part(one, other, size) {
  if (Math.abs(one - other) < DRAG) return null;
  const cut = (/** @type {number} */ at) => Math.max(0, Math.min(size, at));
  return [cut(Math.min(one, other)), cut(Math.max(one, other))];
}

/**
 * @param {HTMLElement} dragged
 * @param {Box | null} box
 */
function mark(dragged, box) {
  dragged.hidden = box === null;
  if (!box) return;
  const [left, right] = box.wide ?? [0, box.plot.width];
  const [top, bottom] = box.tall ?? [0, box.plot.height];
  Object.assign(dragged.style, {
    left: `${box.plot.left + left}px`,
    top: `${box.plot.top + top}px`,
    width: `${right - left}px`,
    height: `${bottom - top}px`,
  });
}

/**
 * @param {HeatMap} map
 * @param {Box} box
 */
function zoomInto(map, { wide, tall, plot }) {
  const { field } = map;
  const [first, last] = field.rowsInSight;
  const [from, to] = field.stepsInSight;
  if (tall) {
    const [top, bottom] = tall.map((at) => first + (at / plot.height) * (last - first));
    field.showRows(top, bottom);
  }
  if (wide) {
    const [left, right] = wide.map((at) => from + (at / plot.width) * (to - from));
    map.showSteps(left, right);
  }
  map.changed();
}
