// @ts-check
/** The views of a job's page, one open at a time: what is not open is neither fetched nor drawn. */

import { part, Problem } from "pages/api";
import { hasEnded } from "pages/job/words";
import { element, empty, fill, fresh, painted, section } from "views/dom";
import { heatMap } from "views/heat-map";

/**
 * @typedef {import("pages/job/data").RunData} RunData
 * @typedef {import("pages/job/words").Job} Job
 * @typedef {{update: (run: import("views/run").Run, job: Job) => any}} Drawn
 *
 * @typedef {object} View
 * @property {string} key its part of the address, after #
 * @property {string} title
 * @property {import("pages/job/data").Part[]} [parts] of the run document, that it draws
 * @property {(run: import("views/run").Run, job: Job) => boolean} [has] whether there is something to draw
 * @property {(job: Job) => string} [none] what is said where there is nothing
 * @property {(parent: HTMLElement, data: RunData, again: () => void) => Promise<Drawn[]> | Drawn[]} build
 */

const hasGates = (/** @type {import("views/run").Run} */ { grid }) => (grid?.features.length ?? 0) > 0;

/** @type {View[]} */
export const VIEWS = [
  {
    key: "gates",
    title: "Gates",
    parts: ["grid", "measures", "list"],
    has: hasGates,
    none: noGates,
    build: (parent, data, again) => {
      const onSpan = (/** @type {number | null} */ from, /** @type {number | null} */ to) => {
        data.look(from === null || to === null ? null : [from, to]);
        again();
      };
      const onFeature = (/** @type {string} */ feature) => {
        const to = address(data.job)(feature);
        if (to) location.assign(to);
      };
      const [map, below] = [card("Heat map"), card("Polarization")];
      parent.append(map, below);
      return [
        heatMap(map, { onSpan, onFeature }),
        later(async () => (await import("views/polarization")).polarization(below)),
      ];
    },
  },
  {
    key: "features",
    title: "Features",
    parts: ["spec", "grid", "list", "results"],
    has: (run) => run.list !== null || hasGates(run),
    none: noGates,
    build: async (parent, data) => {
      const [{ ranking }, { scatter }] = await Promise.all([import("views/ranking"), import("views/scatter")]);
      const drawn = ranking(parent, data.job.model ? { address: address(data.job) } : {});
      const plots = card("Scores against details and dims");
      parent.append(plots);
      return [drawn, scatter(plots)];
    },
  },
  {
    key: "training",
    title: "Training",
    parts: ["measures", "results"],
    build: async (parent) => {
      const [{ losses }, { workers }] = await Promise.all([import("views/losses"), import("pages/job/workers")]);
      const curves = card("Losses and throughput");
      parent.append(curves);
      return [losses(curves), workers(parent)];
    },
  },
  {
    key: "outcome",
    title: "Outcome",
    parts: ["list", "results"],
    has: ({ list }) => list !== null,
    none: noOutcome,
    build: async (parent) => {
      const [{ nextStep }, { summary }, { curve }, { stageTable }] = await Promise.all([
        import("pages/job/proposal"),
        import("views/summary"),
        import("views/curve"),
        import("views/stages"),
      ]);
      const [sums, points, times] = [card("Summary"), card("Selection curve"), section("Time by stage")];
      parent.append(sums, points, times);
      return [summary(sums), nextStep(sums), curve(points), stageTable(times)];
    },
  },
  {
    key: "log",
    title: "Log",
    build: async (parent, { path }) => [(await import("pages/job/log")).log(parent, path)],
  },
  {
    key: "events",
    title: "Events",
    build: async (parent, { path }) => [(await import("pages/job/events")).events(parent, path)],
  },
  {
    key: "spec",
    title: "Spec",
    parts: ["spec"],
    build: async (parent, { path }) => [(await import("pages/job/spec")).spec(parent, path)],
  },
];
const FIRST = /** @type {Record<string, string>} */ ({ succeeded: "outcome", failed: "log", cancelled: "events" });
const OF_DRY_RUNS = new Set(["check", "log", "events", "spec"]);
/** @type {View} */
const CHECK = {
  key: "check",
  title: "Check",
  has: (run) => Boolean(run.progress?.check),
  none: (job) =>
    hasEnded(job) ? "The check left no findings; see the log." : "The spec is being validated against the data.",
  build: async (parent) => [(await import("pages/job/spec")).check(parent)],
};

/** Open one of the views by the address's part after #, and keep it up to date. */
export class Views {
  /**
   * @param {Element} parent
   * @param {RunData} data with its job
   */
  constructor(parent, data) {
    this.data = data;
    const views = [CHECK, ...VIEWS].filter(({ key }) => (data.job.dry_run ? OF_DRY_RUNS.has(key) : key !== "check"));
    // What a job that has ended is opened for stands first: what came of it, or why nothing did.
    const first = data.job.dry_run ? "check" : FIRST[data.job.state];
    this.views = [...views.filter(({ key }) => key === first), ...views.filter(({ key }) => key !== first)];
    this.links = this.views.map(({ key, title }) => element("a", { href: `#${key}` }, title));
    /** @type {Map<View, Panel>} */
    this.panels = new Map();
    this.place = element("div");
    parent.append(element("nav", { class: "tabs", "aria-label": "Views of this job" }, this.links), this.place);
    addEventListener("hashchange", () => void this.update());
  }

  get open() {
    const asked = location.hash.slice(1);
    return this.views.find(({ key }) => key === asked) ?? this.views[0];
  }

  /** Bring what is open up to date, where it is in sight. */
  async update() {
    const open = this.open;
    this.views.forEach((view, at) => {
      if (view === open) this.links[at].setAttribute("aria-current", "page");
      else this.links[at].removeAttribute("aria-current");
    });
    for (const [view, panel] of this.panels) panel.root.hidden = view !== open;
    let panel = this.panels.get(open);
    if (!panel) {
      panel = new Panel(open, this.data);
      this.panels.set(open, panel);
      this.place.append(panel.root);
    }
    await panel.update();
  }
}

class Panel {
  /**
   * @param {View} view
   * @param {RunData} data
   */
  constructor(view, data) {
    this.view = view;
    this.data = data;
    this.drawing = element("div");
    this.told = element("div", { class: "card" }, loading());
    this.root = element("div", { "data-view": view.key }, this.told, this.drawing);
    /** @type {Promise<Drawn[]> | null} */
    this.drawn = null;
  }

  async update() {
    const { view, data } = this;
    try {
      await data.load(view.parts ?? []);
      const has = view.has?.(data.run, data.job) ?? true;
      if (!has) {
        this.told.hidden = false;
        fill(this.told, empty(view.none?.(data.job) ?? "There is nothing to show."));
        return;
      }
      // Its modules may take a while to come.
      if (this.drawn === null) fill(this.told, loading());
      this.drawn ??= Promise.resolve(view.build(this.drawing, data, () => void this.update()));
      for (const each of await this.drawn) await each.update(data.run, data.job);
      this.told.hidden = true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.told.hidden = false;
      fill(this.told, element("p", { class: "alert" }, error.message));
    }
  }
}

function loading() {
  return element("p", { class: "soft", role: "status" }, "Loading …");
}

/**
 * What is built once the page has painted what stands above it: its library is megabytes.
 * @param {() => Promise<Drawn>} build
 * @returns {Drawn}
 */
function later(build) {
  const built = painted().then(build);
  return { update: async (run, job) => (await built).update(run, job) };
}

/**
 * A card whose heading is read out; on the page its charts' own captions say what it is.
 * @param {string} heading
 */
function card(heading) {
  const id = fresh("card");
  return element("section", { "aria-labelledby": id }, element("h2", { id, class: "visually-hidden" }, heading));
}

/**
 * The addresses of a job's features: a job of no model has none.
 * @param {Job} job
 */
function address(job) {
  return (/** @type {string} */ feature) => (job.model ? `/models/${part(job.model)}/features/${part(feature)}` : "");
}

/** @param {Job} job */
function noGates(job) {
  if (job.state === "queued") return "Gates are seen from the search's first report on. The job waits in the queue.";
  if (!hasEnded(job))
    return "Gates are seen from the search's first report on, which comes some seconds after it began.";
  if (job.progress?.polarization)
    return "The files of this run were deleted, after the time that they are kept for. Its prune list stays. Clone the job to see its gates again.";
  if (job.state === "succeeded") return "Its selector has no gates: it ranks the features without a search.";
  return "It ended before its search had reported any gates. The log may say why.";
}

/** @param {Job} job */
function noOutcome(job) {
  if (!hasEnded(job))
    return "The prune list, its quality and the selection curve are there when the job has succeeded.";
  return `This job ${job.state === "failed" ? "failed" : "was cancelled"}, and left no prune list.`;
}
