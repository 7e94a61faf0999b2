// @ts-check
/** What happened to a job, and its attempts. */

import { get, part } from "pages/api";
import { element, empty, fill, section, table, timeOf } from "views/dom";
import { duration, words } from "views/format";

const KINDS = ["job.queued", "job.state", "job.cancel_requested", "prune_list.*"];
const MOST = 1000;

/**
 * @param {Element} parent
 * @param {string} path the job's
 * @returns {{update: () => Promise<void>}}
 */
export function events(parent, path) {
  const happened = element("div");
  const attempts = element("div");
  parent.append(section("Events", happened), section("Attempts", attempts));
  return {
    async update() {
      const [found, made] = await Promise.all([
        get(`${path}/events`, { kind: KINDS, limit: MOST }),
        get(`${path}/attempts`),
      ]);
      fill(
        happened,
        found.length ? eventTable(found.reverse()) : empty("Its events were deleted at the end of their retention."),
      );
      fill(attempts, made.length ? attemptTable(made.reverse()) : empty("It has not been submitted to Ray yet."));
    },
  };
}

/** @param {any[]} found newest first */
function eventTable(found) {
  return table(
    "Events",
    ["Time", "Event", "Details"],
    found.map((event) => row([timeOf(event.time), event.kind, told(event)])),
  );
}

/**
 * What an event tells, in words.
 * @param {import("pages/live").Event} event
 */
function told({ kind, data, model }) {
  if (kind === "job.state") {
    const attempt = data.attempt > 1 ? ` (attempt ${data.attempt})` : "";
    return `${words(data.from)} → ${words(data.to)}${attempt}${data.reason ? `: ${data.reason}` : ""}`;
  }
  if (kind.startsWith("prune_list.") && data.number && model) {
    return element("a", { href: `/models/${part(model)}/lists/${part(data.number)}` }, `list ${data.number}`);
  }
  const pairs = Object.entries(data).filter(([, value]) => typeof value !== "object");
  return pairs.map(([name, value]) => `${words(name)} ${value}`).join(", ");
}

/** @param {any[]} found newest first */
function attemptTable(found) {
  return table(
    "Attempts",
    ["Attempt", "Outcome", "Started", "Duration", "Reason"],
    found.map((each) =>
      row([
        String(each.number),
        each.outcome ?? "running",
        timeOf(each.started_at),
        duration(((each.ended_at ? Date.parse(each.ended_at) : Date.now()) - Date.parse(each.started_at)) / 1000),
        each.reason ?? "",
      ]),
    ),
  );
}

/** @param {(string | Node)[]} cells the last is free text */
function row(cells) {
  return element(
    "tr",
    {},
    cells.map((cell, at) => element("td", { class: at === cells.length - 1 ? "free" : null }, cell)),
  );
}
