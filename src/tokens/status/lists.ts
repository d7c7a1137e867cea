import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import type { Database, Statement } from '../../platform/database/index.ts';
import { type PublicDocument, publicDocument } from '../../platform/digest.ts';
import { type Clock, numericDate } from '../../platform/time.ts';
import type { KeyRing } from '../keys/ring.ts';
import { signBytes } from '../keys/signing-key.ts';
import { STATUS_CHANNEL } from './set-status.ts';
import { LIST_LENGTH, statusListUri } from './status-index.ts';

/** How a verifier may keep a list, and until when a signed one is good, in seconds. */
export const LIST_TTL_SECONDS = 5;
const LIST_LIFE_SECONDS = 300;

/** Signed anew after so long though nothing has moved, so that what is served is good for most of its life. */
const RESIGN_SECONDS = 60;

/** Behind the notifications, which a pooler may swallow. */
const POLL_MS = 500;

/** A list is not served when the database was not read for longer: a verifier would take what is old for fresh. */
const BLIND_SECONDS = 5;

/** States that have moved in one list, as the event stream tells them. */
export interface StatusEvent {
  readonly list: number;
  /** The next event, here or at another process, says everything that this one and those before it do not. */
  readonly version: number;
  readonly changes: readonly (readonly [idx: number, state: number])[];
}

/** The status lists of this process, made of the database and kept by its changes. */
export interface StatusLists {
  /** Numbers of the lists that there are. */
  numbers(): number[];
  /** Signed, as bytes; null when there is no such list, `blind` when the database cannot be read. */
  document(list: number): Promise<PublicDocument | null | 'blind'>;
  /** What has moved after a version, as far as it is remembered; `null` = from now on. Calls back until the answer is called. */
  follow(since: number | null, told: (event: StatusEvent) => void): () => void;
  /** For who watches: a verifier is told nothing that is older than what was read last. */
  figures(): { readonly lists: number; readonly followers: number; readonly readAgeSeconds: number };
  /** Reads what has changed now, and waits for it. */
  refresh(): Promise<void>;
  /** Reads all there is, then every change. Answers how to stop. */
  start(failed: (error: Error) => void): Promise<() => Promise<void>>;
}

interface Row {
  horizon: string;
  list: number | null;
  idx: number;
  state: number;
}

/** Changes of one event at the most; more come as several events. */
const SLICE = 2000;

/** More changes than this in one look are not told one by one: an event without any says "read the list". */
const MOST_TOLD = 20_000;

/** Changes that are remembered for followers who come again. */
const REMEMBERED = 20_000;

/** Everything is read anew so often: places that were freed say "valid" again. */
const WHOLE_MS = 300_000;

/** Everything that was written by a transaction that had not ended before the horizon, and the horizon of this look. */
const since = (name: string, where: string): Statement => ({
  name,
  text: `select pg_snapshot_xmin(pg_current_snapshot())::text as horizon, t.list::int as list, t.idx::int as idx, t.state::int as state
    from (values (1)) one left join tokens_status t on ${where}`,
});
// A restored dump holds transactions of another cluster, which are of no future of this one.
const changedSince = since(
  'tokens-status-changed',
  't.changed >= $1::text::xid8 and t.changed < pg_snapshot_xmax(pg_current_snapshot())',
);
const moved = since('tokens-status-moved', 't.state <> 0');

interface List {
  readonly bits: Uint8Array;
  revision: number;
  built: {
    readonly document: PublicDocument;
    readonly revision: number;
    readonly kid: string;
    readonly at: number;
  } | null;
  building: Promise<PublicDocument> | null;
}

const compress = promisify(deflate);

export function createStatusLists(db: Database, keys: KeyRing, issuer: string, clock: Clock): StatusLists {
  const lists = new Map<number, List>();
  const followers = new Set<(event: StatusEvent) => void>();
  const remembered: StatusEvent[] = [];
  let rememberedChanges = 0;
  /** Every event of this version and of later ones is remembered. */
  let rememberedSince: number | null = null;
  let horizon: string | null = null;
  let wholeAt = Number.NEGATIVE_INFINITY;
  let readAt = Number.NEGATIVE_INFINITY;

  const ensureList = (number: number): List => {
    const known = lists.get(number);
    if (known) return known;
    const list: List = { bits: new Uint8Array(LIST_LENGTH / 4), revision: 0, built: null, building: null };
    lists.set(number, list);
    return list;
  };

  /** Sets what the rows say; answers what is another state than before, by list. */
  const apply = (rows: readonly Row[]): Map<number, [number, number][]> => {
    const changes = new Map<number, [number, number][]>();
    for (const { list: number, idx, state } of rows) {
      if (number === null) continue;
      const list = ensureList(number);
      const shift = (idx & 3) * 2;
      const byte = list.bits[idx >> 2] as number;
      if (((byte >> shift) & 3) === state) continue;
      list.bits[idx >> 2] = (byte & ~(3 << shift)) | (state << shift);
      list.revision += 1;
      const ofList = changes.get(number) ?? [];
      ofList.push([idx, state]);
      changes.set(number, ofList);
    }
    return changes;
  };

  const tell = (changes: Map<number, [number, number][]>, version: number) => {
    for (const [list, of] of changes) {
      const isTold = of.length <= MOST_TOLD;
      for (let from = 0; from < (isTold ? of.length : 1); from += SLICE) {
        const event = { list, version, changes: isTold ? of.slice(from, from + SLICE) : [] };
        remembered.push(event);
        rememberedChanges += event.changes.length + 1;
        for (const told of followers) told(event);
      }
    }
    while (rememberedChanges > REMEMBERED) {
      const gone = remembered.shift() as StatusEvent;
      rememberedChanges -= gone.changes.length + 1;
      // There may be more of the same version.
      rememberedSince = gone.version + 1;
    }
  };

  /** Rows are all that is not 0: every other place that was set before is free again. */
  const freedBeside = (rows: readonly Row[]): Row[] => {
    const there = new Set(rows.map((row) => `${row.list} ${row.idx}`));
    const freed: Row[] = [];
    for (const [list, { bits }] of lists)
      for (const [at, byte] of bits.entries())
        for (let place = 0; byte !== 0 && place < 4; place++) {
          const idx = at * 4 + place;
          if (((byte >> (place * 2)) & 3) !== 0 && !there.has(`${list} ${idx}`))
            freed.push({ horizon: '', list, idx, state: 0 });
        }
    return freed;
  };

  const read = async (): Promise<void> => {
    const began = performance.now();
    const isFirst = readAt === Number.NEGATIVE_INFINITY;
    const isWhole = horizon === null || began - wholeAt > WHOLE_MS;
    const rows = isWhole ? await db.query<Row>(moved, []) : await db.query<Row>(changedSince, [horizon]);
    const next = rows[0]?.horizon ?? '0';
    const changes = apply(isWhole ? [...rows, ...freedBeside(rows)] : rows);
    if (isWhole) wholeAt = began;
    // Another server than before, which never saw some of what this process has seen.
    const isAnother = horizon !== null && BigInt(next) < BigInt(horizon);
    horizon = isAnother ? null : next;
    readAt = began;
    if (isFirst) rememberedSince = Number(next);
    else tell(changes, Number(next));
    if (isAnother) await read();
  };

  /** One look at a time; who asks during one is answered by the next. */
  let running: Promise<void> | null = null;
  let waiting: Promise<void> | null = null;
  const refresh = (): Promise<void> => {
    if (!running) {
      running = read().finally(() => {
        running = null;
      });
      return running;
    }
    waiting ??= running
      .catch(() => {})
      .then(() => {
        waiting = null;
        return refresh();
      });
    return waiting;
  };

  const build = async (number: number, list: List): Promise<PublicDocument> => {
    const { revision } = list;
    const key = keys.signer('RS256');
    const iat = numericDate(clock.now());
    // A copy: it is compressed by another thread.
    const lst = (await compress(list.bits.slice(), { level: 9 })).toString('base64url');
    const header = { typ: 'statuslist+jwt', alg: key.alg, kid: key.kid };
    const claims = {
      iss: issuer,
      sub: statusListUri(issuer, number),
      iat,
      exp: iat + LIST_LIFE_SECONDS,
      ttl: LIST_TTL_SECONDS,
      status_list: { bits: 2, lst },
    };
    const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const token = `${signed}.${signBytes(key, Buffer.from(signed)).toString('base64url')}`;
    const document = publicDocument(Buffer.from(token));
    list.built = { document, revision, kid: key.kid, at: iat };
    return document;
  };

  const isGood = ({ built }: List, revision: number): boolean =>
    built !== null &&
    built.revision >= revision &&
    built.kid === keys.signer('RS256').kid &&
    Math.abs(numericDate(clock.now()) - built.at) < RESIGN_SECONDS;

  const numbers = () => [...new Set([1, ...lists.keys()])].sort((a, b) => a - b);
  return {
    numbers,
    figures: () => ({
      lists: numbers().length,
      followers: followers.size,
      readAgeSeconds: (performance.now() - readAt) / 1000,
    }),
    async document(number) {
      if (performance.now() - readAt > BLIND_SECONDS * 1000) await refresh().catch(() => {});
      if (performance.now() - readAt > BLIND_SECONDS * 1000) return 'blind';
      // Another process may have begun it a moment ago.
      if (number !== 1 && !lists.has(number)) await refresh();
      const list = number === 1 ? ensureList(1) : lists.get(number);
      if (!list) return null;
      // What was so when it was asked for: what moves meanwhile is the next one's.
      const { revision } = list;
      while (!isGood(list, revision)) {
        list.building ??= build(number, list).finally(() => {
          list.building = null;
        });
        await list.building;
      }
      return list.built?.document ?? null;
    },
    follow(from, told) {
      // Who comes again after too long is told nothing: the signed list, which everybody reads, is the truth.
      if (from !== null && rememberedSince !== null && from >= rememberedSince)
        // A transaction that lasts, of any database of the server, holds the horizon: several events have one version, and who comes again
        // may have seen the first of them only. To be told twice does no harm.
        for (const event of remembered) if (event.version >= from) told(event);
      followers.add(told);
      return () => void followers.delete(told);
    },
    refresh,
    async start(failed) {
      const wake = () => void refresh().catch(failed);
      await refresh();
      const stopListening = await db.listen(STATUS_CHANNEL, wake);
      const timer = setInterval(wake, POLL_MS);
      timer.unref();
      return async () => {
        clearInterval(timer);
        await stopListening();
        await running?.catch(() => {});
      };
    },
  };
}
