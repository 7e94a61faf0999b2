// @ts-check
/** What starts a model's jobs without anyone asking: schedules and triggers. */

import { all, find, get, part } from "pages/api";
import { atMostEvery, follow } from "pages/live";
import { tabs } from "pages/model-tabs";
import { again, refill } from "pages/refill";
import { scheduleCard } from "pages/starting/schedule";
import { editSchedule } from "pages/starting/schedule-form";
import { triggerCard } from "pages/starting/trigger";
import { editTrigger } from "pages/starting/trigger-form";
import { element, empty, fill, section } from "views/dom";

const PAUSE = 2000;
const RECENT = 10;
const KINDS = ["schedule.*", "trigger.*", "job.state"].map((kind) => `kind=${kind}`).join("&");

/**
 * @param {Element} main
 * @param {{model: string}} parameters
 * @param {import("pages/start").Caller} caller
 */
export async function show(main, { model }, caller) {
  const path = `/v1/models/${part(model)}`;
  const may = caller.scopes.includes("submit");
  await get(path);
  const [schedules, triggers] = [element("div"), element("div")];

  const load = async () => {
    const found = await loaded(path);
    const redo = { model, path, may, changed: soon };
    refill(
      schedules,
      found.schedules.length ? found.schedules.map((each) => scheduleCard(each, redo)) : noSchedule(may),
    );
    refill(triggers, found.triggers.length ? found.triggers.map((each) => triggerCard(each, redo)) : noTrigger(may));
  };
  const soon = atMostEvery(PAUSE, again(load));
  fill(
    main,
    element("h1", {}, model),
    tabs(model, "starting"),
    section(
      "Schedules",
      may &&
        element(
          "p",
          {},
          element("button", { class: "primary", onclick: () => editSchedule(path, null, soon) }, "New schedule"),
        ),
      schedules,
    ),
    section(
      "Triggers",
      may &&
        element(
          "p",
          {},
          element("button", { class: "primary", onclick: () => editTrigger(path, null, soon) }, "New trigger"),
        ),
      triggers,
    ),
  );
  await load();
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  follow(`/v1/events?model=${part(model)}&${KINDS}`, soon, { onReturn: soon });
}

/**
 * Schedules with what is due and what was, and triggers with what they saw.
 * @param {string} path
 */
async function loaded(path) {
  const [schedules, triggers] = await Promise.all([
    all(`${path}/schedules`, "schedules"),
    all(`${path}/triggers`, "triggers"),
  ]);
  const withTimes = schedules.map(async (schedule) => {
    const of = `${path}/schedules/${part(schedule.id)}`;
    const [due, fires] = await Promise.all([find(`${of}/next`, { count: 10 }), find(`${of}/fires`, { limit: RECENT })]);
    // One that was deleted meanwhile has neither.
    return due && fires ? [{ schedule, times: due.times, fires }] : [];
  });
  const withEvaluations = triggers.map(async (trigger) => {
    const evaluations = await find(`${path}/triggers/${part(trigger.id)}/evaluations`, { limit: RECENT });
    return evaluations ? [{ trigger, evaluations }] : [];
  });
  return {
    schedules: (await Promise.all(withTimes)).flat(),
    triggers: (await Promise.all(withEvaluations)).flat(),
  };
}

/** @param {boolean} may */
function noSchedule(may) {
  return empty(
    `No job of this model starts by the clock. ${may ? "Make a schedule to start one every night, for instance." : "Someone whose key may submit can make a schedule."}`,
  );
}

/** @param {boolean} may */
function noTrigger(may) {
  return empty(
    `No job of this model starts by a condition. ${may ? "Make a trigger to start one when candidates have accumulated, latency is too high, or new data has come." : "Someone whose key may submit can make a trigger."}`,
  );
}
