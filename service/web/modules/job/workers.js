// @ts-check
/** How a run's ranks, stages and convergence stand. */

import { columnHead, element, empty, fill, section, table } from "views/dom";
import { bytes, count, decimal, duration, percent } from "views/format";
import { stageTable } from "views/stages";

/** @typedef {import("schemas").RankStatus} Rank */

const SILENT_SECONDS = 60;
const BEHIND_SECONDS = 20;

/**
 * @param {Element} parent
 * @returns {{update: (run: import("views/run").Run, job: any) => void}}
 */
export function workers(parent) {
  const ranks = element("div");
  const times = section("Time by stage");
  const state = element("dl", { class: "tiles" });
  parent.append(
    section("Ranks", ranks),
    element("div", { class: "columns" }, times, section("State of the search", state)),
  );
  const spent = stageTable(times);
  return {
    update(run, job) {
      const { progress, results } = run;
      fill(ranks, ranksTable(progress, job.ended_at !== null));
      spent.update(run);
      fill(state, ...tiles(progress, results));
    },
  };
}

/**
 * @param {import("views/run").Progress | null} progress
 * @param {boolean} ended
 */
function ranksTable(progress, ended) {
  const ranks = progress?.ranks ?? [];
  if (ranks.length === 0)
    return empty("No rank has reported yet. Ranks report during the search, each every few steps.");
  const searching = !ended && progress?.stage === "searching";
  const numbers = ["Rank", "Step", "Tables", "Last report"].map((name) => columnHead(name, true));
  return table(
    "Ranks",
    [...numbers, ...(searching ? ["Health"] : [])],
    ranks.map((rank) => rankRow(rank, ranks, searching)),
  );
}

/**
 * @param {Rank} rank
 * @param {Rank[]} ranks
 * @param {boolean} searching
 */
function rankRow(rank, ranks, searching) {
  const [told, tone] = health(rank, ranks, Date.now() / 1000);
  const cells = [
    count(rank.rank),
    count(rank.step),
    bytes(rank.embedding_bytes),
    `${duration(Date.now() / 1000 - rank.reported_at)} ago`,
  ];
  return element(
    "tr",
    {},
    cells.map((text) => element("td", { class: "number" }, text)),
    searching && element("td", { class: tone }, told),
  );
}

/**
 * How a rank is, beside the others.
 * @param {Pick<Rank, "step" | "reported_at">} rank
 * @param {Pick<Rank, "step" | "reported_at">[]} ranks
 * @param {number} now seconds since 1970
 * @returns {[string, string]} in words, and the tone
 */
export function health(rank, ranks, now) {
  const silent = now - rank.reported_at;
  if (silent > SILENT_SECONDS) return [`silent for ${duration(silent)}; see the log`, "bad-text"];
  const step = Math.max(...ranks.map((each) => each.step));
  const newest = Math.max(...ranks.map((each) => each.reported_at));
  if (rank.step < step && newest - rank.reported_at > BEHIND_SECONDS)
    return [`${count(step - rank.step)} steps behind the others, which wait for it`, "bad-text"];
  return [rank.step < step ? "reporting, a report behind" : "reporting", ""];
}

/**
 * @param {import("views/run").Progress | null} progress
 * @param {import("views/run").Results | null} results
 */
function tiles(progress, results) {
  const rest = results?.converged ?? progress?.converged;
  const step = progress?.step_seconds;
  const ofGates = [
    ["Gates converged", yes(rest?.gates)],
    ["Model converged", yes(rest?.model)],
    ["Crossing share", percent(progress?.crossing_share, 1)],
  ];
  const shown = [
    ...(results?.converged === null ? [] : ofGates),
    ["Step", step === undefined || step === null ? "–" : `${decimal(1000 * step, 1)} ms`],
    ["Time spent decoding data", duration(progress?.decode_seconds)],
    ["Attempts of the workers", count(results?.attempts ?? (progress ? (progress.attempt ?? 0) + 1 : null))],
  ];
  return shown.map(([name, value]) =>
    element("div", { class: "tile" }, element("dt", {}, name), element("dd", {}, value)),
  );
}

/** @param {boolean | null | undefined} value */
function yes(value) {
  return value === null || value === undefined ? "–" : value ? "yes" : "not yet";
}
