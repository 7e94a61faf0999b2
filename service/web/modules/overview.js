// @ts-check
/** How all models stand: what is served, what waits for someone, what runs, and what went wrong. Live. */

import { all, get } from "pages/api";
import { atMostEvery, follow } from "pages/live";
import { alertList } from "pages/overview/alerts";
import { jobList } from "pages/overview/jobs";
import { modelTable } from "pages/overview/models";
import { newModel } from "pages/overview/new";
import { again } from "pages/refill";
import { readiness } from "pages/overview/readiness";
import { count } from "views/format";
import { element, empty, fill } from "views/dom";

const PAUSE = 3000;
const AT_ONCE = 200;
// Told all the time, and nothing here depends on them; jobs' snapshots move their bars directly.
const UNTOLD = new Set(["job.snapshot", "trigger.evaluated"]);

/**
 * @param {Element} main
 * @param {{}} parameters
 * @param {import("pages/start").Caller} caller
 */
export async function show(main, parameters, caller) {
  const admin = caller.scopes.includes("admin") && caller.model === null;
  const told = element("p", { class: "soft", role: "status" });
  const live = element("span", { class: "soft" });
  const create = () => newModel((made) => location.assign(`/models/${encodeURIComponent(made.name)}`));
  const add = admin && element("button", { onclick: create }, "New model");
  const ready = element("div");
  const body = element("div");
  fill(
    main,
    element("h1", {}, "Overview"),
    ready,
    element("div", { class: "row spread" }, told, element("span", { class: "row" }, live, add)),
    body,
  );

  const models = modelTable();
  const jobs = jobList();
  const alerts = alertList(caller);
  const parts = [models.root, element("div", { class: "columns" }, jobs.root, alerts.root)];

  let isReady = true;
  const update = async () => {
    const found = await get("/v1/overview", { limit: AT_ONCE });
    const more = found.next === null ? [] : await all("/v1/overview", "models", { cursor: found.next, limit: AT_ONCE });
    const rows = [...found.models, ...more];
    fill(told, summary(rows, found, isReady));
    if (rows.length === 0 && found.jobs.length === 0) return fill(body, nothingYet(caller, admin ? create : null));
    if (models.root.parentElement !== body) fill(body, ...parts);
    models.update(rows, found.jobs);
    jobs.update(found);
    alerts.update(found, isReady);
  };
  const soon = atMostEvery(PAUSE, again(update));
  const looked = (/** @type {boolean} */ is) => {
    if (is === isReady) return;
    isReady = is;
    soon();
  };
  await Promise.all([update(), readiness(ready, looked)]);
  follow(
    "/v1/events",
    (event) => {
      if (event.kind === "job.snapshot") jobs.progress(event);
      if (!UNTOLD.has(event.kind) || event.data.fired) soon();
    },
    { onState: (connected) => fill(live, connected ? "Live" : "Connecting …"), onReturn: soon },
  );
}

/**
 * @param {any[]} models
 * @param {import("schemas").Overview} found
 * @param {boolean} isReady whether the service is; where it isn't, that is an alert too
 */
function summary(models, { running, waiting, alerts }, isReady) {
  const wrong = alerts.length + (isReady ? 0 : 1);
  const lists = models.reduce((sum, { proposed }) => sum + (proposed?.waiting ?? 0), 0);
  const parts = [
    counted(models.length, "model"),
    `${counted(lists, "prune list")} awaiting review`,
    `${counted(running, "job")} running`,
  ];
  if (waiting) parts.push(`${count(waiting)} waiting`);
  return [parts.join(" · "), " · ", element("a", { href: "#alerts" }, wrong ? counted(wrong, "alert") : "No alerts")];
}

/**
 * @param {number} number
 * @param {string} noun
 */
function counted(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * What to do in a new installation.
 * @param {import("pages/start").Caller} caller
 * @param {(() => void) | null} create
 */
function nothingYet(caller, create) {
  if (caller.model !== null) {
    return empty(
      `This key is for the model ${caller.model}, which isn't there any more. Ask an admin for another key.`,
    );
  }
  const command = "winnow models create feed-ranker --owner ranking-team --spec model.yaml";
  if (!create) {
    return empty(
      "No model is under management yet. Ask an admin to create one:",
      element("p", {}, element("code", {}, command)),
    );
  }
  return empty(
    "No model is under management yet. A model has features, and jobs select among them; begin by creating one.",
    element("p", { class: "row" }, element("button", { class: "primary", onclick: create }, "Create a model")),
    element("p", {}, "Or on the command line: ", element("code", {}, command)),
  );
}
