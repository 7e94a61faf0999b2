// @ts-check
/** The head of a job's page: what it is, why it failed, and what can be done with it. */

import { part, post } from "pages/api";
import { confirm, openForm, say } from "pages/form";
import { proposal, proposalLink, unproposed } from "pages/job/proposal";
import { hasEnded, origin, stateBadge, took } from "pages/job/words";
import { guardBadge } from "pages/list/words";
import { element, fill, timeOf } from "views/dom";
import { ago, count, duration } from "views/format";

const RETRIED = new Set(["failed", "cancelled"]);

export class Head {
  /**
   * @param {Element} parent
   * @param {import("pages/start").Caller} caller
   * @param {() => Promise<void>} again reads the job again
   */
  constructor(parent, caller, again) {
    this.caller = caller;
    this.again = again;
    this.titled = element("div", { class: "row spread" });
    this.told = element("p", { class: "soft" });
    this.failed = element("div");
    this.outcome = element("div");
    this.shown = "";
    parent.append(this.titled, this.told, this.failed, this.outcome);
  }

  /** @param {import("pages/job/words").Job} job */
  update(job) {
    fill(this.told, ...facts(job));
    const version = JSON.stringify([job.state, job.cancel_requested, job.reason]);
    if (version === this.shown) return;
    this.shown = version;
    const heading = element(
      "h1",
      { class: "row" },
      job.name,
      element("span", { class: "soft" }, `#${job.number}`),
      stateBadge(job),
    );
    fill(this.titled, heading, element("div", { class: "row" }, this.#actions(job)));
    fill(this.failed, job.state === "failed" && failure(job));
    if (job.state === "succeeded") void this.#outcome(job);
  }

  /** @param {import("pages/job/words").Job} job */
  #actions(job) {
    if (!this.caller.scopes.includes("submit")) return [];
    const path = `/v1/jobs/${part(job.id)}`;
    const made = (/** @type {import("schemas").JobView} */ found) => location.assign(`/jobs/${part(found.id)}`);
    const cancel = () =>
      confirm({
        title: `Cancel ${job.name}?`,
        note: "Its workers stop, and no prune list comes of it. It can be run again, from the beginning.",
        send: "Cancel the job",
        danger: true,
        submit: () => post(`${path}/cancel`),
        onDone: () => this.again(),
      });
    const retry = () =>
      confirm({
        title: `Run ${job.name} again?`,
        note: "A new job of the same spec is queued.",
        send: "Retry",
        submit: () => post(`${path}/retry`),
        onDone: made,
      });
    return [
      !hasEnded(job) && !job.cancel_requested && element("button", { class: "danger", onclick: cancel }, "Cancel job"),
      RETRIED.has(job.state) && element("button", { class: "primary", onclick: retry }, "Retry"),
      element("button", { onclick: () => clone(job, path, made) }, "Clone"),
    ];
  }

  /** @param {import("pages/job/words").Job} job */
  async #outcome(job) {
    const list = await proposal(job);
    if (list) return fill(this.outcome, element("p", { class: "row" }, guardBadge(list), proposalLink(list)));
    const told = unproposed(job.reason);
    fill(this.outcome, told && element("p", { class: "soft" }, told));
  }
}

/** @param {import("pages/job/words").Job} job */
function facts(job) {
  const asked = origin(job);
  const parts = [
    job.model
      ? ["of ", element("a", { href: `/models/${part(job.model)}` }, job.model)]
      : ["a job of a spec alone, of no model"],
    job.dry_run && ["dry run"],
    [
      `submitted by ${job.submitted_by} `,
      ...asked,
      asked.length ? " " : "",
      timeOf(job.created_at, ago(job.created_at)),
    ],
    job.started_at && [`${job.ended_at ? "took" : "running for"} ${duration(took(job))}`],
    job.ended_at && ["ended ", timeOf(job.ended_at, ago(job.ended_at))],
    !job.ended_at && job.deadline && ["deadline ", timeOf(job.deadline, ago(job.deadline))],
    job.attempt > 1 && [`attempt ${job.attempt}`],
    job.failures > 0 && [`${count(job.failures)} of ${count(job.max_failures)} retries used`],
    job.priority !== 0 && [`priority ${job.priority}`],
  ].filter((each) => each !== false && each !== null && each !== undefined);
  return parts.flatMap((each, at) => /** @type {(Node | string)[]} */ (at ? [" · ", ...each] : each));
}

/** @param {import("pages/job/words").Job} job */
function failure(job) {
  const lost = job.failures > job.max_failures;
  const next = lost
    ? "Its infrastructure ended it each time. See the log and the attempts, and retry when it is well again."
    : "Put right what it names, then clone the job with a changed spec, or retry it where the data was at fault.";
  return element(
    "div",
    { class: "alert", role: "alert" },
    element("strong", {}, "It failed: "),
    job.reason ?? "no reason was left; its log may have more",
    element("p", { class: "soft" }, next, " ", element("a", { href: "#log" }, "Open the log")),
  );
}

/**
 * @param {import("pages/job/words").Job} job
 * @param {string} path
 * @param {(made: any) => void} onDone
 */
function clone(job, path, onDone) {
  openForm({
    title: `Clone ${job.name}`,
    note: "A new job of this one's spec, with your changes laid over it.",
    fields: [
      {
        name: "overrides",
        label: "Changes to the spec, as JSON",
        kind: "json",
        required: false,
        help: 'Such as {"training": {"seed": 1}}; empty runs the same.',
      },
      { name: "priority", label: "Priority", kind: "number", value: job.priority, required: true },
      { name: "dry_run", label: "Dry run: validate the spec against the data", kind: "check", value: job.dry_run },
    ],
    send: "Clone",
    submit: ({ overrides, ...rest }) => post(`${path}/clone`, { overrides: overrides ?? {}, ...rest }),
    onDone: (made) => {
      say("Cloned.");
      onDone(made);
    },
  });
}
