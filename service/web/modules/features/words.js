// @ts-check
/** The statuses of a feature in words. */

/** @type {Record<import("schemas").FeatureStatus, string>} */
export const MEANS = {
  essential: "in every job, and no list prunes it",
  active: "in the model and in its jobs",
  candidate: "in its jobs, to be tried",
  pruned: "found not to be needed; in no job",
  retired: "given up; in no job, and no list changes it",
};

/** @type {Record<import("schemas").FeatureStatus, "good" | "busy" | "bad" | "plain">} */
export const TONES = { essential: "good", active: "good", candidate: "busy", pruned: "bad", retired: "plain" };

/**
 * Statuses as the options of a field.
 * @param {readonly import("schemas").FeatureStatus[]} statuses
 * @returns {[string, string][]}
 */
export function options(statuses) {
  return statuses.map((status) => [status, `${status}: ${MEANS[status]}`]);
}
