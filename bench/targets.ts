import type { Bound, Comparison } from './figures.ts';

/** What the design asks for, by the run that measures it and the two names of the comparison. */
export interface Target {
  readonly run: string;
  readonly work: string;
  readonly against: string;
  readonly bound: Bound;
  readonly unit?: Comparison['unit'];
}

export const MEMORY = 'node-oidc-provider in memory';
export const POSTGRESQL = 'node-oidc-provider with PostgreSQL';
export const KEYCLOAK = 'Keycloak';
export const DJANGO = 'Django';
/** The statement that the work runs, by the client of the server. */
export const OWN_SELECT = 'the same select, same client';
export const BARE = 'bare Fastify';
export const PROCESSOR = 'by processor time';

const atLeast = (value: number): Bound => ({ atLeast: value });
const atMost = (value: number): Bound => ({ atMost: value });

type Line = readonly [work: string, against: string, bound: Bound, unit?: Target['unit']];

const rows: readonly Line[] = [
  ['login', 'argon2 alone', atLeast(0.85)],
  ['login', `${KEYCLOAK}, ${PROCESSOR}`, atLeast(1)],
  ['login', `${DJANGO}, ${PROCESSOR}`, atLeast(1)],
  ['session check', OWN_SELECT, atLeast(0.5)],
  ['session check', DJANGO, atLeast(30)],
  ['session check', 'Better Auth', atLeast(15)],
  ['has_perm', OWN_SELECT, atLeast(0.5)],
  ['has_perm', DJANGO, atLeast(30)],
  ['token RS256', 'sign RS256 alone', atLeast(0.9)],
  ['token RS256', MEMORY, atLeast(1)],
  ['token RS256', POSTGRESQL, atLeast(1.4)],
  ['token RS256', KEYCLOAK, atLeast(3.5)],
  ['token ES256', POSTGRESQL, atLeast(2.5)],
  ['token ES256', MEMORY, atLeast(2)],
  ['token ES256', KEYCLOAK, atLeast(6)],
  ['refresh RS256', MEMORY, atLeast(1.2)],
  ['refresh RS256', POSTGRESQL, atLeast(2.2)],
  ['refresh RS256', KEYCLOAK, atLeast(6)],
  ['refresh ES256', POSTGRESQL, atLeast(2.2)],
  ['introspect', MEMORY, atLeast(1.7)],
  ['introspect', POSTGRESQL, atLeast(4)],
  ['introspect', KEYCLOAK, atLeast(5)],
  ['userinfo', POSTGRESQL, atLeast(2)],
  ['userinfo', KEYCLOAK, atLeast(1)],
  ['JWKS', BARE, atLeast(0.7)],
  ['discovery', BARE, atLeast(0.7)],
  ['status list', BARE, atLeast(0.7)],
  ['catalogue', BARE, atLeast(0.7)],
  ['sign-in page', `${BARE}, the same bytes`, atLeast(0.5)],
  ['account page', `${BARE}, the same bytes`, atLeast(0.5)],
  ['pages of a sign-in', 'in all', atMost(30), 'kB'],
  ['has_perm in a verifier', 'Node', atMost(100), 'ns'],
  ['has_perm in a verifier', 'Go', atMost(100), 'ns'],
  ['has_perm in a verifier', 'Java', atMost(100), 'ns'],
  ['has_perm in a verifier', 'Python', atMost(1000), 'ns'],
  ['start', 'PostgreSQL', atMost(0.8), 's'],
  ['start', 'embedded, first', atMost(4), 's'],
  ['start', 'embedded, later', atMost(1.5), 's'],
  ['start', 'a command without the ORM', atMost(0.3), 's'],
  ['memory', 'before any load', atMost(110), 'MiB'],
  ['memory', 'loaded', atMost(220), 'MiB'],
];

const storm: readonly Line[] = [
  ['introspect', 'rate, of solo', atLeast(0.5)],
  ['jwks', 'rate, of solo', atLeast(0.5)],
  ['token', 'p99, of the larger of twice solo and 15 ms', atMost(1)],
  ['jwks', 'p99, of the larger of twice solo and 15 ms', atMost(1)],
  ['session', 'p99', atMost(50), 'ms'],
  ['memory', 'in the storm, running hashes apart', atMost(220), 'MiB'],
  ['memory', '160 logins at once, running hashes apart', atMost(220), 'MiB'],
];

const grants: readonly Line[] = ['client_credentials', 'token of a session'].flatMap((work) =>
  ['100', '1,000', '10,000'].flatMap((size): Line[] => [
    [work, `processor time with ${size} permissions, of that with 10`, atMost(1.3)],
    [work, `statements with ${size} permissions, of that with 10`, atMost(1.05)],
  ]),
);

const seed: readonly Line[] = [
  ...['login', 'session', 'token'].map((work): Line => [work, 'time each, full of small', atMost(1.5)]),
  ['list of users', 'page 1,000, of page 1', atMost(1.2)],
  ['search of users by prefix', 'time each, of a point select', atMost(3)],
];

/** A list is believed for its `ttl`, five seconds, and a second more. */
const TTL_AND_A_SECOND = atMost(6000);

const freshness: readonly Line[] = [
  ['change to refusal, streams up', 'p99', atMost(100), 'ms'],
  ['change to "refresh", streams up', 'p99', atMost(100), 'ms'],
  ['new permission works, streams up', 'p99', atMost(1000), 'ms'],
  ['change to refusal, both servers busy', 'p99', atMost(1000), 'ms'],
  ['new permission works, both servers busy', 'p99', atMost(1000), 'ms'],
  ['stream cut, until the next', 'most', atMost(1000), 'ms'],
  ['stream cut, change to refusal', 'most', TTL_AND_A_SECOND, 'ms'],
  ['server killed, until the next stream', 'most', atMost(1000), 'ms'],
  ['server killed, change to refusal', 'most', TTL_AND_A_SECOND, 'ms'],
  ['stream silent, change to refusal', 'most', TTL_AND_A_SECOND, 'ms'],
];

export const targets: readonly Target[] = Object.entries({ rows, storm, grants, seed, freshness }).flatMap(
  ([run, lines]) =>
    lines.map(([work, against, bound, unit]) => ({ run, work, against, bound, ...(unit ? { unit } : {}) })),
);

export function targetOf(run: string, work: string, against: string): Bound | undefined {
  return targets.find((one) => one.run === run && one.work === work && one.against === against)?.bound;
}
