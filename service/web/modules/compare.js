// @ts-check
/** Several runs side by side: methods, what they keep, quality, cost, and how far they agree. Shared by its address. */

import { all, get, find, part, Problem } from "pages/api";
import { chooser, MOST } from "pages/compare/choice";
import { disputed } from "pages/compare/measures";
import { overlay } from "pages/compare/curves";
import { Pair } from "pages/compare/pair";
import { matrices, sideBySide } from "pages/compare/table";
import { element, empty, fill, section } from "views/dom";
import { decimal } from "views/format";
import { listOf } from "views/run";
import { Table, named } from "views/table";

/** @typedef {import("pages/compare/table").Compared} Compared */

/** @param {Element} main */
export async function show(main) {
  const models = (await all("/v1/models", "models", { limit: 200 })).map(({ name }) => name);
  const page = new Comparison(main, models);
  await Promise.all([page.choice.search(), page.update()]);
}

class Comparison {
  /**
   * @param {Element} main
   * @param {string[]} models
   */
  constructor(main, models) {
    const asked = new URLSearchParams(location.search).get("jobs") ?? "";
    /** @type {Set<string>} */
    this.chosen = new Set(asked.split(",").filter(Boolean).slice(0, MOST));
    /** @type {Map<string, Promise<Omit<Compared, "label" | "title">>>} */
    this.runs = new Map();
    this.turn = 0;
    this.choice = chooser(models, this.chosen, (id, is) => this.#choose(id, is));
    this.told = element("div", { role: "status" });
    this.shown = element("div");
    const summary = element("summary", {}, element("h2", {}, "Choose runs"));
    this.choosing = element("details", { open: this.chosen.size < 2 }, summary, this.choice.root);
    fill(
      main,
      element("h1", {}, "Compare"),
      element("section", { "aria-label": "Choose runs" }, this.choosing),
      this.told,
      this.shown,
    );
  }

  /**
   * @param {string} id
   * @param {boolean} is
   */
  #choose(id, is) {
    if (is) this.chosen.add(id);
    else this.chosen.delete(id);
    const address = new URL(location.href);
    address.search = this.chosen.size > 0 ? `?jobs=${[...this.chosen].map(part).join(",")}` : "";
    history.replaceState(null, "", address);
    void this.update();
  }

  async update() {
    const turn = (this.turn += 1);
    const ids = [...this.chosen];
    if (ids.length < 2 || ids.length > MOST) {
      const told = ids.length > MOST ? `Choose at most ${MOST} runs; ${ids.length} are chosen.` : asks(ids.length);
      fill(this.told, empty(told));
      fill(this.shown);
      return;
    }
    fill(this.told, element("p", { class: "soft" }, "Loading the runs …"));
    try {
      const runs = await Promise.all(ids.map((id) => this.#run(id)));
      if (turn !== this.turn) return;
      fill(this.told);
      await this.#draw(labelled(runs));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.choosing.setAttribute("open", "");
      fill(this.told, element("p", { class: "alert", role: "alert" }, error.message, " Choose other runs."));
      fill(this.shown);
    }
  }

  /** @param {string} id */
  #run(id) {
    const known = this.runs.get(id);
    if (known) return known;
    const path = `/v1/jobs/${part(id)}`;
    const parts = [get(path), get(`${path}/spec`), get(`${path}/prune-list`), find(`${path}/results`)];
    const made = Promise.all(parts).then(([job, spec, list, results]) => ({
      job,
      spec,
      list: listOf(list),
      results,
    }));
    this.runs.set(id, made);
    made.catch(() => this.runs.delete(id));
    return made;
  }

  /** @param {Compared[]} runs */
  async #draw(runs) {
    const pair = element("div");
    const features = section("Decided differently");
    const curves = section("Selection curves");
    fill(
      this.shown,
      section("Side by side", sideBySide(runs)),
      section("Agreement", matrices(runs)),
      curves,
      section("Score against score", pair),
      features,
    );
    new Pair(pair, runs);
    overlay(curves, runs);
    await differences(features, runs);
  }
}

/**
 * Runs with a letter each; those of one name are told apart by the number of their job.
 * @param {Omit<Compared, "label" | "title">[]} runs
 * @returns {Compared[]}
 */
function labelled(runs) {
  const names = runs.map(({ job }) => job.name);
  const alone = (/** @type {string} */ name) => names.indexOf(name) === names.lastIndexOf(name);
  return runs.map((run, at) => ({
    ...run,
    label: String.fromCharCode(65 + at),
    title: alone(run.job.name) ? run.job.name : `${run.job.name} #${run.job.number}`,
  }));
}

/** @param {number} chosen */
function asks(chosen) {
  return chosen === 1 ? "Choose one more run to compare this one with." : "Choose two or more runs above.";
}

/**
 * @param {Element} place
 * @param {Compared[]} runs
 */
async function differences(place, runs) {
  const found = disputed(runs.map(({ list }) => list.features));
  if (found.length === 0) {
    place.append(empty("Identical decisions."));
    return;
  }
  const models = new Set(runs.map(({ job }) => job.model));
  const model = models.size === 1 ? [...models][0] : null;
  const address = (/** @type {string} */ name) => (model ? `/models/${part(model)}/features/${part(name)}` : null);
  const rows = found.map(({ name, kept, of, scores, decisions }) => ({
    name,
    share: kept / of,
    kept: `${kept} of ${of}`,
    ...Object.fromEntries(scores.map((score, at) => [`score${at}`, score])),
    decisions,
  }));
  const cell = (/** @type {any} */ row, /** @type {number} */ at) =>
    row.decisions[at] === null
      ? "–"
      : `${row.decisions[at] === "keep" ? "kept" : "pruned"}, ${decimal(row[`score${at}`])}`;
  const table = new Table(place, {
    label: "Features decided differently",
    key: "name",
    columns: [
      {
        field: "name",
        title: "Feature",
        filter: "text",
        least: 190,
        show: (row) => named(row.name, address(row.name)),
      },
      { field: "share", title: "Kept in", number: true, width: 110, show: (row) => row.kept },
      ...runs.map(({ label }, at) => ({
        field: `score${at}`,
        title: label,
        number: true,
        least: 130,
        show: (/** @type {any} */ row) => cell(row, at),
      })),
    ],
  });
  await table.update(rows);
}
