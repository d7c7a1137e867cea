import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { createVerifier } from 'fast-jwt';
import buildGetJwks from 'get-jwks';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import jwksClient from 'jwks-rsa';
import { createTestPostgresql, postgresqlUrl } from '../support/database.ts';
import { basic } from '../support/http.ts';
import { freePort, signet } from '../support/process.ts';
import { type Environment, type Instance, preparePlace, startInstance } from './instance.ts';

// Keys rotate under load, in real time, while validators as they are sold, with their default caches, verify every token at once.
// `npm run rotation` does it five times; on PostgreSQL with two servers, which sign and are asked in turn.

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;
type Alg = (typeof ALGORITHMS)[number];

export interface Rotations {
  /** Tokens that were issued, and the verdicts on them. */
  readonly tokens: number;
  readonly verified: number;
  /** Keys that have signed, by algorithm. */
  readonly keys: Record<Alg, number>;
  readonly seconds: number;
  readonly failures: string[];
}

type Verify = (token: string, alg: Alg) => Promise<unknown>;

/** jsonwebtoken knows no EdDSA. */
function validators(issuer: string): Record<string, Verify> {
  const jwksUri = `${issuer}/.well-known/jwks.json`;
  const remote = createRemoteJWKSet(new URL(jwksUri));
  const rsa = jwksClient({ jwksUri });
  const { verify } = createRequire(import.meta.url)('jsonwebtoken');
  const keyOf = (header: { kid: string }, done: (error: Error | null, key?: string) => void) =>
    void rsa.getSigningKey(header.kid).then((key) => done(null, key.getPublicKey()), done);
  const getJwks = buildGetJwks({ issuersWhitelist: [issuer] });
  // Its getPublicKey makes no PEM of an EdDSA key; the cache is behind getJwk.
  const pemOf = async (kid: string, alg: Alg) =>
    alg === 'EdDSA'
      ? createPublicKey({ key: (await getJwks.getJwk({ kid, alg, domain: issuer })) as JsonWebKey, format: 'jwk' })
          .export({ type: 'spki', format: 'pem' })
          .toString()
      : getJwks.getPublicKey({ kid, alg, domain: issuer });
  const fast = Object.fromEntries(
    ALGORITHMS.map((alg) => [
      alg,
      createVerifier({
        key: ({ header }: { header: Record<string, string> }) => pemOf(header['kid'] as string, alg),
        algorithms: [alg],
      }) as (token: string) => Promise<unknown>,
    ]),
  );
  return {
    'jose createRemoteJWKSet': (token, alg) => jwtVerify(token, remote, { issuer, algorithms: [alg] }),
    'jsonwebtoken with jwks-rsa': (token, alg) =>
      alg === 'EdDSA'
        ? Promise.resolve()
        : new Promise((resolve, reject) => {
            verify(token, keyOf, { issuer, algorithms: [alg] }, (error: Error | null, payload: unknown) =>
              error ? reject(error) : resolve(payload),
            );
          }),
    'fast-jwt with get-jwks': (token, alg) => (fast[alg] as (token: string) => Promise<unknown>)(token),
  };
}

/** Something that asks for tokens, and may introspect them. */
interface Program {
  readonly authorization: string;
}

async function makeProgram(environment: Environment): Promise<Program> {
  const type = async (...words: string[]) => {
    const { code, stdout, stderr } = await signet([...words, '--json'], environment);
    if (code !== 0) throw new Error(`signet ${words.join(' ')}: ${stderr}`);
    return JSON.parse(stdout) as { client_id: string; client_secret: string };
  };
  for (const alg of ALGORITHMS) await type('api', 'create', alg.toLowerCase(), '--alg', alg);
  const apis = ALGORITHMS.flatMap((alg) => ['--api', alg.toLowerCase(), '--serves', alg.toLowerCase()]);
  const { client_id: id, client_secret: secret } = await type(
    'client',
    'create',
    'load',
    '--preset',
    'service',
    ...apis,
  );
  return basic({ id, secret });
}

async function ask(server: Instance, path: string, program: Program, form: Record<string, string>) {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { ...program },
    body: new URLSearchParams(form),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text}`);
  return JSON.parse(text) as { access_token: string; active: boolean };
}

/** Until every algorithm has been handed over `rounds` times. */
export async function rotateUnderLoad(
  rounds: number,
  settings: { readonly leadSeconds: number; readonly rotationSeconds: number },
  say: (line: string) => void = () => {},
): Promise<Rotations> {
  const database = postgresqlUrl === undefined ? undefined : await createTestPostgresql();
  const environment = await preparePlace(database?.url, {
    SIGNET_KEY_LEAD: String(settings.leadSeconds),
    SIGNET_KEY_ROTATION: String(settings.rotationSeconds),
  });
  const servers: Instance[] = [];
  try {
    const program = await prepared();
    if (database) servers.push(await startInstance({ ...environment, SIGNET_PORT: String(await freePort()) }));
    return await load(servers, program, environment['SIGNET_ISSUER'] as string, rounds, settings.rotationSeconds, say);
  } finally {
    for (const server of servers) await server.end('SIGTERM');
    await database?.drop();
  }

  async function prepared(): Promise<Program> {
    servers.push(await startInstance(environment));
    return makeProgram(environment);
  }
}

async function load(
  servers: readonly Instance[],
  program: Program,
  issuer: string,
  rounds: number,
  rotationSeconds: number,
  say: (line: string) => void,
): Promise<Rotations> {
  const all = validators(issuer);
  const began = Date.now();
  const kids: Record<Alg, Set<string>> = { RS256: new Set(), ES256: new Set(), EdDSA: new Set() };
  const kept: { token: string; alg: Alg }[] = [];
  const failures: string[] = [];
  let [tokens, verified, endsAt] = [0, 0, 0];
  const latest = began + (rounds + 1) * (rotationSeconds + 15) * 1000;
  const isOver = () => (endsAt > 0 && Date.now() > endsAt) || Date.now() > latest;

  const judge = async (token: string, alg: Alg) => {
    for (const [name, verify] of Object.entries(all))
      await verify(token, alg).then(
        () => (verified += 1),
        (error: Error) => failures.push(`${name}, ${alg}, after ${Date.now() - began} ms: ${error.message}`),
      );
  };
  const worker = async (number: number) => {
    for (let turn = number; !isOver(); turn++) {
      const alg = ALGORITHMS[turn % ALGORITHMS.length] as Alg;
      const [signs, asked] = [servers[turn % servers.length], servers[(turn + 1) % servers.length]] as Instance[];
      try {
        const form = { grant_type: 'client_credentials', audience: alg.toLowerCase() };
        const { access_token: token } = await ask(signs as Instance, '/oauth2/token', program, form);
        tokens += 1;
        await judge(token, alg);
        const { active } = await ask(asked as Instance, '/oauth2/introspect', program, { token });
        if (active) verified += 1;
        else failures.push(`introspection, ${alg}, after ${Date.now() - began} ms: inactive`);
        note(token, alg);
      } catch (error) {
        failures.push(`after ${Date.now() - began} ms: ${(error as Error).message}`);
      }
      await pause(5);
    }
  };
  const note = (token: string, alg: Alg) => {
    const { kid } = JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()) as { kid: string };
    if (kids[alg].has(kid)) return;
    kids[alg].add(kid);
    kept.push({ token, alg });
    say(
      `${Math.round((Date.now() - began) / 1000)} s: ${alg} ${kid} signs; ${tokens} tokens, ${failures.length} failures`,
    );
    if (ALGORITHMS.every((one) => kids[one].size > rounds)) endsAt ||= Date.now() + 3000;
  };
  await Promise.all([0, 1, 2, 3].map(worker));
  // What every key has signed first is verified once more at the end: the keys before are still published.
  for (const { token, alg } of kept) await judge(token, alg);
  const keys = { RS256: kids.RS256.size, ES256: kids.ES256.size, EdDSA: kids.EdDSA.size };
  return { tokens, verified, keys, seconds: (Date.now() - began) / 1000, failures };
}

if (import.meta.main) {
  // npm run rotation [-- ROUNDS]
  const rounds = Number(process.argv[2] ?? 5);
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  if (postgresqlUrl === undefined) print('DATABASE_URL is not set: one server on the embedded engine');
  const told = await rotateUnderLoad(rounds, { leadSeconds: 35, rotationSeconds: rounds > 1 ? 40 : 36 }, print);
  for (const line of told.failures.slice(0, 20)) print(line);
  print(
    `${Math.round(told.seconds)} s, ${told.tokens} tokens, ${told.verified} verifications, keys ${JSON.stringify(told.keys)}: ${told.failures.length} failures`,
  );
  if (told.failures.length > 0 || Object.values(told.keys).some((count) => count <= rounds)) process.exitCode = 1;
}
