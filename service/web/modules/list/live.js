// @ts-check
/** What happens to a model's prune lists, as it happens. */

import { part, Problem } from "pages/api";
import { atMostEvery, follow } from "pages/live";
import { element } from "views/dom";

const PAUSE = 500;

/**
 * Update whenever something happened to one of the lists; where the service isn't reached, the page says so.
 * @param {Element} main
 * @param {string} model
 * @param {() => Promise<void>} update
 */
export function followLists(main, model, update) {
  const told = "Not connected, trying again. What is shown is as it was last heard of.";
  const away = element("p", { class: "alert caution", role: "status", hidden: true }, told);
  main.prepend(away);
  const again = atMostEvery(PAUSE, async () => {
    try {
      await update();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      away.hidden = false;
    }
  });
  // What happened before it was connected is caught up with.
  const onState = (/** @type {boolean} */ is) => {
    away.hidden = is;
    if (is) again();
  };
  follow(`/v1/events?model=${part(model)}&kind=${part("prune_list.*")}`, again, { onState });
}
