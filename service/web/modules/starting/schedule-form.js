// @ts-check
/** Making and editing a schedule, with the times that it would be due. */

import { Problem, post, request } from "pages/api";
import { openForm, say } from "pages/form";
import { timesTable } from "pages/starting/words";
import { element, fill } from "views/dom";

const HOUR = 3600;
const PAUSE = 250;
const MISSED = /** @type {[string, string][]} */ ([
  ["skip", "skip"],
  ["once", "run the newest"],
  ["all", "run all"],
]);
const BESIDE = /** @type {[string, string][]} */ ([
  ["forbid", "start no other"],
  ["allow", "start another beside it"],
  ["replace", "replace it"],
]);

/**
 * @param {string} path the model's
 * @param {{settings: any, etag: string | null} | null} present null for a new one
 * @param {() => void} changed
 */
export function editSchedule(path, present, changed) {
  const settings = present?.settings ?? {
    timezone: "UTC",
    missed: "skip",
    concurrency: "forbid",
    catch_up_seconds: 24 * HOUR,
    overrides: {},
  };
  const times = element("div", { class: "preview", role: "status" });
  const preview = previewer(path, times);
  openForm({
    title: present ? `Edit ${settings.name}` : "New schedule",
    fields: fields(settings, times),
    send: present ? "Save" : "Create schedule",
    onInput: preview,
    submit: (values) => {
      const body = read(values);
      if (!present) return post(`${path}/schedules`, body);
      return request("PATCH", `${path}/schedules/${settings.id}`, { body, match: present.etag });
    },
    onDone: (made) => {
      say(`${made.name} is saved.`);
      changed();
    },
  });
}

/**
 * @param {any} settings
 * @param {HTMLElement} times
 * @returns {(import("pages/fields").Field | Node)[]}
 */
function fields(settings, times) {
  const zones = ["UTC", ...Intl.supportedValuesOf("timeZone")];
  const list = element(
    "datalist",
    { id: "zones" },
    zones.map((zone) => element("option", { value: zone })),
  );
  const late = (/** @type {any} */ values) => values.missed !== "skip";
  return [
    { name: "name", label: "Name", value: settings.name, required: true },
    {
      name: "cron",
      label: "Cron expression",
      value: settings.cron,
      required: true,
      help: "Minute, hour, day of month, month, day of week: 30 2 * * * is every day at 2:30.",
      attributes: { spellcheck: "false" },
    },
    { name: "timezone", label: "Time zone", value: settings.timezone, required: true, attributes: { list: "zones" } },
    list,
    times,
    {
      name: "start_at",
      label: "Start date (your time)",
      kind: "moment",
      value: settings.start_at,
      required: false,
    },
    {
      name: "end_at",
      label: "End date (your time)",
      kind: "moment",
      value: settings.end_at,
      required: false,
    },
    { name: "missed", label: "Missed runs", kind: "select", options: MISSED, value: settings.missed },
    {
      name: "catch_up_hours",
      label: "Catch up for (hours)",
      path: "catch_up_seconds",
      kind: "number",
      value: settings.catch_up_seconds / HOUR,
      required: true,
      attributes: { min: 0, max: 168 },
      when: late,
    },
    {
      name: "concurrency",
      label: "While a job of the schedule runs",
      kind: "select",
      options: BESIDE,
      value: settings.concurrency,
    },
    {
      name: "overrides",
      label: "Overrides",
      kind: "json",
      value: Object.keys(settings.overrides).length ? settings.overrides : null,
      required: false,
      help: "Laid over the model's spec; {partition} stands for the day of the due time.",
    },
  ];
}

/** @param {import("pages/form").Values} values */
function read({ catch_up_hours, overrides, ...values }) {
  const catchUp = catch_up_hours === undefined ? {} : { catch_up_seconds: Math.round(catch_up_hours * HOUR) };
  return { ...values, ...catchUp, overrides: overrides ?? {} };
}

/**
 * Shows the next times as the expression is typed; what is wrong with it is said at its field.
 * @param {string} path
 * @param {HTMLElement} place
 * @returns {(values: import("pages/form").Values, form: import("pages/form").Open) => void}
 */
function previewer(path, place) {
  let timer = 0;
  let last = "";
  let asked = new AbortController();
  return ({ cron, timezone, start_at, end_at }, form) => {
    const key = JSON.stringify([cron, timezone, start_at, end_at]);
    if (key === last) return;
    last = key;
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void look(), PAUSE);
    const look = async () => {
      for (const name of ["cron", "timezone"]) form.refuse(name, "");
      if (!cron || !timezone)
        return fill(place, element("p", { class: "note" }, "Preview: the next ten times appear here."));
      try {
        const after = start_at && Date.parse(start_at) > Date.now() ? start_at : null;
        const { times } = await request("POST", `${path}/schedules/preview`, {
          body: { cron, timezone, after, count: 10 },
          signal,
        });
        const within = times.filter((/** @type {string} */ time) => !end_at || Date.parse(time) <= Date.parse(end_at));
        fill(
          place,
          within.length
            ? timesTable(within, timezone, "Preview: next times")
            : element("p", { class: "note" }, "Preview: no time lies between the start and the end date."),
        );
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Problem)) throw error;
        fill(place);
        for (const { field, message } of error.errors) form.refuse(field, message);
        if (error.errors.length === 0) fill(place, element("p", { class: "field-error" }, error.message));
      }
    };
  };
}
