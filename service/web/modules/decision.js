// @ts-check
/** One prune list: what it says, what another cut would, and whether it is to be served. */

import { find, get, part } from "pages/api";
import { acts } from "pages/decision/acts";
import { snippet } from "pages/decision/next";
import { saveCut, showRevision } from "pages/decision/revision";
import { jobLink, origin } from "pages/job/words";
import { showDiff } from "pages/list/diff";
import { followLists } from "pages/list/live";
import { policy } from "pages/list/policy";
import { by, guardBadge, stateBadge, whoWhen } from "pages/list/words";
import { tabs } from "pages/model-tabs";
import { byDim, choice } from "views/choice";
import { curve } from "views/curve";
import { element, empty, fill, section, table, timeOf } from "views/dom";
import { ranking } from "views/ranking";
import { listOf } from "views/run";
import { summary } from "views/summary";

/**
 * @param {Element} main
 * @param {{model: string, number: string}} parameters `number` may be `active`
 * @param {import("pages/start").Caller} caller
 */
export async function show(main, { model, number }, caller) {
  const path = `/v1/models/${part(model)}`;
  const list = await get(`${path}/prune-lists/${part(number)}`);
  const job = `/v1/jobs/${part(list.job_id)}`;
  const [of, made, spec, results] = await Promise.all([
    get(path),
    get(job),
    find(`${job}/spec`),
    find(`${job}/results`),
  ]);
  const run = { spec, list: listOf(list.content), results, progress: null, measures: null, grid: null };
  const page = new Decision(main, path, { list, job: made, policy: policy(of.policy, caller) }, caller);
  await Promise.all([page.draw(run), page.refresh(list)]);
  followLists(main, model, () => page.refresh());
}

class Decision {
  /**
   * @param {Element} main
   * @param {string} path the model's in the API
   * @param {{list: import("schemas").ListDetail, job: any, policy: string}} found the list, the job that made it, and
   *   who has to agree to it
   * @param {import("pages/start").Caller} caller
   */
  constructor(main, path, { list, job, policy }, caller) {
    this.path = path;
    this.caller = caller;
    this.policy = policy;
    this.model = list.model;
    this.number = list.number;
    this.job = job;
    this.content = listOf(list.content);
    this.shown = "";
    this.head = element("div");
    this.revision = element("div");
    this.summary = section("Summary");
    this.curve = section("Quality and size");
    this.choice = element("div", { class: "columns" }, this.curve);
    this.features = element("div");
    this.diff = element("div");
    this.history = element("div");
    this.title = element("h2");
    const crumbs = element(
      "nav",
      { class: "crumbs", "aria-label": "Where this is" },
      element("a", { href: `/models/${part(this.model)}/lists` }, `Prune lists of ${this.model}`),
      ` / ${this.number}`,
    );
    const diff = element("section", { "aria-label": "Differences" }, this.title, this.diff);
    const below = [this.summary, this.choice, diff, this.features, section("History", this.history)];
    fill(main, crumbs, tabs(this.model, null), this.head, this.revision, below);
    document.title = `Prune list ${this.number} of ${this.model} · Winnow`;
  }

  /** @param {import("views/run").Run} run what stays as it is */
  async draw(run) {
    summary(this.summary).update(run);
    const points = curve(this.curve);
    points.update(run);
    if (!run.results)
      this.curve.append(
        empty(
          "The selection curve was deleted with the run's directory, after the time that it is kept for. The list itself stays.",
        ),
      );
    const next = snippet();
    const save = this.caller.scopes.includes("approve")
      ? saveCut(`${this.path}/prune-lists/${this.number}`, this.model, this.number)
      : null;
    choice(this.choice, {
      onChoose: (cut) => {
        points.mark(cut);
        next.update(cut);
        save?.update(cut);
      },
    }).update(run);
    if (!byDim(run)) this.choice.lastElementChild?.append(...(save ? [save.root] : []), next.root);
    const address = (/** @type {string} */ name) => `/models/${part(this.model)}/features/${part(name)}`;
    await ranking(this.features, { address }).update(run);
  }

  /**
   * Draw what others may change: the list's state, who did what, how it differs from the one that is served.
   * @param {import("schemas").ListEntry} [known]
   */
  async refresh(known) {
    const list = known ?? (await get(`${this.path}/prune-lists`, { cursor: this.number + 1, limit: 1 })).prune_lists[0];
    const active = await get(`${this.path}/prune-lists`, { state: "active", limit: 1 });
    const served = active.prune_lists[0]?.number ?? null;
    const version = JSON.stringify([list.state, list.decided_at, list.activated_at, served]);
    if (version === this.shown) return;
    this.shown = version;
    fill(this.head, ...this.#head(list), facts(list, this.job));
    const may = this.caller.scopes.includes("submit");
    await Promise.all([
      this.#compare(list, served),
      this.#told(),
      showRevision(this.revision, list, this.content, { path: this.path, may }),
    ]);
  }

  /** @param {import("schemas").ListEntry} list */
  #head(list) {
    const title = element("h1", {}, `Prune list ${this.number}`);
    const badges = element("span", { class: "row" }, stateBadge(list.state), guardBadge(list));
    const can = acts(list, this.caller, () => this.refresh());
    return [
      element(
        "div",
        { class: "row spread" },
        element("div", { class: "row" }, title, badges),
        can.length > 0 && element("div", { class: "row below-space" }, can),
      ),
      list.state === "proposed" && element("p", { class: "soft" }, this.policy),
    ];
  }

  /**
   * @param {import("schemas").ListEntry} list
   * @param {number | null} served the active list's number
   */
  async #compare(list, served) {
    const own = list.number === served;
    const from = own ? list.previous : served;
    fill(this.title, own ? "Against the list before" : "Against the active list");
    if (from === null) {
      fill(
        this.diff,
        empty(own ? "There was no active list before this one." : "No list is active: all features are served."),
      );
      return;
    }
    showDiff(this.diff, this.model, await get(`${this.path}/prune-lists/${from}/diff/${list.number}`));
  }

  async #told() {
    const events = await get(`/v1/jobs/${part(this.job.id)}/events`, { kind: "prune_list.*", limit: 1000 });
    const row = (/** @type {any} */ { time, data }, /** @type {import("schemas").ListState} */ state) =>
      element(
        "tr",
        {},
        element("td", {}, timeOf(time)),
        element("td", {}, stateBadge(state)),
        element("td", {}, by(data.by)),
        element("td", { class: "free" }, data.reason ?? "–"),
      );
    if (events.length === 0) {
      fill(this.history, empty("Its events were deleted at the end of their retention."));
      return;
    }
    const rows = events.reverse().map((/** @type {any} */ event) => row(event, event.kind.split(".")[1]));
    fill(this.history, table("History", ["Time", "State", "By", "Reason"], rows));
  }
}

/**
 * @param {import("schemas").ListEntry} list
 * @param {any} job that made it
 */
function facts(list, job) {
  const link = jobLink(job.id, `${job.name} #${job.number}`);
  const asked = origin(job);
  const by = element("span", {}, link, `, submitted by ${job.submitted_by} `, asked);
  const told = /** @type {([string, Node | string] | false)[]} */ ([
    ["Job", list.revision_of === null ? by : link],
    ["Proposed", whoWhen(list.submitted_by, list.proposed_at)],
    list.decided_at !== null && [list.state === "rejected" ? "Rejected" : "Approved", decided(list)],
    list.activated_at !== null && ["Activated", whoWhen(list.activated_by, list.activated_at)],
    list.ended_at !== null && list.state !== "rejected" && ["Ended", whoWhen(null, list.ended_at)],
  ]);
  const rows = told
    .filter((each) => each !== false)
    .flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]);
  return element("dl", { class: "facts" }, rows);
}

/** @param {import("schemas").ListEntry} list */
function decided(list) {
  const why = list.reason && element("q", {}, list.reason);
  return element("span", {}, whoWhen(list.decided_by, list.decided_at), why && ": ", why);
}
