import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { pino } from 'pino';
import type { Test } from 'tap';
import { createInitialToken, type NewClient, type updateClient } from '../../src/oauth/index.ts';
import { type createApi, getApi, type updateApi } from '../../src/permissions/index.ts';
import { systemClock } from '../../src/platform/time.ts';
import { httpsIdentity } from '../../src/server/https.ts';
import { createJobs } from '../../src/server/jobs.ts';
import { openTestEmbedded } from '../support/database.ts';
import { PASSWORD } from '../support/http.ts';
import { freePort } from '../support/process.ts';
import { masterKey } from '../support/server.ts';
import { openWorld } from '../support/world.ts';
import { type Browser, type BrowserOptions, newBrowser, type Page } from './browser.ts';

/** The permissions of the group that alice is in: bob holds none. */
export const EDITORS = ['polls.add_choice', 'polls.view_choice'];
/** An API whose audience is a URI, and so can be asked for as a `resource` (RFC 8707). */
export const POLLS_URI = 'https://polls.example';

export interface WorldOptions {
  /** False: plain http on loopback, for libraries that take that. */
  readonly https?: boolean;
  readonly environment?: Record<string, string>;
  /** A proxy before it: told its port, answers the issuer. */
  readonly behind?: (port: number) => Promise<string>;
}

export type MadeClient = Awaited<ReturnType<ClientWorld['client']>>;
export type ClientWorld = Awaited<ReturnType<typeof startWorld>>;

type ConsentNeeded = Omit<NewClient, 'name' | 'requests' | 'serves'> & {
  readonly name?: string;
  readonly requests?: readonly string[];
  readonly serves?: readonly string[];
  /** What it may carry of its users' rights, of `polls`, where it is not first-party. */
  readonly boundary?: readonly string[];
};

/**
 * Signet on a port of this machine with `https://localhost:PORT` (or http) as its issuer, as `signet dev --https` serves it. In it
 * the APIs `polls` and `https://polls.example` with the models question and choice, alice in the group Poll editors, and bob.
 * This process believes its certificate from then on, as by NODE_EXTRA_CA_CERTS.
 */
export async function startWorld(t: Test, { https = true, environment = {}, behind }: WorldOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'signet-clients-'));
  // Apache reads the CA as another user.
  chmodSync(folder, 0o755);
  const identity = https ? await httpsIdentity(folder, systemClock.now()) : undefined;
  const ca = identity ? readFileSync(identity.caPath, 'utf8') : undefined;
  if (ca !== undefined) setDefaultCACertificates([...getCACertificates('default'), ca]);
  const db = await openTestEmbedded();
  const port = await freePort();
  const issuer = behind ? await behind(port) : `${https ? 'https' : 'http'}://localhost:${port}`;
  const world = await openWorld(db, {
    clock: systemClock,
    environment: { SIGNET_ISSUER: issuer, SIGNET_FETCH_ALLOW: '127.0.0.0/8,::1/128', ...environment },
    ...(identity ? { https: identity } : {}),
  });
  const models = ['polls.question', 'polls.choice'];
  const polls = await world.api('polls', { models });
  const byUri = await world.api(POLLS_URI, { models });
  const alice = await world.user('alice', { email: 'alice@example.com' });
  await world.user('bob', { email: 'bob@example.com' });
  const editors = await world.group('Poll editors', alice);
  for (const api of [polls, byUri]) await world.assign(editors, api, ...EDITORS);
  await world.app.listen({ host: 'localhost', port });
  t.teardown(async () => {
    await world.app.close();
    await db.close();
  });

  const apis = (names: readonly string[]) => Promise.all(names.map((name) => getApi(db.fork(), name, issuer)));

  return {
    issuer,
    db,
    service: world,
    /** PEM of the CA, and the file that holds it. */
    ca,
    caPath: identity?.caPath,
    /** The key and the certificate of localhost, for another server of this machine. */
    identity,
    discoveryUrl: `${issuer}/.well-known/openid-configuration`,
    browser: (options: Omit<BrowserOptions, 'ca'> = {}): Browser => newBrowser({ ...options, ...(ca ? { ca } : {}) }),
    /** A client of `polls`, made by the verb of `signet client create`. */
    async client({ name, requests = ['polls'], serves = [], boundary, ...given }: ConsentNeeded) {
      const unique = name ?? `${given.preset} ${port} ${Math.random().toString(36).slice(2)}`;
      const all = { ...given, requests: await apis(requests), serves: await apis(serves) };
      const client = await world.client(unique, all);
      if (boundary) await world.allow(client, polls, ...boundary);
      return { clientId: client.id, secret: client.secret as string, id: client.principal, name: unique };
    },
    async changeClient(of: { id: string }, change: Parameters<typeof updateClient>[3]): Promise<void> {
      await world.updateClient({ principal: of.id }, change);
    },
    /** An access token for `polls`, as a first-party program gets one. */
    async token(username: string): Promise<string> {
      const response = await fetch(`${issuer}/api/v1/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username, password: PASSWORD, audience: 'polls' }),
      });
      return ((await response.json()) as { access_token: string }).access_token;
    },
    /** Has one of the server's standing jobs done now: nobody here waits for its turn. */
    async run(job: string): Promise<void> {
      const { config, keys } = world;
      const deps = { db, clock: systemClock, config, log: pino({ level: 'silent' }), keys, issuer };
      await createJobs(deps, masterKey)
        .find((one) => one.name === job)
        ?.run(AbortSignal.timeout(20_000));
    },
    /** What `signet client registration-token` prints. */
    async registrationToken(): Promise<string> {
      const given = { label: 'stock clients', apis: await apis(['polls']), uses: 10, days: 1 };
      return (await createInitialToken(db.fork(), world.at(), given)).secret;
    },
    /** An API with the models question and choice. */
    async api(audience: string, settings: Parameters<typeof createApi>[3] = {}): Promise<void> {
      await world.api(audience, { models, ...settings });
    },
    async changeApi(audience: string, settings: Parameters<typeof updateApi>[3]): Promise<void> {
      await world.updateApi(await getApi(db.fork(), audience), settings);
    },
    /** Gives a client permissions of `polls` of its own: a service account. */
    async permit({ id, clientId }: { id: string; clientId: string }, permissions: readonly string[]): Promise<void> {
      await world.assign({ principal: id, id: clientId, secret: null }, polls, ...permissions);
    },
  };
}

/** Fills the login page that a browser was sent to. */
export function logIn(page: Page, username = 'alice', password = PASSWORD): Promise<Page> {
  if (page.url.pathname !== '/login') throw new Error(`not the login page: ${page.url} (${page.status})\n${page.text}`);
  return page.submit({ username, password });
}

/** Answers the consent page that a browser was sent to. */
export function decide(page: Page, decision: 'allow' | 'deny'): Promise<Page> {
  if (!page.url.pathname.startsWith('/interaction/'))
    throw new Error(`not the consent page: ${page.url} (${page.status})\n${page.text}`);
  return page.submit({}, ['decision', decision]);
}

export interface Site {
  readonly url: string;
  readonly requests: readonly string[];
}

/** A relying party of its own on a free port: `make` is told its address first, because clients register with it. */
export async function startSite(
  t: Test,
  make: (url: string) => Promise<RequestListener> | RequestListener,
): Promise<Site> {
  const port = await freePort();
  // Another host than Signet's: between the two everything is cross-site.
  const url = `http://127.0.0.1:${port}`;
  const listener = await make(url);
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.teardown(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return { url, requests };
}

/** What a person does between a client's link and its callback: logs in where asked, allows where asked. */
export async function goThrough(
  browser: Browser,
  url: string | URL,
  username = 'alice',
): Promise<Page & { readonly asked: string[] }> {
  const asked: string[] = [];
  let page = await browser.open(url);
  if (page.url.pathname === '/login') {
    asked.push('login');
    page = await logIn(page, username);
  }
  if (page.document.querySelector('button[name="decision"]')) {
    asked.push('consent');
    page = await decide(page, 'allow');
  }
  return { ...page, asked };
}
