import { oneAtATime } from '../../platform/concurrency.ts';
import type { ChangeFeed, Database, Statement } from '../../platform/database/index.ts';
import type { PublicDocument } from '../../platform/digest.ts';
import type { Clock } from '../../platform/time.ts';
import type { KeyRing } from '../keys/ring.ts';
import { type Bitmaps, createBitmaps, type StatusRow } from './bitmap.ts';
import { createEventHistory, type EventHistory, type StatusEvent } from './event-history.ts';
import { createListSigner } from './list-signer.ts';
import { STATUS_TOPIC } from './set-status.ts';

/** Lists are not served when the last read of the database is older: a verifier would take old states for current ones. */
const MAX_READ_AGE_SECONDS = 5;

/** How often everything is read again: freed indexes are valid again. */
const FULL_READ_MS = 300_000;

/** The status lists of this process, built from the database and kept up to date. */
export interface StatusLists {
  /** Numbers of the lists. */
  numbers(): number[];
  /** The signed list as bytes; null when there is no such list, `unavailable` when the database cannot be read. */
  document(list: number): Promise<PublicDocument | null | 'unavailable'>;
  /** Calls back for changes after a version, as far as the history reaches; null means from now on. Returns a function that ends it. */
  follow(since: number | null, onEvent: (event: StatusEvent) => void): () => void;
  /** For metrics. `readAgeSeconds`: the age of the last read, and so the most that a served list can be behind. */
  stats(): { readonly lists: number; readonly followers: number; readonly readAgeSeconds: number };
  /** Reads the changes now and waits for them. */
  refresh(): Promise<void>;
  /** Reads everything, then follows changes until the feed stops. */
  start(changes: ChangeFeed): Promise<void>;
}

export function createStatusLists(db: Database, keys: KeyRing, issuer: string, clock: Clock): StatusLists {
  const bitmaps = createBitmaps();
  const history = createEventHistory();
  const signer = createListSigner(keys, issuer, clock);
  const reader = createReader(db, bitmaps, history);
  // Requests wait for a read too, so the feed is not the only one that starts it.
  const { run: refresh } = oneAtATime(reader.read);

  return {
    numbers: bitmaps.numbers,
    follow: history.follow,
    refresh,
    stats: () => ({
      lists: bitmaps.numbers().length,
      followers: history.followerCount(),
      readAgeSeconds: reader.ageSeconds(),
    }),
    async document(list) {
      if (reader.ageSeconds() > MAX_READ_AGE_SECONDS) await refresh().catch(() => {});
      if (reader.ageSeconds() > MAX_READ_AGE_SECONDS) return 'unavailable';
      // Another process may have created the list a moment ago.
      if (!bitmaps.get(list)) await refresh();
      const bitmap = bitmaps.get(list);
      return bitmap ? signer.document(list, bitmap) : null;
    },
    async start(changes) {
      await refresh();
      changes.follow(STATUS_TOPIC, refresh);
    },
  };
}

interface Row extends StatusRow {
  readonly horizon: string;
}

/** Selects indexes, and the horizon of this read: every transaction below it has ended. */
const selectStatuses = (name: string, where: string): Statement => ({
  name,
  text: `select pg_snapshot_xmin(pg_current_snapshot())::text as horizon, t.list::int as list, t.idx::int as idx, t.state::int as state
    from (values (1)) one left join tokens_status t on ${where}`,
});
// A restored dump holds transaction ids of another cluster: those above this cluster's own are left out.
const changedStatuses = selectStatuses(
  'tokens-status-changed',
  't.changed >= $1::text::xid8 and t.changed < pg_snapshot_xmax(pg_current_snapshot())',
);
const allStatuses = selectStatuses('tokens-status-moved', 't.state <> 0');

/** Reads states from the database into the bitmaps and publishes what changed. */
function createReader(db: Database, bitmaps: Bitmaps, history: EventHistory) {
  let horizon: string | null = null;
  let fullReadAt = Number.NEGATIVE_INFINITY;
  let readAt = Number.NEGATIVE_INFINITY;

  const read = async (): Promise<void> => {
    const startedAt = performance.now();
    const isFirst = readAt === Number.NEGATIVE_INFINITY;
    const isFull = horizon === null || startedAt - fullReadAt > FULL_READ_MS;
    const rows = isFull ? await db.query<Row>(allStatuses, []) : await db.query<Row>(changedStatuses, [horizon]);
    const next = rows[0]?.horizon ?? '0';
    const changes = bitmaps.apply(isFull ? [...rows, ...bitmaps.findFreed(rows)] : rows);
    if (isFull) fullReadAt = startedAt;
    // A lower horizon is that of another server, which may lack changes that this process has read.
    const isOtherServer = horizon !== null && BigInt(next) < BigInt(horizon);
    horizon = isOtherServer ? null : next;
    readAt = startedAt;
    if (isFirst) history.begin(Number(next));
    else history.publish(changes, Number(next));
    if (isOtherServer) await read();
  };

  return { read, ageSeconds: () => (performance.now() - readAt) / 1000 };
}
