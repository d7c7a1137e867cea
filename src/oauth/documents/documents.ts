import { createFairShares, singleFlight } from '../../platform/concurrency.ts';
import { isLoopbackHost } from '../../platform/config/index.ts';
import {
  createGuardedFetch,
  FetchError,
  type FetchOptions,
  type FetchResponse,
  type GuardedFetch,
} from '../../platform/fetch/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
import { createLru } from '../../platform/lru.ts';
import type { RedirectRules } from '../clients/uris.ts';
import { type ClientDocument, readDocument, unusableDocument } from './read-document.ts';
import { isDocumentUrl } from './url.ts';

export interface DocumentRules {
  /** SIGNET_CLIENT_METADATA_HOSTS: hosts as URLs say them, `*` for every one; empty: clients are not known by documents here. */
  readonly hosts: readonly string[];
  /** Documents may stand on this machine. */
  readonly isDevelopment: boolean;
  readonly redirectRules: RedirectRules;
}

/** The metadata documents of clients, kept for a while. */
export interface ClientDocuments {
  /** Whether a client id is one that is looked up here. */
  admits(clientId: string): boolean;
  /** What is kept of it, and nothing is fetched; null: nothing. OAuthError: it could not be used a moment ago. */
  peek(clientId: string, now: Date): ClientDocument | null;
  /** Fetched where it is not kept. OAuthError: why there is no document that can be used. */
  load(clientId: string, now: Date, requester: DocumentRequester): Promise<ClientDocument>;
}

/** Who has a document fetched. */
export interface DocumentRequester {
  /** By which fetches under way are shared. */
  readonly network: string;
  /** RequestedAccess before anything is fetched. */
  beforeFetch(): Promise<void>;
}

const MAX_BYTES = 5 * 1024;
const DEADLINE_MS = 3000;
/** Bounds of what `Cache-Control` says (RFC 9111 §5.2.2), and what holds where it says nothing. */
const MIN_FRESH_MS = 60_000;
const MAX_FRESH_MS = 3_600_000;
const DEFAULT_FRESH_MS = 300_000;
/** A document that could not be had, or used, is not asked for again so soon. */
const FAILURE_MS = 30_000;
/** Documents. */
const CACHE_ENTRIES = 1000;
/** Fetches at once: of one network, and of all. Networks are counted one by one, and there are many. */
const CONCURRENT_FETCHES = { owner: 10, kind: 50, all: 50 };

interface CacheEntry {
  readonly outcome: ClientDocument | OAuthError;
  readonly untilMs: number;
}

/** `resolve`, of tests: in the place of the machine's own names. */
export function createClientDocuments(
  rules: DocumentRules,
  { resolve }: Pick<FetchOptions, 'resolve'> = {},
): ClientDocuments {
  const common = { deadlineMilliseconds: DEADLINE_MS, ...(resolve ? { resolve } : {}) };
  // Anybody may name an address: what SIGNET_FETCH_ALLOW opens is for those whom an operator knows.
  const outside = createGuardedFetch({ ...common, allow: [] });
  const inside = createGuardedFetch({ ...common, allow: ['127.0.0.0/8', '::1/128'] });
  const fetchFor = (url: URL): GuardedFetch => (rules.isDevelopment && isLoopbackHost(url.hostname) ? inside : outside);
  const cache = createLru<CacheEntry>(CACHE_ENTRIES);
  const shareFetch = singleFlight<CacheEntry>();
  const shares = createFairShares<AbortController>(CONCURRENT_FETCHES);

  const fetchDocument = async (clientId: string, nowMs: number, signal: AbortSignal): Promise<CacheEntry> => {
    try {
      const fetched = await fetchFor(new URL(clientId))({
        url: clientId,
        accept: 'application/json',
        maxBytes: MAX_BYTES,
        signal,
      });
      checkResponse(fetched);
      const outcome = readDocument(clientId, fetched.body, rules.redirectRules);
      return { outcome, untilMs: nowMs + freshnessMs(fetched.cacheControl) };
    } catch (error) {
      // It made way for another network's: that says nothing of the document.
      if (signal.aborted) throw busy();
      const outcome = error instanceof FetchError ? unusableDocument(error.message.replace(/\.( .*)?$/, '')) : error;
      if (!(outcome instanceof OAuthError)) throw error;
      return { outcome, untilMs: nowMs + FAILURE_MS };
    }
  };

  /** In the share of the network that asked first. */
  const fetchInShare = async (clientId: string, network: string, nowMs: number): Promise<CacheEntry> => {
    const owner = { kind: 'network', name: network } as const;
    const fetching = new AbortController();
    const { isTaken, evicted } = shares.take(owner, fetching);
    if (!isTaken) throw busy();
    evicted?.abort();
    try {
      return await fetchDocument(clientId, nowMs, fetching.signal);
    } finally {
      shares.release(owner, fetching);
    }
  };
  const freshEntry = (clientId: string, now: Date) => {
    const entry = cache.get(clientId);
    return entry && entry.untilMs > now.getTime() ? entry : null;
  };

  return {
    admits: (clientId) =>
      isDocumentUrl(clientId, rules.isDevelopment) &&
      (rules.hosts.includes('*') || rules.hosts.includes(new URL(clientId).host)),
    peek(clientId, now) {
      const entry = freshEntry(clientId, now);
      return entry && requireDocument(entry);
    },
    async load(clientId, now, { network, beforeFetch }) {
      let entry = freshEntry(clientId, now);
      if (!entry) {
        // Who comes meanwhile waits for the same answer, and is counted all the same.
        await beforeFetch();
        entry = await shareFetch(clientId, () => fetchInShare(clientId, network, now.getTime()));
        cache.set(clientId, entry);
      }
      return requireDocument(entry);
    },
  };
}

function requireDocument({ outcome }: CacheEntry): ClientDocument {
  if (outcome instanceof OAuthError) throw outcome;
  return outcome;
}

function busy(): OAuthError {
  const text = 'Too many metadata documents are being read. Try again in a few seconds.';
  return new OAuthError('temporarily_unavailable', text, { status: 503, headers: { 'retry-after': '5' } });
}

function checkResponse({ status, type }: FetchResponse): void {
  if (status !== 200) throw unusableDocument(`its address answers ${status}`);
  if (!/^application\/([\w.-]+\+)?json$/.test(type)) throw unusableDocument('it is not served as application/json');
}

/** RFC 9111 §4.2.1, within bounds: what must not be kept is kept for the moments of one sign-in. */
function freshnessMs(cacheControl: string): number {
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return MIN_FRESH_MS;
  const seconds = /\bmax-age="?(\d{1,9})/i.exec(cacheControl)?.[1];
  return seconds === undefined
    ? DEFAULT_FRESH_MS
    : Math.min(Math.max(Number(seconds) * 1000, MIN_FRESH_MS), MAX_FRESH_MS);
}
