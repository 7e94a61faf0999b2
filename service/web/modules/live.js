// @ts-check
/** Events as they happen. A hidden page holds no stream: browsers allow a handful per host, shared by all tabs. */

import { element } from "views/dom";

const KINDS = [
  "job.queued",
  "job.state",
  "job.cancel_requested",
  "job.snapshot",
  "feature.registered",
  "feature.status",
  "prune_list.proposed",
  "prune_list.not_proposed",
  "prune_list.approved",
  "prune_list.rejected",
  "prune_list.active",
  "prune_list.superseded",
  "prune_list.rolled_back",
  "trigger.evaluated",
  "schedule.fired",
  "schedule.skipped",
  "webhook.disabled",
];
const PAUSE = 5000;
const NEWEST = Number.MAX_SAFE_INTEGER;

/** @typedef {Omit<import("schemas").EventView, "data"> & {data: any}} Event `data` depends on its kind */

/**
 * Follow a path of events from event `after` on until the page goes or the answer says that there is no more.
 * @param {string} path
 * @param {(event: Event) => void} listener
 * @param {{after?: number, onState?: (connected: boolean) => void, onReturn?: () => void}} [options] `after` unless
 *   given is the newest event; `onReturn` is called when a hidden page is seen again, before the stream is taken up
 * @returns {() => void} ends it
 */
export function follow(path, listener, { after = NEWEST, onState = () => {}, onReturn = () => {} } = {}) {
  /** @type {EventSource | null} */
  let source = null;
  let timer = 0;

  const take = (/** @type {MessageEvent} */ message) => {
    const event = JSON.parse(message.data);
    after = event.number;
    listener(event);
  };
  const open = () => {
    close();
    const joint = path.includes("?") ? "&" : "?";
    source = new EventSource(`${path}${joint}after=${after}`);
    for (const kind of KINDS) source.addEventListener(kind, take);
    source.onopen = () => onState(true);
    source.onerror = () => {
      onState(false);
      // The browser tries again by itself, except where the answer was an error or "no more".
      if (source?.readyState === EventSource.CLOSED) timer = window.setTimeout(open, PAUSE);
    };
  };
  const close = () => {
    window.clearTimeout(timer);
    source?.close();
    source = null;
  };
  const turn = () => {
    if (document.hidden) return close();
    onReturn();
    open();
  };
  document.addEventListener("visibilitychange", turn);
  if (!document.hidden) open();
  return () => {
    document.removeEventListener("visibilitychange", turn);
    close();
  };
}

/** The notice that a page may be old: while its stream of events is down, or since it was last read in vain. */
export class Connection {
  constructor() {
    const told = "Not connected, trying again. This page may be out of date.";
    this.notice = element("p", { class: "alert caution", role: "status", hidden: true }, told);
    this.streams = true;
    this.reads = true;
  }

  /** @param {boolean} streams whether events come */
  streamed(streams) {
    this.streams = streams;
    this.#show();
  }

  /** @param {boolean} reads whether the last read of the page succeeded */
  read(reads) {
    this.reads = reads;
    this.#show();
  }

  /** The page is complete and follows nothing any more: an ended stream is no fault. */
  end() {
    this.streams = this.reads = true;
    this.#show();
  }

  #show() {
    this.notice.hidden = this.streams && this.reads;
  }
}

/**
 * At most one call in `pause` milliseconds; a call that was held back is made up for at the pause's end.
 * @param {() => Promise<void> | void} action
 * @param {number} pause
 */
export function atMostEvery(pause, action) {
  let due = false;
  let busy = false;
  const run = async () => {
    if (busy) {
      due = true;
      return;
    }
    busy = true;
    due = false;
    try {
      await action();
    } finally {
      window.setTimeout(() => {
        busy = false;
        if (due) void run();
      }, pause);
    }
  };
  return () => void run();
}
