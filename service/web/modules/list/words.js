// @ts-check
/** Prune lists in words. */

import { badge, element, timeOf } from "views/dom";
import { count } from "views/format";
import { VERDICTS } from "views/guard";

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

/**
 * @param {Pick<import("schemas").ListView, "verdict"> & {revision_of?: number | null}} list
 * @param {string} [of] whose verdict; "" where a column's head says it
 */
export function guardBadge({ verdict, revision_of: revised = null }, of = "guard ") {
  if (revised !== null) return badge("not fine-tuned yet", "busy");
  const { mark, tone, means } = VERDICTS[verdict];
  const made = badge(`${mark} ${of}${verdict}`, tone);
  made.title = means;
  return made;
}

/**
 * Who did something: a person, or the model's policy.
 * @param {string} who
 */
export function by(who) {
  return who === "policy" ? "the model's policy" : who;
}

/**
 * Who did something, and when: "ana, 2026-01-31 09:05".
 * @param {string | null} who
 * @param {string | null} at
 */
export function whoWhen(who, at) {
  if (!at) return "–";
  return element("span", {}, who && `${by(who)}, `, timeOf(at));
}

/**
 * A number of things: "1 feature", "12 features".
 * @param {number} number
 * @param {string} thing
 */
export function things(number, thing) {
  return number === 1 ? `1 ${thing}` : `${count(number)} ${thing}s`;
}
