import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import type { Database, Statement } from '../../platform/database/index.ts';
import { type PublicDocument, publicDocument } from '../../platform/public-document.ts';
import { type Clock, numericDate } from '../../platform/time.ts';
import type { KeyRing } from '../keys/ring.ts';
import { signBytes } from '../keys/signing-key.ts';
import { STATUS_CHANNEL } from './move.ts';
import { LIST_LENGTH, statusListUri } from './place.ts';

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
  /** What has moved since a version; `null` = from now on. Calls back until the returned function is called. */
  follow(since: number | null, told: (event: StatusEvent) => void): Promise<() => void>;
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

/** Everything that was written by a transaction that had not ended before the horizon, and the horizon of this look. */
const since = (name: string, where: string): Statement => ({
  name,
  text: `select pg_snapshot_xmin(pg_current_snapshot())::text as horizon, t.list::int as list, t.idx::int as idx, t.state::int as state
    from (values (1)) one left join tokens_status t on ${where}`,
});
const changedSince = since('tokens-status-changed', 't.changed >= $1::text::xid8');
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
  let horizon: string | null = null;
  let readAt = Number.NEGATIVE_INFINITY;

  const listOf = (number: number): List => {
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
      const list = listOf(number);
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

  const read = async () => {
    const began = performance.now();
    const rows = horizon === null ? await db.query<Row>(moved, []) : await db.query<Row>(changedSince, [horizon]);
    const changes = apply(rows);
    horizon = rows[0]?.horizon ?? horizon;
    readAt = began;
    for (const [list, of] of changes) {
      const event = { list, version: Number(horizon), changes: of };
      for (const told of followers) told(event);
    }
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
    const lst = (await compress(list.bits, { level: 9 })).toString('base64url');
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

  const isGood = ({ built, revision }: List): boolean =>
    built !== null &&
    built.revision === revision &&
    built.kid === keys.signer('RS256').kid &&
    Math.abs(numericDate(clock.now()) - built.at) < RESIGN_SECONDS;

  return {
    numbers: () => [...new Set([1, ...lists.keys()])].sort((a, b) => a - b),
    async document(number) {
      if (performance.now() - readAt > BLIND_SECONDS * 1000) await refresh().catch(() => {});
      if (performance.now() - readAt > BLIND_SECONDS * 1000) return 'blind';
      // Another process may have begun it a moment ago.
      if (number !== 1 && !lists.has(number)) await refresh();
      const list = number === 1 ? listOf(1) : lists.get(number);
      if (!list) return null;
      while (!isGood(list)) {
        list.building ??= build(number, list).finally(() => {
          list.building = null;
        });
        await list.building;
      }
      return list.built?.document ?? null;
    },
    async follow(from, told) {
      followers.add(told);
      if (from !== null) {
        const rows = await db.query<Row>(changedSince, [String(from)]);
        const byList = Map.groupBy(
          rows.filter((row) => row.list !== null),
          (row) => row.list as number,
        );
        for (const [list, of] of byList)
          told({ list, version: Number(rows[0]?.horizon), changes: of.map(({ idx, state }) => [idx, state]) });
      }
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
