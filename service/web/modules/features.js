// @ts-check
/** A model's features: what there is, what became of each, and what can be done with them. */

import { get, part } from "pages/api";
import { catalogue } from "pages/features/table";
import { filters } from "pages/features/filters";
import { head } from "pages/features/head";
import { changeStatus } from "pages/features/status";
import { say } from "pages/form";
import { atMostEvery, follow } from "pages/live";
import { again, refill } from "pages/refill";
import { count } from "views/format";
import { element, empty, fill, section } from "views/dom";

const AT_ONCE = 1000;
const PAUSE = 3000;

/**
 * @param {Element} main
 * @param {{model: string}} parameters
 * @param {import("pages/start").Caller} caller
 */
export async function show(main, { model: name }, caller) {
  const path = `/v1/models/${part(name)}`;
  const top = element("div");
  const told = element("p", { class: "note", role: "status" });
  const place = element("div");
  fill(main, top, section("Catalogue", told, place));

  const filter = filters(() => draw());
  const table = catalogue(place, name, {
    bar: filter.root,
    approve: caller.scopes.includes("approve"),
    change: (names) =>
      changeStatus(path, names, (done) => {
        say(`${count(done.changed)} changed, ${count(done.unchanged)} had that status already.`);
        table.clear();
        soon();
      }),
  });
  /** @type {any[]} */
  let rows = [];
  const draw = () => table.update(rows.filter(filter.fits));

  const load = async () => {
    const model = await get(path);
    refill(
      top,
      head(model, caller, () => soon()),
    );
    const total = Object.values(model.features).reduce((sum, each) => sum + each, 0);
    const first = rows.length === 0;
    const found = await pages(path, (some) => {
      fill(
        told,
        some.length < total
          ? `${count(some.length)} of ${count(total)} features are here; the rest is on its way.`
          : "",
      );
      if (!first || some.length > AT_ONCE) return;
      rows = some;
      filter.offer(rows, model.features);
      void draw();
    });
    rows = found;
    fill(told, rows.length === 0 ? nothingYet(caller) : "");
    place.hidden = rows.length === 0;
    filter.offer(rows, model.features);
    await draw();
  };
  const soon = atMostEvery(PAUSE, again(load));
  await load();
  follow(`/v1/events?model=${part(name)}&kind=feature.*`, soon, { onReturn: soon });
}

/**
 * All features, a thousand at a time; `told` has those that are here.
 * @param {string} path
 * @param {(rows: any[]) => void} told
 */
async function pages(path, told) {
  const rows = [];
  let cursor = null;
  do {
    const page = await get(`${path}/features`, { limit: AT_ONCE, cursor });
    rows.push(...page.features);
    cursor = page.next;
    told([...rows]);
  } while (cursor !== null);
  return rows;
}

/** @param {import("pages/start").Caller} caller */
function nothingYet(caller) {
  const told = "No feature is registered yet.";
  if (!caller.scopes.includes("submit")) return empty(`${told} Ask someone whose key may submit to register them.`);
  return empty(`${told} Register those that the model is fed: read them from its data, or upload a list.`);
}
