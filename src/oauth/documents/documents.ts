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
import { type ClientDocument, readDocument, unfit } from './read-document.ts';
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
  of(clientId: string, now: Date, asker: Asker): Promise<ClientDocument>;
}

/** Who has a document fetched. */
export interface Asker {
  /** By which fetches under way are shared. */
  readonly network: string;
  /** RequestedAccess before anything is fetched. */
  mayFetch(): Promise<void>;
}

const MOST_BYTES = 5 * 1024;
const DEADLINE_MS = 3000;
/** Bounds of what `Cache-Control` says (RFC 9111 §5.2.2), and what holds where it says nothing. */
const LEAST_MS = 60_000;
const MOST_MS = 3_600_000;
const DEFAULT_MS = 300_000;
/** A document that could not be had, or used, is not asked for again so soon. */
const FAILED_MS = 30_000;
/** Documents. */
const KEPT = 1000;
/** Fetches at once: of one network, and of all. Networks are counted one by one, and there are many. */
const UNDERWAY = { owner: 10, kind: 50, all: 50 };

interface Kept {
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
  const kept = createLru<Kept>(KEPT);
  const once = singleFlight<Kept>();
  const shares = createFairShares<AbortController>(UNDERWAY);

  const ask = async (clientId: string, nowMs: number, signal: AbortSignal): Promise<Kept> => {
    try {
      const fetched = await fetchFor(new URL(clientId))({
        url: clientId,
        accept: 'application/json',
        maxBytes: MOST_BYTES,
        signal,
      });
      checkAnswer(fetched);
      const outcome = readDocument(clientId, fetched.body, rules.redirectRules);
      return { outcome, untilMs: nowMs + freshFor(fetched.cacheControl) };
    } catch (error) {
      // It made way for another network's: that says nothing of the document.
      if (signal.aborted) throw busy();
      const outcome = error instanceof FetchError ? unfit(error.message.replace(/\.( .*)?$/, '')) : error;
      if (!(outcome instanceof OAuthError)) throw error;
      return { outcome, untilMs: nowMs + FAILED_MS };
    }
  };

  /** In the share of the network that asked first. */
  const askInTurn = async (clientId: string, network: string, nowMs: number): Promise<Kept> => {
    const owner = { kind: 'network', name: network } as const;
    const fetching = new AbortController();
    const { isTaken, evicted } = shares.take(owner, fetching);
    if (!isTaken) throw busy();
    evicted?.abort();
    try {
      return await ask(clientId, nowMs, fetching.signal);
    } finally {
      shares.release(owner, fetching);
    }
  };
  const fresh = (clientId: string, now: Date) => {
    const entry = kept.get(clientId);
    return entry && entry.untilMs > now.getTime() ? entry : null;
  };

  return {
    admits: (clientId) =>
      isDocumentUrl(clientId, rules.isDevelopment) &&
      (rules.hosts.includes('*') || rules.hosts.includes(new URL(clientId).host)),
    peek(clientId, now) {
      const entry = fresh(clientId, now);
      return entry && usable(entry);
    },
    async of(clientId, now, { network, mayFetch }) {
      let entry = fresh(clientId, now);
      if (!entry) {
        // Who comes meanwhile waits for the same answer, and is counted all the same.
        await mayFetch();
        entry = await once(clientId, () => askInTurn(clientId, network, now.getTime()));
        kept.set(clientId, entry);
      }
      return usable(entry);
    },
  };
}

function usable({ outcome }: Kept): ClientDocument {
  if (outcome instanceof OAuthError) throw outcome;
  return outcome;
}

function busy(): OAuthError {
  const text = 'Too many metadata documents are being read. Try again in a few seconds.';
  return new OAuthError('temporarily_unavailable', text, { status: 503, headers: { 'retry-after': '5' } });
}

function checkAnswer({ status, type }: FetchResponse): void {
  if (status !== 200) throw unfit(`its address answers ${status}`);
  if (!/^application\/([\w.-]+\+)?json$/.test(type)) throw unfit('it is not served as application/json');
}

/** RFC 9111 §4.2.1, within bounds: what must not be kept is kept for the moments of one sign-in. */
function freshFor(cacheControl: string): number {
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return LEAST_MS;
  const seconds = /\bmax-age="?(\d{1,9})/i.exec(cacheControl)?.[1];
  return seconds === undefined ? DEFAULT_MS : Math.min(Math.max(Number(seconds) * 1000, LEAST_MS), MOST_MS);
}
