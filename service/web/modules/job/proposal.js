// @ts-check
/** The prune list that a job proposed. */

import { get, part } from "pages/api";
import { element } from "views/dom";
import { words } from "views/format";

/** @type {Map<string, Promise<import("schemas").ListEntry>>} */
const known = new Map();

/**
 * The list that came of a job that succeeded; null where it proposed none. It is asked for once.
 * @param {import("pages/job/words").Job} job
 */
export function proposal(job) {
  if (!job.model || !job.prune_list) return Promise.resolve(null);
  const before = known.get(job.id);
  if (before) return before;
  const found = entry(job.model, job.prune_list);
  known.set(job.id, found);
  found.catch(() => known.delete(job.id));
  return found;
}

/**
 * A list as others show it, without its content.
 * @param {string} model
 * @param {number} number
 * @returns {Promise<import("schemas").ListEntry>}
 */
async function entry(model, number) {
  const page = await get(`/v1/models/${part(model)}/prune-lists`, { cursor: number + 1, limit: 1 });
  return page.prune_lists[0];
}

/** @param {import("schemas").ListEntry} list */
export function proposalLink({ model, number, state }) {
  const href = `/models/${part(model)}/lists/${number}`;
  if (state === "proposed") return element("a", { href, class: "button" }, `Review prune list ${number}`);
  return element("a", { href }, `Prune list ${number} (${words(state)})`);
}

/**
 * Why a job that succeeded proposed no list; its reason tells the guard's too, which stands with the outcome.
 * @param {string | null} reason the job's
 */
export function unproposed(reason) {
  const at = reason?.indexOf("no list is proposed") ?? -1;
  return at < 0 ? reason : `${reason?.[at].toUpperCase()}${reason?.slice(at + 1)}.`;
}

/**
 * The way from a job's outcome to the list.
 * @param {Element} parent
 * @returns {{update: (run: import("views/run").Run, job: import("pages/job/words").Job) => Promise<void>}}
 */
export function nextStep(parent) {
  const place = element("p", { hidden: true });
  parent.append(place);
  return {
    async update(_run, job) {
      const list = job.state === "succeeded" ? await proposal(job) : null;
      place.hidden = list === null;
      if (list) place.replaceChildren(proposalLink(list));
    },
  };
}
