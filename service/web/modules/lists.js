// @ts-check
/** A model's prune lists, newest first, and what differs between two of them. */

import { get, part, Problem } from "pages/api";
import { showDiff } from "pages/list/diff";
import { followLists } from "pages/list/live";
import { by, guardBadge, stateBadge } from "pages/list/words";
import { jobLink, origin } from "pages/job/words";
import { tabs } from "pages/model-tabs";
import { SortedTable } from "pages/sorted-table";
import { element, empty, fill, section } from "views/dom";
import { bytes, count, moment, percent } from "views/format";
import { signed } from "views/guard";

const PAGE = 50;
const JOBS = 200;

/**
 * @param {Element} main
 * @param {{model: string}} parameters
 */
export async function show(main, { model }) {
  const page = new Lists(main, model);
  await page.update();
  followLists(main, model, () => page.update());
}

class Lists {
  /**
   * @param {Element} main
   * @param {string} model
   */
  constructor(main, model) {
    this.model = model;
    this.path = `/v1/models/${part(model)}/prune-lists`;
    this.wanted = PAGE;
    /** @type {any[]} */
    this.lists = [];
    /** @type {Map<string, any>} */
    this.jobs = new Map();
    this.table = element("div");
    /** @type {SortedTable<any>} */
    this.sorted = new SortedTable("All lists", this.#columns(), {
      row: ({ state }) => ({ class: state === "active" ? "active" : null }),
    });
    this.from = /** @type {HTMLSelectElement} */ (element("select", { onchange: () => this.#chosen() }));
    this.to = /** @type {HTMLSelectElement} */ (element("select", { onchange: () => this.#chosen() }));
    const ways = element(
      "div",
      { class: "row" },
      element("label", {}, "From", this.from),
      element("label", {}, "To", this.to),
    );
    this.diff = element("div");
    this.differences = section("Differences", ways, this.diff);
    this.differences.id = "diff";
    this.differences.hidden = true;
    fill(main, element("h1", {}, model), tabs(model, "lists"), section("Prune lists", this.table), this.differences);
    document.title = `Prune lists of ${model} · Winnow`;
  }

  async update() {
    /** @type {any[]} */
    const found = [];
    let cursor = null;
    do {
      const page = await get(this.path, { cursor, limit: PAGE });
      found.push(...page.prune_lists);
      cursor = page.next;
    } while (cursor !== null && found.length < this.wanted);
    if (JSON.stringify(found) === JSON.stringify(this.lists) && found.length > 0) return;
    this.lists = found;
    await this.#name();
    fill(this.table, found.length > 0 ? this.#rows(cursor !== null) : nothing(this.model));
    this.differences.hidden = found.length < 2;
    if (found.length >= 2) await this.#offer();
  }

  /** Learn the names of the jobs that made the lists; those beyond the newest keep their ids. */
  async #name() {
    if (this.lists.every(({ job_id: id }) => this.jobs.has(id))) return;
    const { jobs } = await get("/v1/jobs", { model: this.model, dry_run: false, limit: JOBS });
    this.jobs = new Map(jobs.map((/** @type {any} */ job) => [job.id, job]));
  }

  /** @param {boolean} more whether there are older ones */
  #rows(more) {
    const older = () => {
      this.wanted += PAGE;
      void this.update();
    };
    this.sorted.update(this.lists);
    return [this.sorted.root, more && element("p", {}, element("button", { onclick: older }, "Show older lists"))];
  }

  /** @returns {import("pages/sorted-table").Column<any>[]} */
  #columns() {
    const saved = (/** @type {string} */ key, /** @type {(value: number) => string} */ text) => ({
      number: true,
      value: (/** @type {any} */ { before, after }) => (before[key] > 0 ? 1 - after[key] / before[key] : null),
      cell: (/** @type {any} */ { before, after }) => [
        `${text(before[key])} → ${text(after[key])} `,
        before[key] > 0 && element("small", {}, `−${percent(1 - after[key] / before[key], 1)}`),
      ],
    });
    const change = (/** @type {string} */ metric) => ({
      number: true,
      value: (/** @type {any} */ { changes }) => changes[metric] ?? null,
      cell: (/** @type {any} */ { changes }) => (changes[metric] === undefined ? "–" : signed(changes[metric])),
    });
    const time = (/** @type {string | null} */ iso) => (iso ? Date.parse(iso) : null);
    return [
      { title: "List", value: ({ number }) => number, cell: (list) => this.#link(list) },
      { title: "State", value: ({ state }) => state, cell: ({ state }) => stateBadge(state) },
      { title: "Guard", value: ({ verdict }) => verdict, cell: (list) => guardBadge(list, "") },
      { title: "AUC change", ...change("auc") },
      { title: "GAUC change", ...change("gauc") },
      { title: "Features", ...saved("features", count) },
      { title: "Dims", ...saved("dims", count) },
      { title: "Memory", ...saved("embedding_bytes", bytes) },
      {
        title: "Proposed",
        value: ({ proposed_at }) => time(proposed_at),
        cell: (list) => day(list.submitted_by, list.proposed_at),
      },
      {
        title: "Decided",
        value: ({ decided_at }) => time(decided_at),
        cell: (list) => day(list.decided_by, list.decided_at),
      },
      {
        title: "Active since",
        value: (list) => (list.state === "active" ? time(list.activated_at) : null),
        cell: (list) => (list.state === "active" ? day(list.activated_by, list.activated_at) : "–"),
      },
    ];
  }

  /** @param {any} list */
  #link({ number, revision_of: of, job_id: id }) {
    const link = element("a", { href: `/models/${part(this.model)}/lists/${number}` }, `List ${number}`);
    if (of) return [link, element("small", { class: "soft below" }, `revision of list ${of}`)];
    const job = this.jobs.get(id);
    return [
      link,
      element("small", { class: "soft below" }, jobLink(id, job && `${job.name} #${job.number}`)),
      job && element("small", { class: "soft below" }, origin(job)),
    ];
  }

  /** Offer two lists to choose; as the address has them, else the active one and the newest. */
  async #offer() {
    const asked = new URLSearchParams(location.search);
    const numbers = this.lists.map(({ number }) => String(number));
    const active = this.lists.find(({ state }) => state === "active");
    const [newest, before] = numbers;
    const from = asked.get("from") ?? String(active?.number ?? before);
    const to = asked.get("to") ?? (from === newest ? before : newest);
    for (const [select, chosen] of /** @type {const} */ ([
      [this.from, from],
      [this.to, to],
    ])) {
      // A list that is asked for may be older than those shown.
      const known = numbers.includes(chosen) ? this.lists : [...this.lists, { number: chosen, state: "older" }];
      fill(
        select,
        known.map((list) => option(list, chosen)),
      );
    }
    await this.#compare();
  }

  #chosen() {
    const address = new URL(location.href);
    address.searchParams.set("from", this.from.value);
    address.searchParams.set("to", this.to.value);
    history.replaceState(null, "", address);
    void this.#compare();
  }

  async #compare() {
    const [from, to] = [this.from.value, this.to.value];
    try {
      const diff = await get(`${this.path}/${part(from)}/diff/${part(to)}`);
      if (from === this.from.value && to === this.to.value) showDiff(this.diff, this.model, diff);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      fill(
        this.diff,
        element("p", { class: "alert", role: "alert" }, error.message, " Choose two of the lists above."),
      );
    }
  }
}

/**
 * The day on which someone did something; hovering tells the time.
 * @param {string | null} who
 * @param {string | null} at
 */
function day(who, at) {
  if (!at) return "–";
  const time = element("time", { datetime: at, title: moment(at) }, moment(at).slice(0, 10));
  return [time, who && element("small", { class: "soft below" }, by(who))];
}

/**
 * @param {import("schemas").ListEntry} list
 * @param {string} chosen
 */
function option({ number, state }, chosen) {
  const text = state === "active" ? `List ${number}, active` : `List ${number}`;
  return element("option", { value: number, selected: String(number) === chosen }, text);
}

/** @param {string} model */
function nothing(model) {
  return empty(
    "This model has no prune lists yet. Each of its jobs that succeeds makes one.",
    element("a", { href: `/models/${part(model)}` }, "Start a selection on the page of its features"),
  );
}
