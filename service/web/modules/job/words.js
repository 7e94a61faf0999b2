// @ts-check
/** Jobs in words: states, stages, origins, positions. */

import { part } from "pages/api";
import { badge, element } from "views/dom";
import { count, duration, percent, words } from "views/format";
import { ENDED } from "views/states";

/**
 * @typedef {import("schemas").JobState} State
 * @typedef {Omit<import("schemas").JobView, "progress"> & {progress: import("views/run").Progress | null}} Job
 */

/** @type {Set<string>} */
const OVER = new Set(ENDED);
/** @type {Partial<Record<State, "good" | "bad" | "busy" | "plain">>} */
const TONES = { queued: "plain", succeeded: "good", failed: "bad", cancelled: "plain" };
const HOW = /** @type {Record<string, string>} */ ({ retry: "as a retry of", clone: "as a clone of" });

/** @param {{state: string}} job */
export function hasEnded(job) {
  return OVER.has(job.state);
}

/** @param {Pick<Job, "state" | "cancel_requested">} job */
export function stateBadge(job) {
  const asked = job.cancel_requested && !hasEnded(job);
  return badge(asked ? `${words(job.state)}, cancelling` : words(job.state), TONES[job.state] ?? "busy");
}

/**
 * @param {string} id
 * @param {string} [name]
 */
export function jobLink(id, name = id) {
  return element("a", { href: `/jobs/${part(id)}` }, name);
}

/**
 * What asked for a job, beside who did.
 * @param {any} job
 * @returns {(Node | string)[]} nothing where a person did by a request of their own
 */
export function origin(job) {
  // What an older service made has no name.
  const { kind, id, name = id } = job.origin;
  if (kind === "request" || !id) return kind === "request" ? [] : [`by a ${kind}`];
  if (HOW[kind]) return [`${HOW[kind]} `, jobLink(id, name)];
  if (kind === "revision") return [`to measure list ${id}`];
  const told = `by ${kind} “${name}”`;
  return [job.model ? element("a", { href: `/models/${part(job.model)}/starting#${id}` }, told) : told];
}

/**
 * Seconds that a job took, or has taken so far; null before it started.
 * @param {any} job
 */
export function took(job) {
  if (!job.started_at) return null;
  return ((job.ended_at ? Date.parse(job.ended_at) : Date.now()) - Date.parse(job.started_at)) / 1000;
}

/**
 * The stage of a job's run: its state, but that one which starts may still validate the data. A dry run does only that.
 * @param {{state: string, dry_run?: boolean, progress?: any}} job
 */
export function stageOf({ state, dry_run, progress }) {
  const validates = dry_run || !progress || progress.stage === "validating";
  return state === "starting" && validates ? "validating" : state;
}

/**
 * How far a stage is, as a share of its steps; null where its steps aren't counted.
 * @param {import("views/run").Progress | null | undefined} progress
 */
export function share(progress) {
  return progress?.total_steps ? Math.min(1, (progress.step ?? 0) / progress.total_steps) : null;
}

/**
 * @param {import("views/run").Progress | null | undefined} progress
 * @returns {string} "step 1,200 of 8,000 (15 %), 12 min left", after "search 2 of 3, " where there are several; "" before a step was told
 */
export function position(progress) {
  const done = share(progress);
  if (!progress || done === null) return progress?.step ? `step ${count(progress.step)}` : "";
  const left = progress.eta && progress.eta > 0 ? `, ${duration(progress.eta)} left` : "";
  const seed = progress.seeds ? `search ${count(progress.seed_number)} of ${count(progress.seeds)}, ` : "";
  return `${seed}step ${count(progress.step)} of ${count(progress.total_steps)} (${percent(done)})${left}`;
}
