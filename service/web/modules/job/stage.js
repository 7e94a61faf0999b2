// @ts-check
/** Where a job stands: its stages, how far it is in the present one, what it waits for. */

import { get } from "pages/api";
import { hasEnded, position, share, stageOf } from "pages/job/words";
import { element, fill, section } from "views/dom";
import { ago, count, decimal, duration, words } from "views/format";
import { STAGES } from "views/states";

export class StageProgress {
  /** @param {Element} parent */
  constructor(parent) {
    this.steps = element("ol", { class: "stages" });
    this.bar = /** @type {HTMLProgressElement} */ (
      element("progress", { max: 1, "aria-label": "Progress of the stage" })
    );
    this.told = element("p", { role: "status", class: "stage-status" });
    this.numbers = element("p", { class: "soft" });
    this.place = section("Progress", this.steps, this.bar, this.told, this.numbers);
    parent.append(this.place);
    /** @type {import("schemas").Queue | null} */
    this.queue = null;
  }

  /** @param {import("pages/job/words").Job} job */
  update(job) {
    const progress = job.progress;
    this.place.hidden = hasEnded(job);
    if (this.place.hidden) return;
    const now = stageOf(job);
    const at = STAGES.findIndex((stage) => stage === now);
    const stages = job.dry_run ? STAGES.slice(0, 1) : STAGES;
    fill(this.steps, ...stages.map((stage, place) => step(stage, place - at)), step("done", stages.length - at));
    const done = at < 0 || job.state === "starting" ? null : share(progress);
    this.bar.hidden = at < 0;
    if (done === null) this.bar.removeAttribute("value");
    else this.bar.value = done;
    fill(
      this.told,
      at < 0 ? this.#waits(job) : `${sentence(now)}${job.state === "starting" ? "" : comma(position(progress))}`,
    );
    fill(this.numbers, at < 0 ? "" : numbers(progress));
  }

  /** What a job in the queue waits for is asked anew each time. */
  async ask() {
    this.queue = await get("/v1/queue", { limit: 1 });
  }

  /** @param {import("pages/job/words").Job} job */
  #waits(job) {
    if (job.not_before && Date.parse(job.not_before) > Date.now()) {
      return `Waiting for its next attempt, ${ago(job.not_before)}, after an attempt was lost.`;
    }
    const place = job.position ? `Number ${count(job.position)} in the queue. ` : "It is being handed to Ray. ";
    if (!this.queue) return place;
    if (this.queue.problem) return `${place}${this.queue.problem}.`;
    if (!job.position) return place;
    const { jobs, jobs_per_model } = this.queue.limits;
    const limits = `${count(this.queue.running)} running; at most ${count(jobs)} run at once, ${count(jobs_per_model)} of a model.`;
    return `${place}It starts when the jobs before it have, and there is room: ${limits}`;
  }
}

/**
 * @param {string} stage
 * @param {number} away from the present one: before it if negative
 */
function step(stage, away) {
  const [mark, told] = away < 0 ? ["✓", "done"] : away > 0 ? ["", "to come"] : ["●", "running"];
  return element(
    "li",
    {
      "aria-current": away === 0 ? "step" : null,
      class: away < 0 ? "over" : null,
    },
    element("span", { "aria-hidden": "true" }, mark),
    words(stage),
    element("span", { class: "visually-hidden" }, `, ${told}`),
  );
}

/** @param {string} stage */
function sentence(stage) {
  if (stage === "validating") return "Validating the spec against the data";
  if (stage === "starting") return "Starting: the workers start and read the data";
  const text = words(stage);
  return text[0].toUpperCase() + text.slice(1);
}

/** @param {string} text */
function comma(text) {
  return text && `: ${text}`;
}

/** @param {import("views/run").Progress | null} progress */
function numbers(progress) {
  const parts = [
    progress?.loss !== undefined && `loss ${decimal(progress.loss)}`,
    progress?.rows_per_second && `${count(Math.round(progress.rows_per_second))} rows/s`,
    progress?.step_seconds && `${decimal(1000 * progress.step_seconds, 1)} ms a step`,
    progress?.advanced_at &&
      Date.now() / 1000 - progress.advanced_at > 60 &&
      `no step for ${duration(Date.now() / 1000 - progress.advanced_at)}`,
  ];
  return parts.filter(Boolean).join(" · ");
}
