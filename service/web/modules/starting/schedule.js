// @ts-check
/** A schedule: when it is due, what it fired, and what can be done with it. */

import { answered, get, part, post, request } from "pages/api";
import { act, confirm, openForm, say } from "pages/form";
import { folded } from "pages/refill";
import { backfill, cancelBackfill, hasPlace } from "pages/starting/backfill";
import { editSchedule } from "pages/starting/schedule-form";
import { HERE, cronInWords, inZone, timesTable } from "pages/starting/words";
import { ago, duration, moment } from "views/format";
import { badge, element, preformatted, scrolling, timeOf } from "views/dom";

/**
 * @typedef {{model: string, path: string, may: boolean, changed: () => void}} Context `may` change things
 */

const MISSED = /** @type {Record<string, string>} */ ({
  skip: "missed runs: skip",
  once: "missed runs: run the newest",
  all: "missed runs: run all",
});
const BESIDE = /** @type {Record<string, string>} */ ({
  allow: "runs may overlap",
  forbid: "no run starts while one runs",
  replace: "a new run replaces a running one",
});
const TONES = /** @type {Record<string, "good" | "bad" | "busy" | "plain">} */ ({
  started: "good",
  skipped: "busy",
  pending: "plain",
});

/**
 * @param {{schedule: import("schemas").ScheduleView, times: string[], fires: import("schemas").FirePage}} found
 * @param {Context} context
 */
export function scheduleCard({ schedule, times, fires }, context) {
  const path = `${context.path}/schedules/${part(schedule.id)}`;
  const words = cronInWords(schedule.cron);
  const state = schedule.paused ? badge("paused", "busy") : badge("enabled", "good");
  const next = schedule.paused
    ? "Paused: no job starts."
    : schedule.next_at
      ? `Due ${ago(schedule.next_at)}, ${both(schedule.next_at, schedule.timezone)}.`
      : "It has no further times.";
  return element(
    "article",
    { class: "card", id: schedule.id },
    element(
      "div",
      { class: "row spread" },
      element("h3", {}, schedule.name, " ", state),
      context.may && element("div", { class: "row" }, actions(schedule, fires, path, context)),
    ),
    element(
      "p",
      {},
      words && `${words[0].toUpperCase()}${words.slice(1)}, `,
      element("code", {}, schedule.cron),
      ` in ${schedule.timezone}. `,
      next,
    ),
    element("p", { class: "note" }, rules(schedule)),
    Object.keys(schedule.overrides).length > 0 &&
      folded(
        `overrides ${schedule.id}`,
        "Overrides",
        preformatted("Overrides", JSON.stringify(schedule.overrides, null, 2)),
      ),
    folded(
      `next ${schedule.id}`,
      "The next ten times",
      timesTable(times, schedule.timezone, schedule.paused ? "Times if it were not paused" : ""),
    ),
    fired(schedule, fires, path),
  );
}

/**
 * @param {string} iso
 * @param {string} zone
 */
function both(iso, zone) {
  return zone === HERE ? moment(iso) : `${moment(iso)} your time (${inZone(iso, zone)} in ${zone})`;
}

/** @param {import("schemas").ScheduleView} schedule */
function rules({ missed, concurrency, catch_up_seconds, start_at, end_at }) {
  const late = missed === "skip" ? MISSED.skip : `${MISSED[missed]}, within ${duration(catch_up_seconds)}`;
  const from = start_at && `from ${moment(start_at)}`;
  const until = end_at && `until ${moment(end_at)}`;
  const told = [late, BESIDE[concurrency], from, until].filter(Boolean).join("; ");
  return `${told[0].toUpperCase()}${told.slice(1)}.`;
}

/**
 * @param {import("schemas").ScheduleView} schedule
 * @param {import("schemas").FirePage} fires
 * @param {string} path
 * @param {Context} context
 */
function actions(schedule, fires, path, { path: root, changed }) {
  const button = (/** @type {string} */ text, /** @type {(button: HTMLElement) => void} */ action, danger = false) => {
    const made = element(
      "button",
      {
        onclick: () => action(made),
        class: danger ? "danger" : null,
        "data-key": `${text} ${schedule.id}`,
        "aria-label": `${text} ${schedule.name}`,
      },
      text,
    );
    return made;
  };
  const edit = async () => {
    const { content, etag } = await answered("GET", path);
    editSchedule(root, { settings: content, etag }, changed);
  };
  const pause = async () => {
    await post(`${path}/pause`);
    changed();
  };
  const waiting = fires.fires.some((fire) => fire.state === "pending" && fire.origin === "backfill");
  return [
    schedule.paused
      ? button("Resume", () => resume(schedule, path, changed))
      : button("Pause", (made) => act(made, pause)),
    button("Run now", () => run(schedule, path, changed)),
    hasPlace(schedule.overrides) && button("Back-fill", () => backfill(schedule, path, changed)),
    waiting && button("Cancel back-fill", () => cancelBackfill(schedule, path, changed)),
    button("Edit", (made) => act(made, edit)),
    button("Delete", () => remove(schedule, path, changed), true),
  ];
}

/**
 * @param {import("schemas").ScheduleView} schedule
 * @param {string} path
 * @param {() => void} changed
 */
function resume(schedule, path, changed) {
  openForm({
    title: `Resume ${schedule.name}`,
    fields: [
      {
        name: "catch_up",
        label: "Catch up on missed runs",
        kind: "check",
        help: `As set: ${MISSED[schedule.missed]}.`,
      },
    ],
    send: "Resume",
    submit: (values) => post(`${path}/resume`, values),
    onDone: changed,
  });
}

/**
 * @param {import("schemas").ScheduleView} schedule
 * @param {string} path
 * @param {() => void} changed
 */
function run(schedule, path, changed) {
  confirm({
    title: `Run ${schedule.name} now?`,
    note: "It makes the schedule's job at once, paused or not.",
    send: "Run now",
    submit: () => post(`${path}/run`),
    onDone: (fire) => {
      say(["Started ", element("a", { href: `/jobs/${part(fire.job_id)}` }, "a job"), "."]);
      changed();
    },
  });
}

/**
 * @param {import("schemas").ScheduleView} schedule
 * @param {string} path
 * @param {() => void} changed
 */
function remove(schedule, path, changed) {
  confirm({
    title: `Delete ${schedule.name}?`,
    note: "The schedule and the record of its fires go for good. Jobs that it made stay.",
    send: "Delete",
    danger: true,
    submit: () => request("DELETE", path, { match: `"${schedule.version}"` }),
    onDone: changed,
  });
}

/**
 * What came of the last due times.
 * @param {import("schemas").ScheduleView} schedule
 * @param {import("schemas").FirePage} page
 * @param {string} path
 */
function fired(schedule, page, path) {
  if (page.fires.length === 0) return element("p", { class: "note" }, "It has not fired yet.");
  const body = element(
    "tbody",
    {},
    page.fires.map((fire) => row(fire, schedule.timezone)),
  );
  const heads = ["Due time", "Started by", "Partition", "Result", "Reason"].map((text) =>
    element("th", { scope: "col" }, text),
  );
  const table = element(
    "table",
    {},
    element("caption", {}, "The last fires"),
    element("thead", {}, element("tr", {}, heads)),
    body,
  );
  return scrolling("Fires", table, older(page.next, path, body, schedule.timezone));
}

/**
 * @param {number | null} cursor
 * @param {string} path
 * @param {HTMLElement} body
 * @param {string} zone
 * @returns {HTMLElement | null}
 */
function older(cursor, path, body, zone) {
  if (cursor === null) return null;
  const button = element("button", { onclick: () => act(button, more) }, "Show older");
  const more = async () => {
    const page = await get(`${path}/fires`, { cursor, limit: 50 });
    body.append(...page.fires.map((/** @type {import("schemas").FireView} */ fire) => row(fire, zone)));
    cursor = page.next;
    button.hidden = cursor === null;
  };
  return button;
}

/**
 * @param {import("schemas").FireView} fire
 * @param {string} zone
 */
function row(fire, zone) {
  const job = fire.job_id && element("a", { href: `/jobs/${part(fire.job_id)}`, "data-key": fire.job_id }, "its job");
  const cells = [
    timeOf(fire.due_at, `${inZone(fire.due_at, zone)} in ${zone}`),
    fire.origin === "cron" ? "clock" : `${fire.origin}, ${fire.by}`,
    fire.partition || "–",
    [badge(fire.state, TONES[fire.state]), " ", job],
    fire.reason ?? "–",
  ];
  return element(
    "tr",
    {},
    cells.map((cell) => element("td", {}, cell)),
  );
}
