import type { CachedDocument } from './cached-document.ts';
import type { StatusClaim } from './claims.ts';
import { type Clock, SKEW_SECONDS } from './clock.ts';
import { VerifierError } from './errors.ts';
import { fetchBody, mediaType } from './http.ts';
import { type CompactJws, isSignedBy } from './jws.ts';
import { findKey, type KeySet } from './keys.ts';
import {
  laterStatus,
  MAX_STATUS_LIST_LENGTH,
  mergeLists,
  readStatusList,
  type StatusList,
  statusAt,
} from './status-list.ts';

export interface StatusListOptions {
  /** With a trailing slash. A list outside it is not the issuer's. */
  readonly base: string;
  /** The same as reached from here: lists are fetched only below it. */
  readonly reachBase: string;
  readonly keys: CachedDocument<KeySet>;
  readonly maxStalenessSeconds: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  onError(error: unknown): void;
}

interface TrackedList {
  readonly uri: string;
  list: StatusList | undefined;
  etag: string | undefined;
  /** Send time of the request that last confirmed the list. On the monotonic clock, like all times below. */
  confirmedAt: number;
  attemptedAt: number;
  /** Time of the last event that announced a change. */
  eventAt: number;
  /** Responses to requests before this time confirm nothing. */
  notBefore: number;
  lastUsedAt: number;
  failure: unknown;
  pending: Promise<void> | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Statuses from the event stream, with their time in seconds since 1970: a list signed before that does not override them. */
  readonly pushed: Map<number, { status: number; atSeconds: number }>;
}

/** Longer than the lifetime of any token. */
const UNUSED_MS = 16 * 60_000;
const RETRY_MS = 1000;
/** Each process of the issuer signs an unchanged list again after this time, at its own pace. */
const RESIGN_SECONDS = 60;
/** Maximum delay after an event without changes, which every service receives at the same moment. */
const EVENT_DELAY_MS = 500;
const MAX_LISTS = 256;
const MAX_PUSHED = 100_000;

/** The issuer's status lists named by tokens: polled while tokens use them, sooner after an event. */
export class StatusLists {
  readonly #options: StatusListOptions;
  readonly #lists = new Map<string, TrackedList>();

  constructor(options: StatusListOptions) {
    this.#options = options;
  }

  /**
   * Returns the status of a token. Throws `status_uri_foreign`, `status_out_of_range`, and `status_unavailable` if the list was confirmed
   * more than `maxStalenessSeconds` ago or its `exp` has passed, and the issuer has no newer one.
   */
  async status({ uri, idx }: StatusClaim): Promise<number> {
    const tracked = this.#track(uri);
    if (!this.#isFresh(tracked)) await this.#poll(tracked);
    if (idx >= (tracked.list?.size ?? 0)) await this.#poll(tracked);
    if (!tracked.list || !this.#isFresh(tracked))
      throw new VerifierError('status_unavailable', { cause: tracked.failure });
    const status = statusAt(tracked.list, idx);
    const pushed = tracked.pushed.get(idx);
    return pushed === undefined ? status : laterStatus(status, pushed.status);
  }

  /** Applies an event: `list` is the address of a list or its last segment. Without changes, the list is polled. */
  apply(list: string, changes: readonly (readonly [number, number])[]): void {
    const tracked = this.#lists.get(list) ?? this.#lists.get(this.#options.base + list);
    if (!tracked) return;
    const { clock } = this.#options;
    const now = clock.elapsed();
    const atSeconds = clock.now() / 1000;
    // A freed index becomes valid again only by the signed list.
    for (const [idx, status] of changes)
      if (status !== 0)
        tracked.pushed.set(idx, { status: laterStatus(tracked.pushed.get(idx)?.status ?? 0, status), atSeconds });
    if (tracked.pushed.size > MAX_PUSHED) {
      // Too many to store: the signed list has the rest.
      tracked.pushed.clear();
      tracked.notBefore = now;
      tracked.confirmedAt = Number.NEGATIVE_INFINITY;
    }
    if (changes.length > 0) return;
    tracked.eventAt = now;
    if (!tracked.pending) this.#schedule(tracked);
  }

  /** Polls every list: after a reconnect of the stream, events may have been missed since the last poll. */
  pollAll(): void {
    for (const tracked of this.#lists.values()) this.#pollSoon(tracked);
  }

  /** Polls again even if a request is running or finished within the last second, because its response may be older than the missed event. */
  #pollSoon(tracked: TrackedList): void {
    const now = this.#options.clock.elapsed();
    if (!tracked.pending && now - tracked.attemptedAt >= RETRY_MS) return void this.#poll(tracked);
    tracked.eventAt = now;
    if (!tracked.pending) this.#schedule(tracked);
  }

  close(): void {
    for (const tracked of this.#lists.values()) clearTimeout(tracked.timer);
    this.#lists.clear();
  }

  #track(uri: string): TrackedList {
    const lastUsedAt = this.#options.clock.elapsed();
    const existing = this.#lists.get(uri);
    if (existing) {
      existing.lastUsedAt = lastUsedAt;
      return existing;
    }
    const { base } = this.#options;
    if (!uri.startsWith(base) || !/^[A-Za-z0-9_-]{1,128}$/.test(uri.slice(base.length)))
      throw new VerifierError('status_uri_foreign');
    if (this.#lists.size >= MAX_LISTS)
      this.#untrack([...this.#lists.values()].sort((a, b) => a.lastUsedAt - b.lastUsedAt)[0]);
    const never = Number.NEGATIVE_INFINITY;
    const tracked: TrackedList = {
      ...{
        uri,
        lastUsedAt,
        confirmedAt: never,
        attemptedAt: never,
        eventAt: never,
        notBefore: never,
        pushed: new Map(),
      },
      ...{ list: undefined, etag: undefined, failure: undefined, pending: undefined, timer: undefined },
    };
    this.#lists.set(uri, tracked);
    return tracked;
  }

  #untrack(tracked: TrackedList | undefined): void {
    if (!tracked) return;
    clearTimeout(tracked.timer);
    this.#lists.delete(tracked.uri);
  }

  #isFresh({ list, confirmedAt }: TrackedList): boolean {
    const { clock, maxStalenessSeconds } = this.#options;
    if (!list || clock.now() / 1000 >= list.exp + SKEW_SECONDS) return false;
    return clock.elapsed() - confirmedAt <= maxStalenessSeconds * 1000;
  }

  /** One request at a time per list, at most one per second. */
  #poll(tracked: TrackedList): Promise<void> {
    if (tracked.pending) return tracked.pending;
    const startedAt = this.#options.clock.elapsed();
    if (startedAt - tracked.attemptedAt < RETRY_MS) {
      if (tracked.timer === undefined) this.#schedule(tracked);
      return Promise.resolve();
    }
    tracked.attemptedAt = startedAt;
    tracked.pending = this.#fetch(tracked, startedAt).finally(() => {
      tracked.pending = undefined;
      this.#schedule(tracked);
    });
    return tracked.pending;
  }

  #schedule(tracked: TrackedList): void {
    const { signal, clock, maxStalenessSeconds } = this.#options;
    clearTimeout(tracked.timer);
    if (signal.aborted || this.#lists.get(tracked.uri) !== tracked) return;
    const everySeconds = Math.min(tracked.list?.ttlSeconds ?? 1, maxStalenessSeconds);
    const pauseMs = tracked.failure === undefined ? everySeconds * 1000 : RETRY_MS;
    const earliestMs = tracked.attemptedAt + RETRY_MS + 1 - clock.elapsed();
    const hasEvent = tracked.eventAt >= tracked.attemptedAt;
    tracked.timer = setTimeout(
      () => {
        tracked.timer = undefined;
        if (clock.elapsed() - tracked.lastUsedAt > UNUSED_MS) this.#untrack(tracked);
        else void this.#poll(tracked);
      },
      // Spreads the load of many services; never earlier than #poll allows.
      hasEvent
        ? Math.max(earliestMs, EVENT_DELAY_MS * Math.random())
        : Math.max(RETRY_MS + 1, pauseMs * (0.8 + 0.2 * Math.random())),
    );
    tracked.timer.unref();
  }

  async #fetch(tracked: TrackedList, startedAt: number): Promise<void> {
    const { base, reachBase, clock, timeoutMs, signal, onError } = this.#options;
    try {
      const headers = {
        accept: 'application/statuslist+jwt',
        ...(tracked.etag ? { 'if-none-match': tracked.etag } : {}),
      };
      const response = await fetchBody(
        reachBase + tracked.uri.slice(base.length),
        { headers, timeoutMs, signal },
        MAX_STATUS_LIST_LENGTH,
      );
      if (response.status === 200) {
        if (mediaType(response.headers['content-type']) !== 'application/statuslist+jwt')
          throw new VerifierError('status_list_malformed', { detail: 'its content type is another' });
        const token = response.body.toString('latin1');
        const list = await readStatusList(token, tracked.uri, (compact) => this.#isSigned(compact), clock.now());
        if (list.iat < (tracked.list?.iat ?? 0) - RESIGN_SECONDS - list.ttlSeconds)
          throw new VerifierError('status_list_malformed', { detail: 'it is older than the one before' });
        tracked.list = tracked.list && list.iat <= tracked.list.iat ? mergeLists(tracked.list, list) : list;
        tracked.etag = response.headers.etag;
      } else if (response.status !== 304 || !tracked.list)
        throw new VerifierError('request_failed', { detail: `the status list answers ${response.status}` });
      // RFC 9111 §5.1: a response from an intermediate cache is older.
      const ageSeconds = Number(response.headers.age ?? 0);
      const requestedAt = startedAt - (ageSeconds > 0 ? ageSeconds * 1000 : 0);
      if (requestedAt >= tracked.notBefore) tracked.confirmedAt = requestedAt;
      tracked.failure = undefined;
      const { iat } = tracked.list;
      for (const [idx, { atSeconds }] of tracked.pushed) if (iat > atSeconds + SKEW_SECONDS) tracked.pushed.delete(idx);
    } catch (error) {
      tracked.failure = error;
      if (!signal.aborted) onError(error);
    }
  }

  async #isSigned(compact: CompactJws): Promise<boolean> {
    return isSignedBy(compact, await findKey(this.#options.keys, compact.header.kid));
  }
}
