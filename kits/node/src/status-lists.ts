import type { StatusClaim } from './claims.ts';
import { type Clock, SKEW_SECONDS } from './clock.ts';
import { type Compact, isSignedBy } from './compact.ts';
import { VerifierError } from './errors.ts';
import { read } from './http.ts';
import type { Kept } from './kept.ts';
import { findKey, type KeySet } from './keys.ts';
import { mediaType } from './media-type.ts';
import { MAX_STATUS_LIST_LENGTH, readStatusList, type StatusList, statusAt, worse, worseList } from './status-list.ts';

export interface StatusListRules {
  /** With the slash at its end. A list that does not begin so is not the issuer's. */
  readonly base: string;
  /** The same from here: nothing is fetched elsewhere. */
  readonly reach: string;
  readonly keys: Kept<KeySet>;
  readonly maxStalenessSeconds: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  onError(error: unknown): void;
}

interface Held {
  readonly uri: string;
  list: StatusList | undefined;
  etag: string | undefined;
  /** When the request was sent whose answer confirmed the list last. On the clock that is never set back, like all below. */
  confirmedAt: number;
  attemptedAt: number;
  /** When the event stream said last that there is something to read. */
  hurriedAt: number;
  /** An answer that was asked for earlier confirms nothing. */
  notBefore: number;
  usedAt: number;
  failure: unknown;
  underway: Promise<void> | undefined;
  timer: NodeJS.Timeout | undefined;
  /** What the event stream said, and when, in seconds since 1970: a list that was signed before does not take it back. */
  readonly told: Map<number, { status: number; atSeconds: number }>;
}

/** No token lives longer without being seen again. */
const FORGET_MS = 16 * 60_000;
const RETRY_MS = 1000;
/** A list of which nothing has changed is signed anew after so long, by each of the issuer's processes at a time of its own. */
const RESIGN_SECONDS = 60;
/** After an event that only says "read the list", which every service hears at the same moment. */
const HURRY_MS = 500;
const MAX_LISTS = 256;
const MAX_TOLD = 100_000;

/** The issuer's status lists that tokens have named: polled as long as tokens do, hurried on by the event stream. */
export class StatusLists {
  readonly #rules: StatusListRules;
  readonly #held = new Map<string, Held>();

  constructor(rules: StatusListRules) {
    this.#rules = rules;
  }

  /**
   * The status of a token. Throws `status_uri_foreign`, `status_out_of_range`, and `status_unavailable` when what is known of the
   * list is older than `maxStalenessSeconds`, or its `exp` has passed, and the issuer does not give a newer one.
   */
  async status({ uri, idx }: StatusClaim): Promise<number> {
    const held = this.#hold(uri);
    if (!this.#isFresh(held)) await this.#poll(held);
    if (idx >= (held.list?.size ?? 0)) await this.#poll(held);
    if (!held.list || !this.#isFresh(held)) throw new VerifierError('status_unavailable', { cause: held.failure });
    const status = statusAt(held.list, idx);
    const told = held.told.get(idx);
    return told === undefined ? status : worse(status, told.status);
  }

  /** What the event stream said: `list` is the address of a list or its last segment. No changes: the list is to be read. */
  apply(list: string, changes: readonly (readonly [number, number])[]): void {
    const held = this.#held.get(list) ?? this.#held.get(this.#rules.base + list);
    if (!held) return;
    const { clock } = this.#rules;
    const at = clock.elapsed();
    const atSeconds = clock.now() / 1000;
    // A place that was freed is good again when the signed list says so.
    for (const [idx, status] of changes)
      if (status !== 0) held.told.set(idx, { status: worse(held.told.get(idx)?.status ?? 0, status), atSeconds });
    if (held.told.size > MAX_TOLD) {
      // Too much to keep: what was not kept is in the signed list.
      held.told.clear();
      held.notBefore = at;
      held.confirmedAt = Number.NEGATIVE_INFINITY;
    }
    if (changes.length > 0) return;
    held.hurriedAt = at;
    if (!held.underway) this.#schedule(held);
  }

  /** Asks for every list: the stream has begun anew and may have missed something, since the last look too. */
  pollAll(): void {
    for (const held of this.#held.values()) this.#hurry(held);
  }

  /** What is being asked for, or was less than a second ago, may be older than what was missed: it is asked for again. */
  #hurry(held: Held): void {
    const at = this.#rules.clock.elapsed();
    if (!held.underway && at - held.attemptedAt >= RETRY_MS) return void this.#poll(held);
    held.hurriedAt = at;
    if (!held.underway) this.#schedule(held);
  }

  close(): void {
    for (const held of this.#held.values()) clearTimeout(held.timer);
    this.#held.clear();
  }

  #hold(uri: string): Held {
    const usedAt = this.#rules.clock.elapsed();
    const known = this.#held.get(uri);
    if (known) {
      known.usedAt = usedAt;
      return known;
    }
    const { base } = this.#rules;
    if (!uri.startsWith(base) || !/^[A-Za-z0-9_-]{1,128}$/.test(uri.slice(base.length)))
      throw new VerifierError('status_uri_foreign');
    if (this.#held.size >= MAX_LISTS) this.#forget([...this.#held.values()].sort((a, b) => a.usedAt - b.usedAt)[0]);
    const never = Number.NEGATIVE_INFINITY;
    const held: Held = {
      ...{ uri, usedAt, confirmedAt: never, attemptedAt: never, hurriedAt: never, notBefore: never, told: new Map() },
      ...{ list: undefined, etag: undefined, failure: undefined, underway: undefined, timer: undefined },
    };
    this.#held.set(uri, held);
    return held;
  }

  #forget(held: Held | undefined): void {
    if (!held) return;
    clearTimeout(held.timer);
    this.#held.delete(held.uri);
  }

  #isFresh({ list, confirmedAt }: Held): boolean {
    const { clock, maxStalenessSeconds } = this.#rules;
    if (!list || clock.now() / 1000 >= list.exp + SKEW_SECONDS) return false;
    return clock.elapsed() - confirmedAt <= maxStalenessSeconds * 1000;
  }

  /** One request at a time for each list, and after one has begun none for a second. */
  #poll(held: Held): Promise<void> {
    if (held.underway) return held.underway;
    const begun = this.#rules.clock.elapsed();
    if (begun - held.attemptedAt < RETRY_MS) {
      if (held.timer === undefined) this.#schedule(held);
      return Promise.resolve();
    }
    held.attemptedAt = begun;
    held.underway = this.#fetch(held, begun).finally(() => {
      held.underway = undefined;
      this.#schedule(held);
    });
    return held.underway;
  }

  #schedule(held: Held): void {
    const { signal, clock, maxStalenessSeconds } = this.#rules;
    clearTimeout(held.timer);
    if (signal.aborted || this.#held.get(held.uri) !== held) return;
    const everySeconds = Math.min(held.list?.ttlSeconds ?? 1, maxStalenessSeconds);
    const pauseMs = held.failure === undefined ? everySeconds * 1000 : RETRY_MS;
    const earliestMs = held.attemptedAt + RETRY_MS + 1 - clock.elapsed();
    const isHurried = held.hurriedAt >= held.attemptedAt;
    held.timer = setTimeout(
      () => {
        held.timer = undefined;
        if (clock.elapsed() - held.usedAt > FORGET_MS) this.#forget(held);
        else void this.#poll(held);
      },
      // Not all services at the same moment; never earlier than #poll would ask.
      isHurried
        ? Math.max(earliestMs, HURRY_MS * Math.random())
        : Math.max(RETRY_MS + 1, pauseMs * (0.8 + 0.2 * Math.random())),
    );
    held.timer.unref();
  }

  async #fetch(held: Held, begun: number): Promise<void> {
    const { base, reach, clock, timeoutMs, signal, onError } = this.#rules;
    try {
      const headers = { accept: 'application/statuslist+jwt', ...(held.etag ? { 'if-none-match': held.etag } : {}) };
      const answer = await read(
        reach + held.uri.slice(base.length),
        { headers, timeoutMs, signal },
        MAX_STATUS_LIST_LENGTH,
      );
      if (answer.status === 200) {
        if (mediaType(answer.headers['content-type']) !== 'application/statuslist+jwt')
          throw new VerifierError('status_list_malformed', { detail: 'its content type is another' });
        const token = answer.body.toString('latin1');
        const list = await readStatusList(token, held.uri, (compact) => this.#isSigned(compact), clock.now());
        if (list.iat < (held.list?.iat ?? 0) - RESIGN_SECONDS - list.ttlSeconds)
          throw new VerifierError('status_list_malformed', { detail: 'it is older than the one before' });
        held.list = held.list && list.iat <= held.list.iat ? worseList(held.list, list) : list;
        held.etag = answer.headers.etag;
      } else if (answer.status !== 304 || !held.list)
        throw new VerifierError('request_failed', { detail: `the status list answers ${answer.status}` });
      // RFC 9111 §5.1: what a cache between here and the issuer kept is older.
      const ageSeconds = Number(answer.headers.age ?? 0);
      const askedAt = begun - (ageSeconds > 0 ? ageSeconds * 1000 : 0);
      if (askedAt >= held.notBefore) held.confirmedAt = askedAt;
      held.failure = undefined;
      const { iat } = held.list;
      for (const [idx, { atSeconds }] of held.told) if (iat > atSeconds + SKEW_SECONDS) held.told.delete(idx);
    } catch (error) {
      held.failure = error;
      if (!signal.aborted) onError(error);
    }
  }

  async #isSigned(compact: Compact): Promise<boolean> {
    return isSignedBy(compact, await findKey(this.#rules.keys, compact.header.kid));
  }
}
