import { isLoopbackHost } from '../../platform/config/index.ts';
import {
  createGuardedFetch,
  FetchError,
  type Fetched,
  type FetchOptions,
  type GuardedFetch,
} from '../../platform/fetch/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
import { recent } from '../../platform/recent.ts';
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
  /** `mayFetch` is asked before anything is fetched. OAuthError: why there is no document that can be used. */
  of(clientId: string, now: Date, mayFetch: () => Promise<void>): Promise<ClientDocument>;
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
/** Fetches at once, whoever asks: networks are counted one by one, and there are many. */
const MOST_UNDERWAY = 50;

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
  const fetchOf = (url: URL): GuardedFetch => (rules.isDevelopment && isLoopbackHost(url.hostname) ? inside : outside);
  const kept = recent<Kept>(KEPT);
  const underway = new Map<string, Promise<Kept>>();

  const ask = async (clientId: string, nowMs: number): Promise<Kept> => {
    try {
      const fetched = await fetchOf(new URL(clientId))({
        url: clientId,
        accept: 'application/json',
        mostBytes: MOST_BYTES,
      });
      checkAnswer(fetched);
      const outcome = readDocument(clientId, fetched.body, rules.redirectRules);
      return { outcome, untilMs: nowMs + freshFor(fetched.cacheControl) };
    } catch (error) {
      const outcome = error instanceof FetchError ? unfit(error.message.replace(/\.( .*)?$/, '')) : error;
      if (!(outcome instanceof OAuthError)) throw error;
      return { outcome, untilMs: nowMs + FAILED_MS };
    }
  };

  return {
    admits: (clientId) =>
      isDocumentUrl(clientId, rules.isDevelopment) &&
      (rules.hosts.includes('*') || rules.hosts.includes(new URL(clientId).host)),
    async of(clientId, now, mayFetch) {
      let entry = kept.get(clientId);
      if (!entry || entry.untilMs <= now.getTime()) {
        // Who comes meanwhile waits for the same answer, and is counted all the same.
        await mayFetch();
        if (underway.size >= MOST_UNDERWAY && !underway.has(clientId)) throw busy();
        const asked = underway.get(clientId) ?? ask(clientId, now.getTime()).finally(() => underway.delete(clientId));
        underway.set(clientId, asked);
        entry = await asked;
        kept.set(clientId, entry);
      }
      if (entry.outcome instanceof OAuthError) throw entry.outcome;
      return entry.outcome;
    },
  };
}

function busy(): OAuthError {
  const text = 'Too many metadata documents are being read. Try again in a few seconds.';
  return new OAuthError('temporarily_unavailable', text, { status: 503, headers: { 'retry-after': '5' } });
}

function checkAnswer({ status, type }: Fetched): void {
  if (status !== 200) throw unfit(`its address answers ${status}`);
  if (!/^application\/([\w.-]+\+)?json$/.test(type)) throw unfit('it is not served as application/json');
}

/** RFC 9111 §4.2.1, within bounds: what must not be kept is kept for the moments of one sign-in. */
function freshFor(cacheControl: string): number {
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return LEAST_MS;
  const seconds = /\bmax-age="?(\d{1,9})/i.exec(cacheControl)?.[1];
  return seconds === undefined ? DEFAULT_MS : Math.min(Math.max(Number(seconds) * 1000, LEAST_MS), MOST_MS);
}
