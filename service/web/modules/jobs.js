// @ts-check
/** All jobs, newest first, as they go on. */

import { all, get, part, Problem } from "pages/api";
import { openNewJob } from "pages/job/new";
import { hasEnded, origin, position, share, stageOf, stateBadge, took } from "pages/job/words";
import { atMostEvery, Connection, follow } from "pages/live";
import { SortedTable } from "pages/sorted-table";
import { element, empty, fill } from "views/dom";
import { ago, count, duration, moment, words } from "views/format";
import { signed } from "views/guard";
import { ENDED, STAGES, STATES } from "views/states";

const LIMIT = 50;
const PAUSE = 1500;
const TYPING = 250;
const GROUPS = /** @type {Record<string, readonly string[]>} */ ({ running: STAGES, ended: ENDED });

/**
 * @param {Element} main
 * @param {object} _parameters
 * @param {import("pages/start").Caller} caller
 */
export async function show(main, _parameters, caller) {
  const models = (await all("/v1/models", "models", { limit: 200 })).map(({ name }) => name);
  const page = new JobsPage(main, caller, models);
  await page.update();
  page.follow();
}

class JobsPage {
  /**
   * @param {Element} main
   * @param {import("pages/start").Caller} caller
   * @param {string[]} models
   */
  constructor(main, caller, models) {
    this.asked = new URLSearchParams(location.search);
    /** @type {any[]} */
    this.jobs = [];
    /** @type {Set<string>} */
    this.chosen = new Set();
    this.connection = new Connection();
    this.told = element("p", { class: "soft", role: "status" });
    this.place = element("div", { class: "card" });
    /** @type {SortedTable<any>} */
    this.table = new SortedTable("Jobs", this.#columns());
    this.pages = element("nav", { class: "row end", "aria-label": "Pages of jobs" });
    this.compare = /** @type {HTMLButtonElement} */ (element("button", { onclick: () => this.#compare() }, "Compare"));
    const fresh = () => openNewJob(models, this.asked.get("model"));
    const make = caller.scopes.includes("submit") && models.length > 0;
    fill(
      main,
      element(
        "div",
        { class: "row spread" },
        element("h1", {}, "Jobs"),
        make && element("button", { class: "primary", onclick: fresh }, "New job"),
      ),
      this.connection.notice,
      element("div", { class: "row spread" }, this.#filters(models), this.compare),
      this.told,
      this.place,
      this.pages,
    );
  }

  /** @param {string[]} models */
  #filters(models) {
    const select = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string[]} */ values) => {
      const options = [["", "all"], ...values.map((each) => [each, words(each)])];
      const onchange = (/** @type {Event} */ event) =>
        this.#ask(name, /** @type {HTMLSelectElement} */ (event.target).value);
      const asked = this.asked.get(name) ?? "";
      return element(
        "label",
        {},
        label,
        element(
          "select",
          { onchange },
          options.map(([value, text]) => element("option", { value, selected: value === asked }, text)),
        ),
      );
    };
    return element(
      "form",
      { class: "row", "aria-label": "Filters" },
      select("state", "State", ["queued", "running", "ended", ...STATES.slice(1)]),
      select("model", "Model", models),
      element("label", {}, "Name", this.#search()),
    );
  }

  #search() {
    let timer = 0;
    const typed = () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => this.#ask("name", field.value.trim()), TYPING);
    };
    const field = /** @type {HTMLInputElement} */ (
      element("input", { type: "search", oninput: typed, placeholder: "how it begins", autocomplete: "off" })
    );
    field.value = this.asked.get("name") ?? "";
    return field;
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  #ask(name, value) {
    if (value) this.asked.set(name, value);
    else this.asked.delete(name);
    this.asked.delete("cursor");
    history.pushState(null, "", `/jobs${this.asked.size ? `?${this.asked}` : ""}`);
    void this.again();
  }

  get query() {
    const state = this.asked.get("state");
    return {
      state: state ? (GROUPS[state] ?? [state]) : null,
      model: this.asked.get("model"),
      name: this.asked.get("name"),
      cursor: this.asked.get("cursor"),
      limit: LIMIT,
    };
  }

  async update() {
    const asked = this.asked.toString();
    const [page, queue] = await Promise.all([get("/v1/jobs", this.query), get("/v1/queue", { limit: 1 })]);
    // A filter that was changed meanwhile asks for others.
    if (asked !== this.asked.toString()) return;
    this.jobs = page.jobs;
    const { limits, running, waiting } = queue;
    fill(
      this.told,
      `${count(running)} running, ${count(waiting)} waiting; at most ${count(limits.jobs)} run at once, ${count(limits.jobs_per_model)} of a model.`,
    );
    const older = new URLSearchParams([...this.asked].filter(([name]) => name !== "cursor"));
    const first = `/jobs${older.size ? `?${older}` : ""}`;
    older.set("cursor", String(page.next));
    fill(
      this.pages,
      this.asked.has("cursor") && element("a", { href: first }, "Newest"),
      page.next !== null && element("a", { href: `/jobs?${older}` }, "Older"),
    );
    this.draw();
  }

  /** Update, and say where the service can't be reached. */
  async again() {
    try {
      await this.update();
      this.connection.read(true);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.connection.read(false);
    }
  }

  draw() {
    this.#chosen();
    if (this.jobs.length === 0) return fill(this.place, this.#none());
    if (this.table.root.parentElement !== this.place) fill(this.place, this.table.root);
    this.table.update(this.jobs);
  }

  #none() {
    if (this.asked.size) return empty("No job fits these filters.", element("a", { href: "/jobs" }, "All jobs"));
    return empty(
      "There are no jobs yet. Submit one of a model here by “New job”, or of a spec by the command line:",
      element("pre", {}, `winnow submit spec.yaml --url ${location.origin}`),
    );
  }

  /** @returns {import("pages/sorted-table").Column<any>[]} */
  #columns() {
    const change =
      (/** @type {string} */ metric) =>
      (/** @type {any} */ { outcome }) =>
        outcome?.changes[metric] ?? null;
    const changed = (/** @type {string} */ metric) => (/** @type {any} */ job) => {
      const found = change(metric)(job);
      return found === null ? "–" : signed(found);
    };
    return [
      { title: "", hidden: "Compare", cell: (job) => this.#box(job) },
      { title: "Job", value: ({ number }) => number, number: false, cell: (job) => named(job) },
      {
        title: "State",
        value: ({ state }) => words(state),
        cell: (job) => [stateBadge(job), job.dry_run && small("dry run"), ...progressed(job)],
      },
      { title: "AUC change", number: true, value: change("auc"), cell: changed("auc") },
      { title: "GAUC change", number: true, value: change("gauc"), cell: changed("gauc") },
      { title: "Features pruned", number: true, value: pruned, cell: (job) => prunedOf(job) },
      { title: "Duration", number: true, value: took, cell: (job) => duration(took(job)) },
      { title: "Model", value: ({ model }) => model, cell: modelOf },
      { title: "Started by", value: ({ submitted_by }) => submitted_by, cell: startedBy },
      {
        title: "Submitted",
        number: true,
        value: ({ created_at }) => Date.parse(created_at),
        cell: ({ created_at: at }) => element("time", { datetime: at, title: moment(at) }, ago(at)),
      },
    ];
  }

  /** @param {any} job */
  #box(job) {
    if (job.state !== "succeeded" || job.dry_run) return "";
    const choose = (/** @type {Event} */ event) => {
      if (/** @type {HTMLInputElement} */ (event.target).checked) this.chosen.add(job.id);
      else this.chosen.delete(job.id);
      this.#chosen();
    };
    return element("input", {
      type: "checkbox",
      checked: this.chosen.has(job.id),
      onchange: choose,
      "data-key": `box ${job.id}`,
      "aria-label": `Compare ${job.name}, ${job.id}`,
    });
  }

  #chosen() {
    this.compare.disabled = this.chosen.size < 2;
    this.compare.textContent = this.chosen.size ? `Compare ${this.chosen.size}` : "Compare";
    this.compare.title = this.chosen.size < 2 ? "Tick two or more jobs that succeeded" : "";
  }

  #compare() {
    location.assign(`/compare?jobs=${[...this.chosen].map(part).join(",")}`);
  }

  follow() {
    const again = atMostEvery(PAUSE, () => this.again());
    const draw = atMostEvery(PAUSE, () => this.draw());
    addEventListener("popstate", () => location.reload());
    const heard = (/** @type {import("pages/live").Event} */ event) => {
      if (event.kind !== "job.snapshot") return again();
      const job = this.jobs.find(({ id }) => id === event.job_id);
      if (!job) return;
      job.progress = event.data.progress;
      draw();
    };
    const onState = (/** @type {boolean} */ is) => {
      this.connection.streamed(is);
      again();
    };
    follow("/v1/events?kind=job.*", heard, { onState });
  }
}

/** @param {string} text */
function small(text) {
  return element("small", { class: "soft" }, text);
}

/** @param {any} job */
function named(job) {
  const link = element("a", { href: `/jobs/${part(job.id)}`, "data-key": job.id, title: job.id }, job.name);
  return [link, `\u00a0#${job.number}`];
}

/** @param {any} job */
function modelOf({ id, model }) {
  return model ? element("a", { href: `/models/${part(model)}`, "data-key": `model ${id}` }, model) : "–";
}

/** @param {any} job */
function startedBy(job) {
  const kind = job.origin.kind;
  const how = kind === "request" ? ["by hand"] : origin(job);
  return [job.submitted_by, element("small", { class: "soft" }, how)];
}

/** @param {any} job */
function pruned({ outcome }) {
  return outcome ? outcome.features - outcome.kept : null;
}

/** @param {any} job */
function prunedOf({ outcome }) {
  return outcome ? `${count(outcome.features - outcome.kept)} of ${count(outcome.features)}` : "–";
}

const BEFORE = /** @type {Record<string, string>} */ ({
  validating: "validating the data",
  starting: "workers are starting",
});

/**
 * How far a job that runs is, and why one ended that failed.
 * @param {import("schemas").JobSummary} job
 */
function progressed(job) {
  if (job.state === "queued") return [small(job.position ? `number ${count(job.position)} in the queue` : "waiting")];
  if (job.state === "failed") return [element("small", { class: "soft clip", title: job.reason }, job.reason ?? "")];
  if (hasEnded(job)) return [];
  const done = job.state === "starting" ? null : share(job.progress);
  const bar = element("progress", { max: 1, value: done, "aria-label": `Progress of ${job.name}` });
  return [bar, small(BEFORE[stageOf(job)] ?? position(job.progress))];
}
