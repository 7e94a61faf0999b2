// @ts-check
/** What happens to a model's prune lists, as it happens. */

import { part, Problem } from "pages/api";
import { atMostEvery, Connection, follow } from "pages/live";

const PAUSE = 500;

/**
 * Update whenever something happened to one of the lists; where the service isn't reached, the page says so.
 * @param {Element} main
 * @param {string} model
 * @param {() => Promise<void>} update
 */
export function followLists(main, model, update) {
  const connection = new Connection();
  main.prepend(connection.notice);
  const again = atMostEvery(PAUSE, async () => {
    try {
      await update();
      connection.read(true);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      connection.read(false);
    }
  });
  // What happened before it was connected is caught up with.
  const onState = (/** @type {boolean} */ is) => {
    connection.streamed(is);
    if (is) again();
  };
  follow(`/v1/events?model=${part(model)}&kind=${part("prune_list.*")}`, again, { onState });
}
