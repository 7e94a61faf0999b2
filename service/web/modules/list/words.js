// @ts-check
/** Prune lists in words. */

import { badge, element } from "views/dom";
import { count, moment } from "views/format";

const STATES =
  /** @type {Record<import("schemas").ListState, ["good" | "bad" | "busy" | "plain", string, string]>} */ ({
    proposed: ["busy", "proposed", "Awaiting review."],
    approved: ["busy", "approved", "Approved, and not served yet."],
    active: ["good", "active", "This list is served."],
    superseded: ["plain", "superseded", "Another list became active after it."],
    rolled_back: ["plain", "rolled back", "It was active and was taken back."],
    rejected: ["bad", "rejected", "It is never served."],
  });

/** @param {import("schemas").ListState} state */
export function stateBadge(state) {
  const [tone, text, means] = STATES[state] ?? ["plain", state, ""];
  const made = badge(text, tone);
  made.title = means;
  return made;
}

/** @param {import("schemas").ListState} state */
export function stateWord(state) {
  return STATES[state]?.[1] ?? state;
}

const VERDICTS =
  /** @type {Record<import("schemas").GuardVerdict["verdict"], ["good" | "bad" | "plain", string, string]>} */ ({
    passed: ["good", "✓ guard passed", "The whole interval of the change lies within the limit."],
    failed: ["bad", "✗ guard failed", "The whole interval of the change lies beyond the limit."],
    inconclusive: ["plain", "? guard inconclusive", "The limit lies within the interval of the change."],
  });

/** @param {Pick<import("schemas").ListView, "verdict"> & {revision_of?: number | null}} list */
export function guardBadge({ verdict, revision_of: revised = null }) {
  if (revised !== null) return badge("not fine-tuned yet", "busy");
  const [tone, text, means] = VERDICTS[verdict];
  const made = badge(text, tone);
  made.title = means;
  return made;
}

/**
 * Who did something, and when: "ana, 2026-01-31 09:05".
 * @param {string | null} who
 * @param {string | null} at
 */
export function whoWhen(who, at) {
  if (!at) return "–";
  const by = who === "policy" ? "the model's policy" : who;
  return element("span", {}, by && `${by}, `, element("time", { datetime: at }, moment(at)));
}

/**
 * A number of things: "1 feature", "12 features".
 * @param {number} number
 * @param {string} thing
 */
export function things(number, thing) {
  return number === 1 ? `1 ${thing}` : `${count(number)} ${thing}s`;
}
