// @ts-check
/** Whether the service can do its work; says something only where it can't. */

import { element, fill } from "views/dom";

const PAUSE = 60_000;

/**
 * Look now, and every minute that the page is seen.
 * @param {Element} parent
 * @param {(isReady: boolean) => void} onLook
 */
export async function readiness(parent, onLook) {
  const look = async () => {
    if (document.hidden) return;
    const found = await asked();
    fill(parent, warning(found));
    onLook(found?.ready ?? false);
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

/** @param {import("schemas").Readiness | null} found */
function warning(found) {
  if (found === null)
    return told("The service can't be reached; what is shown may be old. It is tried again every minute.");
  if (found.ready) return null;
  return told(
    `The service isn't ready: ${(found.problems ?? []).join("; ")}. Tell whoever runs it (docs/how-to/run-the-service.md).`,
  );
}

/** @param {string} text */
function told(text) {
  return element("p", { class: "alert", role: "alert" }, text);
}
