// @ts-check
/** Choosing the runs to compare, among jobs that succeeded. */

import { get } from "pages/api";
import { element, empty, fill } from "views/dom";
import { moment } from "views/format";

const SHOWN = 20;
const PAUSE = 250;
export const MOST = 8;

/**
 * A search for jobs by model and by how their names begin, and a box for each that is found.
 * @param {string[]} models
 * @param {Set<string>} chosen ids
 * @param {(id: string, is: boolean) => void} onChoose
 */
export function chooser(models, chosen, onChoose) {
  const model = /** @type {HTMLSelectElement} */ (
    element(
      "select",
      { onchange: () => void search() },
      option("", "all"),
      models.map((name) => option(name, name)),
    )
  );
  let timer = 0;
  const typed = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void search(), PAUSE);
  };
  const name = /** @type {HTMLInputElement} */ (
    element("input", { type: "search", oninput: typed, placeholder: "how it begins" })
  );
  const found = element("div", { class: "found" });
  let asked = 0;

  async function search() {
    const turn = (asked += 1);
    const query = {
      state: "succeeded",
      dry_run: false,
      model: model.value || null,
      name: name.value.trim() || null,
      limit: SHOWN + 1,
    };
    const { jobs } = await get("/v1/jobs", query);
    if (turn !== asked) return;
    const more = jobs.length > SHOWN && element("p", { class: "note" }, "There are more: type how the name begins.");
    fill(found, jobs.length > 0 ? jobs.slice(0, SHOWN).map(box) : none(), more);
  }

  /** @param {import("schemas").JobSummary} job */
  function box(job) {
    const is = chosen.has(job.id);
    const turned = (/** @type {Event} */ event) =>
      onChoose(job.id, /** @type {HTMLInputElement} */ (event.target).checked);
    const input = element("input", { type: "checkbox", value: job.id, checked: is, onchange: turned });
    const about = element(
      "span",
      { class: "soft" },
      `${job.model ?? "no model"} · ${moment(job.ended_at)} · ${job.id}`,
    );
    return element("label", { class: "inline" }, input, element("span", {}, `${job.name} `, about));
  }

  const root = element(
    "div",
    {},
    element("div", { class: "row" }, element("label", {}, "Model", model), element("label", {}, "Name", name)),
    found,
  );
  return { root, search };
}

/**
 * @param {string} value
 * @param {string} text
 */
function option(value, text) {
  return element("option", { value }, text);
}

function none() {
  return empty("No job that succeeded fits.", element("a", { href: "/jobs" }, "See all jobs"));
}
