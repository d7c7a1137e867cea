import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import type { Test } from 'tap';
import { createVerifier, VerifierError, type VerifierOptions } from '../../kits/node/src/index.ts';
import { root } from '../support/database.ts';

export const vectors = join(root, 'kits/vectors');

export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const base64url = (value: unknown) =>
  Buffer.from(value instanceof Uint8Array ? value : JSON.stringify(value)).toString('base64url');

export function testCatalogue(names: readonly string[], version: number) {
  const hash = createHash('sha256')
    .update(names.map((name, index) => `${index}\t${name}\n`).join(''))
    .digest('base64url');
  const permissions = names.map((name, index) => ({ index, name, label: name }));
  return { audience: 'polls', version, hash, versions: [{ version, hash, length: names.length }], permissions };
}

export function testBitmap(catalogue: ReturnType<typeof testCatalogue>, held: readonly number[]) {
  const bits = new Uint8Array(Math.ceil(catalogue.permissions.length / 8));
  for (const index of held) bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7));
  const h = Buffer.from(catalogue.hash, 'base64url').subarray(0, 8).toString('base64url');
  return { permissions: undefined, permissions_bitmap: { v: catalogue.version, h, b: base64url(bits) } };
}

/** A fake issuer on its own port: real HTTP, real signatures, and every response can be replaced. */
export async function startIssuer(t: Test) {
  const answers = new Map<string, Answer>();
  const requests: { path: string; headers: IncomingMessage['headers']; body: string }[] = [];
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const path = (request.url as string).split('?')[0] as string;
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      requests.push({ path, headers: request.headers, body });
      const answer = answers.get(path);
      if (answer) answer(request, response, body);
      else response.writeHead(404).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const listUri = `${issuer}/status-lists/1`;

  const keys = new Map<string, KeyObject>();
  const json = (value: unknown): Answer => {
    const text = JSON.stringify(value);
    return (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(text);
  };
  function addKey(kid: string): void {
    keys.set(kid, generateKeyPairSync('ed25519').privateKey);
    const jwks = [...keys].map(([kid, key]) => {
      const { kty, crv, x } = key.export({ format: 'jwk' });
      return { kty, crv, x, kid, alg: 'EdDSA', use: 'sig' };
    });
    answers.set('/.well-known/jwks.json', json({ keys: jwks }));
  }
  addKey('k1');

  function signed(typ: string, claims: object, kid = 'k1'): string {
    const input = `${base64url({ typ, alg: 'EdDSA', kid })}.${base64url(claims)}`;
    return `${input}.${sign(null, Buffer.from(input), keys.get(kid) as KeyObject).toString('base64url')}`;
  }
  let serial = 0;
  function token(claims: object = {}, kid?: string): string {
    const iat = Math.floor(Date.now() / 1000);
    const who = { iss: issuer, sub: 'user-1', aud: 'polls', client_id: 'signet', username: 'alice' };
    const what = { is_superuser: false, permissions: ['polls.add_choice'] };
    return signed('at+jwt', { ...who, iat, exp: iat + 600, jti: `jti-${++serial}`, ...what, ...claims }, kid);
  }

  const statuses = new Uint8Array(64);
  let etag = 0;
  function setStatus(idx: number, status: number): void {
    const at = idx >> 2;
    statuses[at] = ((statuses[at] as number) & ~(3 << ((idx & 3) * 2))) | (status << ((idx & 3) * 2));
    etag++;
  }
  const list = (claims: object = {}) => {
    const iat = Math.floor(Date.now() / 1000);
    const content = { status_list: { bits: 2, lst: base64url(deflateSync(statuses)) } };
    return signed('statuslist+jwt', { sub: listUri, iat, exp: iat + 300, ttl: 1, ...content, ...claims });
  };
  const serveList: Answer = (request, response) => {
    if (request.headers['if-none-match'] === `"${etag}"`) return void response.writeHead(304).end();
    response.writeHead(200, { 'content-type': 'application/statuslist+jwt', etag: `"${etag}"` }).end(list());
  };
  answers.set('/status-lists/1', serveList);
  const serveEvents: Answer = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n');
    streams.add(response);
    response.once('close', () => streams.delete(response));
  };

  const opened: { close(): void }[] = [];
  t.teardown(async () => {
    for (const one of opened) one.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    ...{
      issuer,
      listUri,
      answers,
      requests,
      streams,
      json,
      addKey,
      signed,
      token,
      list,
      serveList,
      serveEvents,
      setStatus,
    },
    withStatus: (idx: number, claims: object = {}) =>
      token({ ...claims, status: { status_list: { idx, uri: listUri } } }),
    asks: (path: string) => requests.filter((one) => one.path === path).length,
    verifier(options: Partial<VerifierOptions> = {}) {
      const verifier = createVerifier({ issuer, audience: 'polls', events: false, ...options });
      opened.push(verifier);
      return verifier;
    },
  };
}

/** The code that a promise is refused with; a text that is no code for anything else. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'nothing was refused';
  } catch (error) {
    return error instanceof VerifierError ? error.code : `not a VerifierError: ${error}`;
  }
}

/** Waits until it is so, at most 10 s, and says how many milliseconds that took. */
export async function until(is: () => boolean | Promise<boolean>): Promise<number> {
  const begun = performance.now();
  while (!(await is())) {
    if (performance.now() - begun > 10_000) throw new Error('it did not come to be so in 10 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - begun;
}
