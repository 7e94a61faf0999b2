// @ts-check
/** Who has to agree before a list is served, in words. */

/**
 * @param {import("schemas").Policy} policy
 * @param {import("pages/start").Caller} caller
 */
export function policy({ auto_approve, auto_activate, four_eyes }, caller) {
  const other =
    caller.key_id === null
      ? "someone (the service has no keys, so that it can't tell whether that is who submitted its job)"
      : "someone other than who submitted its job";
  const someone = four_eyes ? other : "someone";
  if (auto_approve && auto_activate) {
    return `A prune list whose guard passed is approved and served by itself, unless another metric fell or a rollback took its decisions back; any other is approved by ${someone}.`;
  }
  if (auto_approve)
    return `A prune list whose guard passed is approved by itself, any other by ${someone}; each is served once someone activates it.`;
  const then = auto_activate ? "is then served at once where its guard passed" : "is served once someone activates it";
  return `A prune list is approved by ${someone}, and ${then}.`;
}
