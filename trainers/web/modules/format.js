// @ts-check
/** Numbers and times as people read them. Null becomes "–". */

const NOTHING = "–";
const whole = new Intl.NumberFormat("en");

/** @param {number | null | undefined} value */
export function count(value) {
  return value === null || value === undefined ? NOTHING : whole.format(value);
}

/**
 * @param {number | null | undefined} value
 * @param {number} [digits] after the point
 */
export function decimal(value, digits = 4) {
  return value === null || value === undefined || !Number.isFinite(value) ? NOTHING : value.toFixed(digits);
}

const TERMS = /** @type {Record<string, string>} */ ({ finetuning: "fine-tuning" });

/**
 * A name of the API or a file as people read it: "rolled_back" → "rolled back", "finetuning" → "fine-tuning".
 * @param {string} name
 */
export function words(name) {
  return TERMS[name] ?? name.replaceAll("_", " ");
}

/**
 * A share of 1 in percent.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function percent(value, digits = 0) {
  return value === null || value === undefined ? NOTHING : `${(100 * value).toFixed(digits)} %`;
}

/**
 * 11,695,840 → "11.7 MB".
 * @param {number | null | undefined} value
 */
export function bytes(value) {
  if (value === null || value === undefined) return NOTHING;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${at === 0 || value >= 100 ? whole.format(Math.round(value)) : value.toFixed(1)} ${units[at]}`;
}

/**
 * An amount of a budget: "12 dims", "11.7 MB", "cost 0.3".
 * @param {number} amount
 * @param {"dims" | "bytes" | "cost"} unit
 */
export function inUnit(amount, unit) {
  if (unit === "bytes") return bytes(amount);
  return unit === "dims" ? `${count(amount)} dims` : `cost ${Number(amount.toPrecision(10))}`;
}

/**
 * A length of time: 3725 → "1 h 2 min".
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NOTHING;
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/**
 * How long ago or ahead a time is: "5 min ago", "in 2 h 3 min".
 * @param {string | null | undefined} iso
 * @param {number} [now] milliseconds since 1970
 */
export function ago(iso, now = Date.now()) {
  if (!iso) return NOTHING;
  const seconds = (now - Date.parse(iso)) / 1000;
  return seconds >= 0 ? `${duration(seconds)} ago` : `in ${duration(-seconds)}`;
}

/**
 * A time in the reader's own zone: "2026-01-31 09:05".
 * @param {string | null | undefined} iso
 */
export function moment(iso) {
  if (!iso) return NOTHING;
  const time = new Date(iso);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}`;
}

/**
 * A value as a cell of CSV: text that a spreadsheet would take for a formula gets a quote in front.
 * @template T
 * @param {T} value
 * @returns {T | string}
 */
export function csvCell(value) {
  return typeof value === "string" ? value.replace(/^'*[=+\-@\t\r]/, "'$&") : value;
}
