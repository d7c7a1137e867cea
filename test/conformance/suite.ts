import { createLocalJWKSet } from 'jose';
import type { Database } from '../../src/platform/database/index.ts';
import { openWorld } from '../support/world.ts';

// What OpenID's conformance suite needs of a server before its plans begin, as docs/conformance.md tells an operator to make it.

/** As the suite makes it of its alias. */
export const CALLBACK = 'https://suite.example/test/a/signet/callback';

export interface Client {
  readonly id: string;
  readonly secret: string;
  readonly auth: 'client_secret_basic' | 'client_secret_post';
}

export type Suite = Awaited<ReturnType<typeof startSuite>>;
export type Mode = 'query' | 'form_post';

/** `basic` plays oidcc-basic-certification-test-plan, `form_post` oidcc-formpost-basic-certification-test-plan: the same modules. */
export const PLANS: readonly (readonly [name: string, mode: Mode])[] = [
  ['basic', 'query'],
  ['formpost-basic', 'form_post'],
];

/** The whole service, alice, and the three clients that the plans are configured with. */
export async function startSuite(db: Database, mode: Mode = 'query') {
  const world = await openWorld(db);
  const { app, clock, issuer } = world;
  await world.user('alice', { email: 'alice@example.com', firstName: 'Alice', lastName: 'Lind' });
  const make = async (name: string, auth: Client['auth']): Promise<Client> => ({
    ...(await world.client(name, { preset: 'web', redirectUris: [CALLBACK], settings: { pkce: 'off' } })),
    auth,
  });
  const first = await make('Suite', 'client_secret_basic');
  const second = await make('Suite 2', 'client_secret_basic');
  const byPost = await make('Suite post', 'client_secret_post');
  const document = (await app.inject('/.well-known/openid-configuration')).json() as Record<string, unknown>;
  const published = await app.inject('/.well-known/jwks.json');
  return {
    app,
    http: world.http,
    clock,
    issuer,
    mode,
    first,
    second,
    byPost,
    /** The discovery document: a module reads every address there. */
    document,
    jwks: published.json() as { keys: Record<string, unknown>[] },
    keys: createLocalJWKSet(published.json()),
    /** A path of the service for an address that it publishes. */
    at: (name: string) => String(document[name]).slice(issuer.length),
  };
}
