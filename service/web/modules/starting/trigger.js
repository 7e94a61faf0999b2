// @ts-check
/** A trigger: its condition, what holds it back, what it saw, and what can be done with it. */

import { answered, get, part, post, request } from "pages/api";
import { act, confirm, openForm, say } from "pages/form";
import { hasPlace } from "pages/starting/backfill";
import { folded } from "pages/refill";
import { whatIf, wouldFire } from "pages/starting/evaluation";
import { editTrigger } from "pages/starting/trigger-form";
import { condition, observations, quietInWords } from "pages/starting/words";
import { ago, duration, moment } from "views/format";
import { badge, element, empty, preformatted, scrolling, timeOf } from "views/dom";

/**
 * @param {{trigger: any, evaluations: import("schemas").EvaluationPage}} found
 * @param {import("pages/starting/schedule").Context} context
 */
export function triggerCard({ trigger, evaluations }, context) {
  const path = `${context.path}/triggers/${part(trigger.id)}`;
  return element(
    "article",
    { class: "card", id: trigger.id },
    element(
      "div",
      { class: "row" },
      element("h3", { id: named(trigger) }, condition(trigger.when)),
      element("span", { class: "row" }, states(trigger)),
    ),
    element("p", { class: "note" }, rules(trigger)),
    Object.keys(trigger.overrides).length > 0 &&
      folded(
        `overrides ${trigger.id}`,
        "Overrides",
        preformatted("Overrides", JSON.stringify(trigger.overrides, null, 2)),
      ),
    context.may && element("div", { class: "row" }, actions(trigger, path, context)),
    seen(trigger, evaluations, path),
  );
}

/** The id of its heading. @param {import("schemas").TriggerView} trigger */
function named({ id }) {
  return `${id}-when`;
}

/** When it may fire again after its last fire. @param {any} trigger */
function coolUntil({ fired_at, cooldown_seconds }) {
  return fired_at === null ? 0 : Date.parse(fired_at) + 1000 * cooldown_seconds;
}

/** @param {any} trigger */
function states(trigger) {
  const until = coolUntil(trigger);
  return [
    trigger.enabled ? badge("enabled", "good") : badge("disabled", "busy"),
    trigger.dry_run && badge("dry run: it makes no job", "busy"),
    until > Date.now() && badge(`in cooldown until ${moment(new Date(until).toISOString())}`),
  ];
}

/** @param {any} trigger */
function rules(trigger) {
  const fired = trigger.fired_at ? `last fired ${ago(trigger.fired_at)}` : "has not fired yet";
  const looked = trigger.evaluated_at && `last evaluated ${ago(trigger.evaluated_at)}`;
  const cools = `cooldown ${duration(trigger.cooldown_seconds)}`;
  const told = [fired, looked, cools, trigger.quiet_hours && quietInWords(trigger.quiet_hours)]
    .filter(Boolean)
    .join("; ");
  return `${told[0].toUpperCase()}${told.slice(1)}.`;
}

/**
 * @param {import("schemas").TriggerView} trigger
 * @param {string} path
 * @param {import("pages/starting/schedule").Context} context
 */
function actions(trigger, path, { path: root, changed }) {
  const button = (/** @type {string} */ text, /** @type {(button: HTMLElement) => void} */ action, danger = false) => {
    const made = element(
      "button",
      {
        onclick: () => action(made),
        class: danger ? "danger" : null,
        "data-key": `${text} ${trigger.id}`,
        "aria-describedby": named(trigger),
      },
      text,
    );
    return made;
  };
  const edit = async () => {
    const { content, etag } = await answered("GET", path);
    editTrigger(root, { settings: content, etag }, changed);
  };
  const turn = async () => {
    await request("PATCH", path, { body: { enabled: !trigger.enabled }, match: `"${trigger.version}"` });
    changed();
  };
  return [
    button("Would it fire now?", (made) => act(made, () => wouldFire(path))),
    button("What if …", () => whatIf(path, trigger)),
    trigger.enabled && button("Fire now", () => fire(trigger, path, changed)),
    button(trigger.enabled ? "Disable" : "Enable", (made) => act(made, turn)),
    button("Edit", (made) => act(made, edit)),
    button("Delete", () => remove(trigger, path, changed), true),
  ];
}

/**
 * @param {import("schemas").TriggerView} trigger
 * @param {string} path
 * @param {() => void} changed
 */
function fire(trigger, path, changed) {
  const partition = hasPlace(trigger.overrides)
    ? [{ name: "partition", label: "Partition", required: true, help: "What {partition} in the overrides stands for." }]
    : [];
  openForm({
    title: "Fire the trigger now?",
    note: trigger.dry_run
      ? "It is in dry-run mode: that is recorded, and no job is made."
      : "It makes a job, whatever its condition.",
    fields: [...partition, { name: "force", label: "Ignore quiet hours and the cooldown", kind: "check" }],
    send: "Fire now",
    submit: (values) => post(`${path}/fire`, values),
    onDone: (made) => {
      say(
        made.job_id
          ? ["Started ", element("a", { href: `/jobs/${part(made.job_id)}` }, "a job"), "."]
          : "Recorded; no job was made.",
      );
      changed();
    },
  });
}

/**
 * @param {import("schemas").TriggerView} trigger
 * @param {string} path
 * @param {() => void} changed
 */
function remove(trigger, path, changed) {
  confirm({
    title: "Delete the trigger?",
    note: `${condition(trigger.when)}. The trigger and its evaluations go for good. Jobs that it started stay.`,
    send: "Delete",
    danger: true,
    submit: () => request("DELETE", path, { match: `"${trigger.version}"` }),
    onDone: changed,
  });
}

/**
 * What it saw last.
 * @param {import("schemas").TriggerView} trigger
 * @param {import("schemas").EvaluationPage} page
 * @param {string} path
 */
function seen(trigger, page, path) {
  if (page.evaluations.length === 0) {
    return empty(
      trigger.when.kind === "manual"
        ? "Nobody has fired it yet."
        : "It hasn't been evaluated yet; an enabled trigger is evaluated every minute.",
    );
  }
  const body = element("tbody", {}, page.evaluations.map(row));
  const heads = ["Time", "Result", "Reason", "Observed"].map((text) => element("th", { scope: "col" }, text));
  const caption = element("caption", {}, "Last evaluations; an unchanged result is recorded once an hour");
  const table = element("table", {}, caption, element("thead", {}, element("tr", {}, heads)), body);
  return scrolling("Evaluations", table, older(page.next, path, body));
}

/**
 * @param {number | null} cursor
 * @param {string} path
 * @param {HTMLElement} body
 * @returns {HTMLElement | null}
 */
function older(cursor, path, body) {
  if (cursor === null) return null;
  const button = element("button", { onclick: () => act(button, more) }, "Show older");
  const more = async () => {
    const page = await get(`${path}/evaluations`, { cursor, limit: 50 });
    body.append(...page.evaluations.map(row));
    cursor = page.next;
    button.hidden = cursor === null;
  };
  return button;
}

/** @param {any} evaluation */
function row({ time, fired, dry_run, reason, observed, job_id }) {
  const failed = observed.error && badge("error", "bad");
  const came = fired ? badge(dry_run ? "would have fired" : "fired", "good") : badge("didn't fire");
  const job = job_id && element("a", { href: `/jobs/${part(job_id)}`, "data-key": job_id }, "its job");
  const cells = [timeOf(time), [failed || came, " ", job], reason, observations(observed)];
  return element(
    "tr",
    {},
    cells.map((cell, at) => element("td", { class: at > 1 ? "free" : null }, cell)),
  );
}
