import type { StatusChanges } from './bitmap.ts';

/** Changed states of one list, as the event stream sends them. */
export interface StatusEvent {
  readonly list: number;
  /** Resuming after this version, here or at another process, yields every change that is not in this event or an earlier one. */
  readonly version: number;
  readonly changes: readonly (readonly [idx: number, state: number])[];
}

/** Sends changes to followers in this process, and keeps recent ones for followers that reconnect. */
export interface EventHistory {
  /** Starts the history at this version: earlier changes are not in it. */
  begin(version: number): void;
  publish(changes: StatusChanges, version: number): void;
  /**
   * Calls back for every event after `since`, as far as the history reaches; null means from now on. Returns a function
   * that ends it.
   */
  follow(since: number | null, onEvent: (event: StatusEvent) => void): () => void;
  followerCount(): number;
}

/** Changes in one event at most; more are sent as several events. */
const MAX_EVENT_CHANGES = 2000;

/** With more changes than this in one read, one event without changes is sent. It means: read the list. */
const MAX_PUBLISHED_CHANGES = 20_000;

/** Changes in the history. */
const MAX_HISTORY_CHANGES = 20_000;

export function createEventHistory(): EventHistory {
  const followers = new Set<(event: StatusEvent) => void>();
  const history: StatusEvent[] = [];
  let historyChanges = 0;
  /** The history holds every event of this version and of later ones. */
  let historySince: number | null = null;

  const trim = () => {
    while (historyChanges > MAX_HISTORY_CHANGES) {
      const oldest = history.shift() as StatusEvent;
      historyChanges -= oldest.changes.length + 1;
      // The history may hold more events of the same version.
      historySince = oldest.version + 1;
    }
  };

  return {
    begin(version) {
      historySince = version;
    },
    publish(changes, version) {
      for (const [list, listChanges] of changes)
        for (const event of toEvents(list, version, listChanges)) {
          history.push(event);
          historyChanges += event.changes.length + 1;
          for (const onEvent of followers) onEvent(event);
        }
      trim();
    },
    follow(since, onEvent) {
      // A follower that was away for too long gets no history: it reads the signed list, which is authoritative.
      if (since !== null && historySince !== null && since >= historySince)
        // A long transaction in any database of the server holds the horizon back, so several events may have one version
        // and a follower may have received only the first of them. Receiving an event twice does no harm.
        for (const event of history) if (event.version >= since) onEvent(event);
      followers.add(onEvent);
      return () => void followers.delete(onEvent);
    },
    followerCount: () => followers.size,
  };
}

function* toEvents(list: number, version: number, changes: StatusEvent['changes']): Generator<StatusEvent> {
  const isListed = changes.length <= MAX_PUBLISHED_CHANGES;
  for (let from = 0; from < (isListed ? changes.length : 1); from += MAX_EVENT_CHANGES)
    yield { list, version, changes: isListed ? changes.slice(from, from + MAX_EVENT_CHANGES) : [] };
}
