// @ts-check
/** A cut that becomes a list of its own, and the job that fine-tunes and measures such a list. */

import { get, part, post } from "pages/api";
import { act, openForm, say } from "pages/form";
import { jobLink } from "pages/job/words";
import { things } from "pages/list/words";
import { element, fill } from "views/dom";
import { words } from "views/format";

const JOBS = 200;
const NAMED = 12;

/**
 * A button that saves a cut as a new list.
 * @param {string} path the list's in the API
 * @param {string} model
 * @param {number} number the list's
 * @returns {{root: HTMLElement, update: (cut: import("views/cut").Cut) => void}}
 */
export function saveCut(path, model, number) {
  /** @type {import("views/cut").Cut | null} */
  let cut = null;
  const ask = () => {
    if (!cut) return;
    const { added: keep, dropped: prune } = cut;
    openForm({
      title: "Save as a new list",
      note: `List ${number} stays as it is. The new list keeps ${things(keep.length, "more feature")} and prunes ${things(prune.length, "more feature")}. It is not fine-tuned until a follow-up job has run.`,
      fields: [{ name: "reason", label: "Reason", kind: "area", required: true }],
      send: "Save the list",
      submit: ({ reason }) => post(`${path}/revisions`, { keep, prune, reason }),
      onDone: (made) => location.assign(`/models/${part(model)}/lists/${made.number}`),
    });
  };
  const button = /** @type {HTMLButtonElement} */ (
    element("button", { type: "button", onclick: ask }, "Save as a new list")
  );
  return {
    root: element("p", { class: "row end" }, button),
    update(chosen) {
      cut = chosen;
      button.disabled = chosen.added.length + chosen.dropped.length === 0;
      button.title = button.disabled ? `Its decisions are those of list ${number}` : "";
    },
  };
}

/**
 * What a revision changed, and how far its follow-up job is.
 * @param {Element} place
 * @param {import("schemas").ListEntry} list
 * @param {import("views/run").PruneList} content
 * @param {{path: string, may: boolean}} options `path` is the model's in the API; only who may submit starts jobs
 */
export async function showRevision(place, list, content, { path, may }) {
  const { revision } = content;
  if (!revision || list.revision_of === null) return;
  const base = element(
    "a",
    { href: `/models/${part(list.model)}/lists/${list.revision_of}` },
    `list ${list.revision_of}`,
  );
  const changes = [changed("Kept by hand", revision.keep), changed("Pruned by hand", revision.prune)];
  const jobs = await get("/v1/jobs", { model: list.model, origin: "revision", limit: JOBS });
  const job = jobs.jobs.find((/** @type {any} */ { origin }) => origin.id === String(list.number));
  const start = async () => {
    const made = await post(`${path}/prune-lists/${list.number}/follow-up`);
    say(["Started ", jobLink(made.id), "."]);
    await showRevision(place, list, content, { path, may });
  };
  const button = element(
    "button",
    { class: "primary", onclick: () => void act(button, start) },
    "Fine-tune and measure",
  );
  fill(
    place,
    element("p", {}, "Revision of ", base, ` by ${revision.by}: `, element("q", {}, revision.reason)),
    changes,
    job
      ? element("p", {}, "Follow-up job: ", jobLink(job.id), ` (${words(job.state)}). `, await result(job, path))
      : null,
    (!job || ["failed", "cancelled"].includes(job.state)) && may && element("p", {}, button),
  );
}

/**
 * The list that a follow-up job made.
 * @param {any} job
 * @param {string} path the model's
 */
async function result(job, path) {
  if (job.state !== "succeeded") return null;
  const { prune_lists: lists } = await get(`${path}/prune-lists`, { limit: JOBS });
  const made = lists.find((/** @type {any} */ { job_id }) => job_id === job.id);
  if (!made) return null;
  const address = `/models/${part(made.model)}/lists/${made.number}`;
  return element("a", { href: address }, `List ${made.number} has the same decisions, fine-tuned and measured.`);
}

/**
 * @param {string} title
 * @param {readonly string[]} names
 */
function changed(title, names) {
  if (names.length === 0) return null;
  const rest = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  return element("p", {}, element("strong", {}, `${title}: `), `${names.slice(0, NAMED).join(", ")}${rest}`);
}
