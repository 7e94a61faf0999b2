// @ts-check
/** A job, as it happens. */

import { get, part, Problem } from "pages/api";
import { RunData } from "pages/job/data";
import { Head } from "pages/job/head";
import { StageProgress } from "pages/job/stage";
import { Views } from "pages/job/views";
import { hasEnded } from "pages/job/words";
import { atMostEvery, Connection, follow } from "pages/live";
import { element, fill } from "views/dom";

const DRAWN_EVERY = 900;
// The run writes its history a few seconds after the report that it belongs to.
const HISTORY_LATER = 6000;
const CLOCK = 5000;

/**
 * @param {Element} main
 * @param {{job_id: string}} parameters
 * @param {import("pages/start").Caller} caller
 */
export async function show(main, { job_id }, caller) {
  const path = `/v1/jobs/${part(job_id)}`;
  const data = new RunData(path);
  data.take(await get(path));
  const page = new JobPage(main, data, caller);
  await page.views.update();
  page.follow();
}

class JobPage {
  /**
   * @param {Element} main
   * @param {RunData} data with its job
   * @param {import("pages/start").Caller} caller
   */
  constructor(main, data, caller) {
    this.data = data;
    /** @type {(() => void) | null} */
    this.end = null;
    this.connection = new Connection();
    const crumbs = element(
      "nav",
      { class: "crumbs", "aria-label": "Where this is" },
      element("a", { href: "/jobs" }, "Jobs"),
      " / ",
      data.job.id,
    );
    fill(main, crumbs, this.connection.notice);
    this.head = new Head(main, caller, () => this.again());
    this.stage = new StageProgress(main);
    this.views = new Views(main, data);
    document.title = `${data.job.name} · Winnow`;
    this.draw();
  }

  draw() {
    this.head.update(this.data.job);
    this.stage.update(this.data.job);
  }

  /** Read the job itself again, and draw all. */
  async again() {
    try {
      this.data.take(await get(this.data.path));
      if (this.data.job.state === "queued") await this.stage.ask();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.connection.read(false);
      return;
    }
    this.connection.read(true);
    this.draw();
    await this.views.update();
    if (hasEnded(this.data.job)) this.end?.();
  }

  /** Take up what happens, until the job ends. */
  follow() {
    if (hasEnded(this.data.job)) return;
    const drawn = atMostEvery(DRAWN_EVERY, () => this.views.update());
    const again = atMostEvery(DRAWN_EVERY, () => this.again());
    let later = 0;
    const heard = (/** @type {import("pages/live").Event} */ event) => {
      if (event.kind !== "job.snapshot") return again();
      const { job } = this.data;
      job.progress = { ...event.data.progress, gates: job.progress?.gates };
      this.data.progressed(job.progress);
      this.draw();
      drawn();
      window.clearTimeout(later);
      later = window.setTimeout(drawn, HISTORY_LATER);
    };
    const onState = (/** @type {boolean} */ is) => {
      this.connection.streamed(is);
      again();
    };
    const stop = follow(`${this.data.path}/events`, heard, { onState });
    // A place in the queue changes by what other jobs do, and silence is seen by the clock alone.
    const clock = window.setInterval(() => {
      if (document.hidden) return;
      if (this.data.job.state === "queued") return again();
      this.draw();
      drawn();
    }, CLOCK);
    this.end = () => {
      stop();
      this.connection.end();
      window.clearInterval(clock);
      window.clearTimeout(later);
    };
  }
}
