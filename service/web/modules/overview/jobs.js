// @ts-check
/** Jobs that haven't ended, and how far they are. */

import { part } from "pages/api";
import { refill } from "pages/refill";
import { ago, count, duration, percent, words } from "views/format";
import { badge, element, empty, fill, section } from "views/dom";

/** @returns {{root: Element, update: (found: any) => void, progress: (event: import("pages/live").Event) => void}} */
export function jobList() {
  const body = element("div");
  /** @type {Map<string, HTMLElement>} */
  const places = new Map();
  return {
    root: section("Running and waiting jobs", body),
    update({ jobs, running, waiting }) {
      places.clear();
      if (jobs.length === 0) {
        return fill(
          body,
          empty("No job runs or waits. Start a selection on a model's page, by a schedule, or by a trigger."),
        );
      }
      const order = [...jobs].sort((one, other) => Number(one.state === "queued") - Number(other.state === "queued"));
      const items = order.map((job) => {
        const place = element("div", {}, status(job, job.progress));
        places.set(job.id, place);
        return element("li", {}, head(job), place);
      });
      const more = running + waiting - jobs.length;
      refill(
        body,
        element("ul", { class: "plain" }, items),
        more > 0 && element("p", {}, element("a", { href: "/jobs" }, `${count(more)} more`)),
      );
    },
    progress(event) {
      const place = places.get(event.job_id ?? "");
      if (place) fill(place, status({ state: event.data.progress.stage }, event.data.progress));
    },
  };
}

/** @param {import("schemas").JobSummary} job */
function head(job) {
  const link = element("a", { href: `/jobs/${part(job.id)}`, "data-key": job.id }, job.name);
  const of = job.model && job.model !== job.name ? ` of ${job.model}` : "";
  const asked = job.cancel_requested && badge("to be cancelled", "busy");
  return element(
    "div",
    { class: "row spread" },
    element("span", {}, link, ` #${job.number}`, of),
    element("span", { class: "row" }, asked, badge(words(job.state), job.state === "queued" ? "plain" : "busy")),
  );
}

/**
 * @param {{state: string, position?: number | null, started_at?: string | null}} job
 * @param {any} progress
 */
function status(job, progress) {
  if (job.state === "queued") {
    return element(
      "p",
      { class: "note" },
      job.position ? `number ${count(job.position)} in the queue` : "waits for its next attempt",
    );
  }
  if (!progress?.total_steps)
    return element("p", { class: "note" }, job.started_at ? `started ${ago(job.started_at)}` : words(job.state));
  const share = progress.step / progress.total_steps;
  const left = progress.eta ? `, ${duration(progress.eta)} left` : "";
  const told = `${words(progress.stage)}: step ${count(progress.step)} of ${count(progress.total_steps)} (${percent(share)})${left}`;
  return [element("progress", { value: share, max: 1, "aria-label": told }), element("p", { class: "note" }, told)];
}
