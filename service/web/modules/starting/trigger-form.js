// @ts-check
/** Making and editing a trigger: its condition by kind, and what holds it back. */

import { post, request } from "pages/api";
import { openForm, say } from "pages/form";
import { element } from "views/dom";

const HOUR = 3600;
const KINDS = /** @type {[string, string][]} */ ([
  ["candidates", "enough features became candidates"],
  ["latency", "serving is too slow"],
  ["freshness", "a new partition of data has come"],
  ["manual", "someone fires it"],
]);
const DAYS = /** @type {[string, string][]} */ (
  ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map((day) => [day, `${day[0].toUpperCase()}${day.slice(1)}`])
);
const SETTINGS = /** @type {Record<string, string[]>} */ ({
  candidates: ["threshold"],
  latency: ["max_seconds", "window_seconds", "min_reports", "query"],
  freshness: ["pattern", "marker"],
  manual: [],
});

/**
 * @param {string} path the model's
 * @param {{settings: any, etag: string | null} | null} present null for a new one
 * @param {() => void} changed
 */
export function editTrigger(path, present, changed) {
  const settings = present?.settings ?? {
    when: { kind: "candidates" },
    cooldown_seconds: HOUR,
    enabled: true,
    dry_run: false,
    quiet_hours: null,
    overrides: {},
  };
  openForm({
    title: present ? "Edit the trigger" : "New trigger",
    fields: [...conditions(settings.when), ...rules(settings)],
    send: present ? "Save" : "Create trigger",
    submit: (values) => {
      const body = read(values);
      if (!present) return post(`${path}/triggers`, body);
      return request("PATCH", `${path}/triggers/${settings.id}`, { body, match: present.etag });
    },
    onDone: () => {
      say("The trigger is saved.");
      changed();
    },
  });
}

/**
 * @param {any} when
 * @returns {import("pages/fields").Field[]}
 */
function conditions(when) {
  const of = (/** @type {string} */ kind) => (/** @type {any} */ values) => values.kind === kind;
  const reported = (/** @type {any} */ values) => values.kind === "latency" && !values.query;
  const whole = { min: 1, step: 1 };
  return [
    { name: "kind", label: "It fires when", kind: "select", options: KINDS, value: when.kind, path: "when.kind" },
    {
      name: "threshold",
      label: "Threshold (new candidates)",
      path: "when.threshold",
      kind: "number",
      value: when.threshold ?? 30,
      required: true,
      attributes: whole,
      when: of("candidates"),
    },
    {
      name: "max_seconds",
      label: "Threshold (99th percentile, seconds)",
      path: "when.max_seconds",
      kind: "number",
      value: when.max_seconds ?? 0.05,
      required: true,
      attributes: { min: 0 },
      when: of("latency"),
    },
    {
      name: "query",
      label: "PromQL query",
      path: "when.query",
      value: when.query,
      required: false,
      help: "One series or a scalar, in seconds. Without it, the latencies reported to this service count.",
      when: of("latency"),
    },
    {
      name: "window_seconds",
      label: "Window (seconds)",
      path: "when.window_seconds",
      kind: "number",
      value: when.window_seconds ?? 600,
      required: true,
      attributes: whole,
      when: reported,
    },
    {
      name: "min_reports",
      label: "Minimum reports",
      path: "when.min_reports",
      kind: "number",
      value: when.min_reports ?? 3,
      required: true,
      attributes: whole,
      when: reported,
    },
    {
      name: "pattern",
      label: "Partitions",
      path: "when.pattern",
      value: when.pattern,
      required: true,
      help: "A folder and names with *, such as s3://lake/clicks/dt=*.",
      when: of("freshness"),
    },
    {
      name: "marker",
      label: "Marker file of a complete partition",
      path: "when.marker",
      value: when.marker,
      required: false,
      help: "Such as _SUCCESS.",
      when: of("freshness"),
    },
  ];
}

/**
 * @param {any} settings
 * @returns {(import("pages/fields").Field | Node)[]}
 */
function rules({ cooldown_seconds, enabled, dry_run, quiet_hours, overrides }) {
  const quiet = (/** @type {any} */ values) => Boolean(values.quiet);
  const zones = element(
    "datalist",
    { id: "zones" },
    ["UTC", ...Intl.supportedValuesOf("timeZone")].map((zone) => element("option", { value: zone })),
  );
  const present = quiet_hours ?? { start: "22:00", end: "06:00", timezone: "UTC", days: DAYS.map(([day]) => day) };
  return [
    {
      name: "cooldown_hours",
      label: "Cooldown (hours)",
      path: "cooldown_seconds",
      kind: "number",
      value: cooldown_seconds / HOUR,
      required: true,
      attributes: { min: 0 },
    },
    { name: "enabled", label: "Enabled", kind: "check", value: enabled },
    {
      name: "dry_run",
      label: "Dry run: evaluate and record, start no job",
      kind: "check",
      value: dry_run,
    },
    { name: "quiet", label: "Quiet hours", kind: "check", value: quiet_hours !== null },
    {
      name: "start",
      label: "Quiet from",
      path: "quiet_hours.start",
      value: present.start,
      required: true,
      attributes: { type: "time" },
      when: quiet,
    },
    {
      name: "end",
      label: "Quiet to",
      path: "quiet_hours.end",
      value: present.end,
      required: true,
      attributes: { type: "time" },
      when: quiet,
    },
    {
      name: "timezone",
      label: "Time zone of quiet hours",
      path: "quiet_hours.timezone",
      value: present.timezone,
      required: true,
      attributes: { list: "zones" },
      when: quiet,
    },
    zones,
    {
      name: "days",
      label: "Days",
      path: "quiet_hours.days",
      kind: "choices",
      options: DAYS,
      value: present.days,
      when: quiet,
    },
    {
      name: "overrides",
      label: "Overrides",
      kind: "json",
      value: Object.keys(overrides).length ? overrides : null,
      required: false,
      help: "Laid over the model's spec; {partition} stands for the new partition.",
    },
  ];
}

/** @param {import("pages/form").Values} values those asked for */
function read({ kind, cooldown_hours, enabled, dry_run, quiet, start, end, timezone, days, overrides, ...conditions }) {
  const when = Object.fromEntries(
    SETTINGS[kind].filter((name) => conditions[name] !== undefined).map((name) => [name, conditions[name]]),
  );
  return {
    when: { kind, ...when },
    cooldown_seconds: Math.round(cooldown_hours * HOUR),
    enabled,
    dry_run,
    quiet_hours: quiet ? { start, end, timezone, days } : null,
    overrides: overrides ?? {},
  };
}
