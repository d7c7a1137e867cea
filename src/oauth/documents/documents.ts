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
import { oauthError } from '../errors.ts';
import { type ClientDocument, ON_PAGE, readDocument } from './read-document.ts';
import { isDocumentUrl } from './url.ts';

export interface DocumentRules {
  /** SIGNET_CLIENT_METADATA_HOSTS: hosts as in URLs, `*` for all; empty: metadata documents are not supported. */
  readonly hosts: readonly string[];
  /** Documents may be on this machine. */
  readonly isDevelopment: boolean;
  readonly redirectRules: RedirectRules;
}

/** A cache of clients' metadata documents. */
export interface ClientDocuments {
  /** Whether a client id is the URL of a document that may be fetched. */
  admits(clientId: string): boolean;
  /** Returns the cached document without fetching; null when there is none. OAuthError: a recent attempt failed. */
  peek(clientId: string, now: Date): ClientDocument | null;
  /** Returns the document, fetched if it is not cached. OAuthError: why no document can be used. */
  load(clientId: string, now: Date, requester: DocumentRequester): Promise<ClientDocument>;
}

/** The network that causes a fetch. */
export interface DocumentRequester {
  /** Concurrent fetches are shared out among networks. */
  readonly network: string;
  /** Called before a fetch; throws to prevent it. */
  beforeFetch(): Promise<void>;
}

const MAX_BYTES = 5 * 1024;
const DEADLINE_MS = 3000;
/** Bounds for the lifetime in `Cache-Control` (RFC 9111 §5.2.2), and the default. */
const MIN_FRESH_MS = 60_000;
const MAX_FRESH_MS = 3_600_000;
const DEFAULT_FRESH_MS = 300_000;
/** A failure is cached for this long. */
const FAILURE_MS = 30_000;
/** Documents in the cache. */
const CACHE_ENTRIES = 1000;
/** Concurrent fetches: of one network, and in total. Networks share one limit, because there are many. */
const CONCURRENT_FETCHES = { owner: 10, kind: 50, all: 50 };

interface CacheEntry {
  readonly outcome: ClientDocument | OAuthError;
  readonly untilMs: number;
}

/** `resolve`: for tests, replaces name resolution. */
export function createClientDocuments(
  rules: DocumentRules,
  { resolve }: Pick<FetchOptions, 'resolve'> = {},
): ClientDocuments {
  const fetchDocument = createDocumentFetch(rules, resolve);
  const cache = createLru<CacheEntry>(CACHE_ENTRIES);
  const shareFetch = singleFlight<CacheEntry>();
  const shares = createFairShares<AbortController>(CONCURRENT_FETCHES);

  /** Fetches within the share of the network that asked first. */
  const fetchInShare = async (clientId: string, network: string, nowMs: number): Promise<CacheEntry> => {
    const owner = { kind: 'network', name: network } as const;
    const abort = new AbortController();
    const { isTaken, evicted } = shares.take(owner, abort);
    if (!isTaken) throw busy();
    evicted?.abort();
    try {
      return await fetchDocument(clientId, nowMs, abort.signal);
    } finally {
      shares.release(owner, abort);
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
        // Concurrent requests share one fetch, and each counts against its rate limit.
        await beforeFetch();
        entry = await shareFetch(clientId, () => fetchInShare(clientId, network, now.getTime()));
        cache.set(clientId, entry);
      }
      return requireDocument(entry);
    },
  };
}

/** Returns a function that fetches and reads one document; a failure is an entry too. */
function createDocumentFetch(rules: DocumentRules, resolve: FetchOptions['resolve']) {
  const common = { deadlineMilliseconds: DEADLINE_MS, ...(resolve ? { resolve } : {}) };
  // Anyone may cause a fetch, so SIGNET_FETCH_ALLOW, which is for trusted clients, does not apply.
  const outside = createGuardedFetch({ ...common, allow: [] });
  const inside = createGuardedFetch({ ...common, allow: ['127.0.0.0/8', '::1/128'] });
  const fetchFor = (url: URL): GuardedFetch => (rules.isDevelopment && isLoopbackHost(url.hostname) ? inside : outside);
  return async (clientId: string, nowMs: number, signal: AbortSignal): Promise<CacheEntry> => {
    try {
      const response = await fetchFor(new URL(clientId))({
        url: clientId,
        accept: 'application/json',
        maxBytes: MAX_BYTES,
        signal,
      });
      checkResponse(response);
      const outcome = readDocument(clientId, response.body, rules.redirectRules);
      return { outcome, untilMs: nowMs + freshnessMs(response.cacheControl) };
    } catch (error) {
      // Evicted in favour of another network: no failure of the document.
      if (signal.aborted) throw busy();
      const outcome =
        error instanceof FetchError ? oauthError('document_unreachable', { fault: error.code }, ON_PAGE) : error;
      if (!(outcome instanceof OAuthError)) throw error;
      return { outcome, untilMs: nowMs + FAILURE_MS };
    }
  };
}

function requireDocument({ outcome }: CacheEntry): ClientDocument {
  if (outcome instanceof OAuthError) throw outcome;
  return outcome;
}

function busy(): OAuthError {
  return oauthError('documents_busy', { status: 503, headers: { 'retry-after': '5' } });
}

function checkResponse({ status, type }: FetchResponse): void {
  if (status !== 200) throw oauthError('document_status', { status }, ON_PAGE);
  if (!/^application\/([\w.-]+\+)?json$/.test(type)) throw oauthError('document_type', ON_PAGE);
}

/** RFC 9111 §4.2.1, within bounds: a response that must not be cached is kept for the duration of one sign-in. */
function freshnessMs(cacheControl: string): number {
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return MIN_FRESH_MS;
  const seconds = /\bmax-age="?(\d{1,9})/i.exec(cacheControl)?.[1];
  return seconds === undefined
    ? DEFAULT_FRESH_MS
    : Math.min(Math.max(Number(seconds) * 1000, MIN_FRESH_MS), MAX_FRESH_MS);
}
