// @ts-check
/** Whether the service can do its work; says something only where it can't. */

import { element, fill } from "views/dom";

const PARTS = { database: "the database can't be used", storage: "files can't be written", ray: "Ray doesn't answer" };
const PAUSE = 60_000;

/**
 * Look now, and every minute that the page is seen.
 * @param {Element} parent
 */
export async function readiness(parent) {
  const look = async () => {
    if (!document.hidden) fill(parent, warning(await asked()));
  };
  window.setInterval(() => void look(), PAUSE);
  await look();
}

/** The service's own word: its answer where it isn't ready has the parts too. */
async function asked() {
  try {
    return await (await fetch("/readyz", { headers: { Accept: "application/json" } })).json();
  } catch {
    return null;
  }
}

/** @param {Record<string, boolean> | null} found */
function warning(found) {
  if (found === null)
    return told("The service can't be reached; what is shown may be old. It is tried again every minute.");
  if (found.ready) return null;
  const wrong = Object.entries(PARTS).flatMap(([part, what]) => (found[part] ? [] : [what]));
  const what = wrong.length ? wrong.join(", ") : "it is about to end";
  return told(
    `The service isn't ready: ${what}. Jobs may not start; tell whoever runs it (docs/how-to/run-the-service.md).`,
  );
}

/** @param {string} text */
function told(text) {
  return element("p", { class: "alert", role: "alert" }, text);
}
