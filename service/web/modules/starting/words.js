// @ts-check
/** Schedules and triggers in words, and times where a schedule is and where the reader is. */

import { count, duration } from "views/format";
import { element, table, timeOf } from "views/dom";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const SHORT = /** @type {Record<string, string>} */ ({
  mon: "Monday",
  tue: "Tuesday",
  wed: "Wednesday",
  thu: "Thursday",
  fri: "Friday",
  sat: "Saturday",
  sun: "Sunday",
});
const NUMBER = /^\d+$/;
const STEP = /^\*\/(\d+)$/;

/** The reader's own zone. */
export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * The common forms of a cron expression in words; null for any other.
 * @param {string} cron
 * @returns {string | null}
 */
export function cronInWords(cron) {
  const [minute, hour, day, month, weekday] = cron.split(" ");
  if (month !== "*") return null;
  const every = day === "*" && weekday === "*";
  const minutes = STEP.exec(minute)?.[1];
  if (minutes && hour === "*" && every) return `every ${minutes} minutes`;
  if (!NUMBER.test(minute)) return null;
  const past = minute === "0" ? "on the hour" : `at ${minute} past`;
  if (hour === "*" && every) return `every hour, ${past}`;
  const hours = STEP.exec(hour)?.[1];
  if (hours && every) return `every ${hours} hours, ${past}`;
  if (!NUMBER.test(hour)) return null;
  const time = `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (every) return `every day at ${time}`;
  if (day === "*") return weekdays(weekday) && `${weekdays(weekday)} at ${time}`;
  return weekday === "*" && NUMBER.test(day) ? `on day ${day} of each month at ${time}` : null;
}

/** @param {string} field */
function weekdays(field) {
  const range = /^([0-7])-([0-7])$/.exec(field);
  if (range) return `${DAYS[Number(range[1])]} to ${DAYS[Number(range[2])]}`;
  return /^[0-7](,[0-7])*$/.test(field) ? `every ${listed(field.split(",").map((day) => DAYS[Number(day)]))}` : null;
}

/** @param {string[]} names */
function listed(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/**
 * A time by the wall clock of a zone: "2026-01-31 09:05".
 * @param {string} iso
 * @param {string} zone
 */
export function inZone(iso, zone) {
  // Swedes write as ISO 8601 does.
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" }).format(
    new Date(iso),
  );
}

/**
 * Times as a table: the reader's, and beside them the schedule's where that is another zone.
 * @param {string[]} times
 * @param {string} zone the schedule's
 * @param {string} caption
 */
export function timesTable(times, zone, caption) {
  const zones = zone === HERE ? [] : [zone];
  const head = [`Your time (${HERE})`, ...zones];
  const rows = times.map((time) =>
    element(
      "tr",
      {},
      element("td", {}, timeOf(time)),
      zones.map((other) => element("td", {}, inZone(time, other))),
    ),
  );
  return table("Times", head, rows, caption ? element("caption", {}, caption) : null);
}

/**
 * A trigger's condition in words.
 * @param {any} when
 */
export function condition(when) {
  if (when.kind === "candidates")
    return `When ${count(when.threshold)} features became candidates since the last selection`;
  if (when.kind === "latency") {
    const over = `When the 99th percentile of serving latency is over ${when.max_seconds} s`;
    if (when.query) return `${over}, by Prometheus: ${when.query}`;
    return `${over}, the median of at least ${count(when.min_reports)} reports within ${duration(when.window_seconds)}`;
  }
  if (when.kind === "freshness") {
    const complete = when.marker ? `, complete with its file ${when.marker}` : "";
    return `When a new partition comes: ${when.pattern}${complete}`;
  }
  return "Only when someone fires it";
}

/**
 * @param {{start: string, end: string, timezone: string, days: string[]}} quiet
 */
export function quietInWords({ start, end, timezone, days }) {
  const on = days.length === 7 ? "every day" : listed(days.map((day) => SHORT[day]));
  return `quiet from ${start} to ${end} (${timezone}), ${on}`;
}

/**
 * What was observed, in a line.
 * @param {Record<string, any>} observed
 */
export function observations(observed) {
  return Object.entries(observed)
    .map(([name, value]) => `${name.replaceAll("_", " ")}: ${value ?? "–"}`)
    .join(", ");
}
