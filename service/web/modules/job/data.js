// @ts-check
/** A job's run document, fetched part by part: of what grows only what is new, and never more often than it is worth. */

import { answered, find, get, Problem } from "pages/api";
import { hasEnded } from "pages/job/words";
import { listOf } from "views/run";

/**
 * @typedef {"spec" | "list" | "results" | "measures" | "grid"} Part
 * @typedef {import("views/run").Measures} Measures
 */

const POINTS = 1000;
const MOST_POINTS = 3 * POINTS;
const COLUMNS = 200;
// A picture of a search is behind by a sixtieth of it at most: what came since would be a few pixels wide.
const LEAST_PAUSE = 4000;
const MOST_PAUSE = 60_000;
const LOOKS = 60;
// Reports add to the measures in between: what is brought anew only makes up for what they leave out.
const LOOKS_AT_MEASURES = 20;
// A grid of many features is a megabyte, and no eye sees it change within seconds.
const CELLS_AT_THAT_PAUSE = 200_000;

export class RunData {
  /** @param {string} path the job's, below which its parts are */
  constructor(path) {
    this.path = path;
    /** Null until it is taken: parts may be asked for before. @type {import("pages/job/words").Job} */
    this.job = /** @type {any} */ (null);
    /** @type {import("views/run").Run} */
    this.run = { spec: null, progress: null, list: null, results: null, measures: null, grid: null };
    /** @type {Measures | null} */
    this.measures = null;
    /** @type {Map<string, string | null>} */
    this.etags = new Map();
    /** @type {Map<Part, number>} */
    this.due = new Map();
    /** @type {Map<Part, Promise<void>>} */
    this.under_way = new Map();
    /** @type {[number, number] | null} */
    this.span = null;
  }

  /** @param {import("pages/job/words").Job} job as the API has it */
  take(job) {
    const anew = this.job && (this.job.attempt !== job.attempt || hasEnded(this.job) !== hasEnded(job));
    this.job = job;
    if (anew) this.due.clear();
    this.progressed(job.progress);
  }

  /** @param {import("views/run").Progress | null} progress */
  progressed(progress) {
    const before = this.run.progress;
    this.run.progress = progress;
    const known = this.measures?.steps.at(-1) ?? 0;
    // An attempt goes on from its checkpoint: what an earlier one measured beyond it no longer counts.
    const back = progress?.stage === "searching" && (progress.step ?? 0) < known;
    if (back || (before && progress?.attempt !== before.attempt)) {
      this.run.measures = this.measures = null;
      this.due.delete("measures");
    }
    this.run.measures = withNewest(this.run.measures, progress);
  }

  /**
   * Bring parts up to date, each where it is due.
   * @param {Part[]} parts
   */
  async load(parts) {
    await Promise.all(parts.filter((part) => Date.now() >= (this.due.get(part) ?? 0)).map((part) => this.#once(part)));
  }

  /**
   * Show the grid between two steps, as finely as its columns allow; null is the whole search.
   * @param {[number, number] | null} span
   */
  look(span) {
    this.span = span;
    this.etags.delete("gates/grid");
    this.due.delete("grid");
  }

  /** @param {Part} part */
  #once(part) {
    const going = this.under_way.get(part);
    if (going) return going;
    const made = this.#fetch(part).finally(() => this.under_way.delete(part));
    this.under_way.set(part, made);
    return made;
  }

  /** @param {Part} part */
  async #fetch(part) {
    const begun = this.job;
    const pause = await this.#bring(part);
    // What an ended job has stays as it is. One that ended meanwhile may have more than was brought.
    if (begun === this.job || !hasEnded(this.job ?? { state: "" }))
      this.due.set(part, begun && hasEnded(begun) ? Infinity : Date.now() + pause);
  }

  /**
   * @param {Part} part
   * @returns {Promise<number>} milliseconds in which it isn't worth asking again
   */
  async #bring(part) {
    const succeeded = this.job?.state === "succeeded" && !this.job.dry_run;
    if (part === "measures") return this.#measures();
    if (part === "grid") return this.#grid();
    if (part === "spec") {
      this.run.spec ??= await get(`${this.path}/spec`);
      return Infinity;
    }
    if (succeeded && part === "list") this.run.list ??= listOf(await get(`${this.path}/prune-list`));
    if (succeeded && part === "results") this.run.results ??= await find(`${this.path}/results`);
    return 0;
  }

  async #measures() {
    const before = this.measures;
    // Points are added as they come, each of one snapshot, until it is worth having them all anew.
    const known = before && before.steps.length <= MOST_POINTS ? before : null;
    const query = { after_step: known?.steps.at(-1), points: POINTS };
    const found = await this.#changed("measures", query, before !== null);
    if (found && before === this.measures) {
      this.measures = known ? joined(known, found.content) : found.content;
      this.etags.set("measures", found.etag);
      this.run.measures = withNewest(this.measures, this.run.progress);
    }
    return this.#pause(LOOKS_AT_MEASURES);
  }

  async #grid() {
    const span = this.span;
    const [from_step, to_step] = span ?? [];
    const found = await this.#changed("gates/grid", { columns: COLUMNS, from_step, to_step }, true);
    if (found && span === this.span) {
      this.run.grid = found.content;
      this.etags.set("gates/grid", found.etag);
    }
    const cells = this.run.grid ? this.run.grid.features.length * this.run.grid.steps.length : 0;
    return Math.max(this.#pause(LOOKS), (LEAST_PAUSE * cells) / CELLS_AT_THAT_PAUSE);
  }

  /**
   * Milliseconds between two looks at what grows with the search.
   * @param {number} looks how many there are while it grows to what it is now
   */
  #pause(looks) {
    const age = Date.now() - Date.parse(this.job?.started_at ?? new Date().toISOString());
    return Math.min(MOST_PAUSE, Math.max(LEAST_PAUSE, age / looks));
  }

  /**
   * What is at a path, and its ETag; null where that is what was brought last.
   * @param {string} name
   * @param {import("pages/api").Query} query
   * @param {boolean} held whether what was brought last is still held
   */
  async #changed(name, query, held) {
    const known = held && this.etags.get(name);
    try {
      const headers = known ? { "If-None-Match": known } : undefined;
      return await answered("GET", `${this.path}/${name}`, { query, headers });
    } catch (error) {
      if (error instanceof Problem && error.status === 304) return null;
      throw error;
    }
  }
}

/**
 * @param {Measures} known
 * @param {Measures} found what came after it
 * @returns {Measures}
 */
function joined(known, found) {
  if (found.steps.length === 0) return known;
  const later = /** @type {Record<string, any>} */ (found);
  const columns = Object.entries(known).map(([name, values]) => [
    name,
    Array.isArray(values) ? [...values, ...later[name]] : values,
  ]);
  return Object.fromEntries(columns);
}

/**
 * Measures up to the newest report: the run writes them to its history every few seconds, and its progress sooner.
 * What progress doesn't tell stays for these seconds as it was measured last.
 * @param {Measures | null} measures
 * @param {import("views/run").Progress | null} progress
 * @returns {Measures | null}
 */
export function withNewest(measures, progress) {
  const last = measures?.steps.at(-1);
  if (!measures || last === undefined || progress?.stage !== "searching" || !progress.polarization) return measures;
  const step = progress.step ?? 0;
  if (step <= last) return measures;
  /** @type {Record<string, any>} */
  const told = { ...progress, ...progress.polarization };
  const columns = Object.entries(measures).map(([name, values]) => {
    if (!Array.isArray(values)) return [name, values];
    return [name, [...values, name === "steps" ? step : (told[name] ?? values.at(-1))]];
  });
  return Object.fromEntries(columns);
}
