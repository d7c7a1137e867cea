import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCatalogue, readStatusList, statusAt, VerifierError } from '../../kits/node/src/index.ts';
import { isSignedBy } from '../../kits/node/src/jws.ts';
import { readKeySet } from '../../kits/node/src/keys.ts';
import t from '../support/tap.ts';
import { codeOf, startIssuer, vectors } from './issuer.ts';

// kits/vectors/README.md: what every kit, in any language, answers.

const parse = (name: string) => JSON.parse(readFileSync(join(vectors, name), 'utf8'));

interface TokenVector {
  readonly name: string;
  readonly options?: { typ?: 'JWT'; status?: 'required' };
  readonly token: string | { readonly repeat: [string, number] };
  readonly expect: {
    readonly error?: string;
    readonly user: Record<string, unknown>;
    readonly perms: Record<string, boolean>;
    readonly modules: Record<string, boolean>;
    readonly is_superseded?: boolean;
  };
}

await t.test('J3, J4, docs/tokens.md: the vectors of tokens', async (t) => {
  const { issuer, audience, now, catalogue, status_lists: lists, vectors: all } = parse('tokens.json');
  const stand = await startIssuer(t);
  stand.answers.set('/.well-known/jwks.json', stand.json(parse('jwks.json')));
  stand.answers.set('/.well-known/permissions', stand.json(catalogue));
  for (const [uri, list] of Object.entries(lists))
    stand.answers.set(new URL(uri).pathname, (_, response) => {
      response.writeHead(200, { 'content-type': 'application/statuslist+jwt' }).end(list);
    });
  const clock = { now: () => now * 1000, elapsed: () => performance.now() };
  for (const { name, options, token, expect } of all as TokenVector[]) {
    const verifier = stand.verifier({ issuer, audience, reachAt: stand.issuer, clock, ...options });
    const text = typeof token === 'string' ? token : token.repeat[0].repeat(token.repeat[1]);
    if (expect.error !== undefined) t.equal(await codeOf(verifier.verify(text)), expect.error, name);
    else
      await t.test(name, async (t) => {
        const user = await verifier.verify(text);
        const { id, username, clientId: client_id, isStaff: is_staff, isSuperuser: is_superuser } = user;
        t.same({ id, username, client_id, is_staff, is_superuser }, expect.user);
        for (const [perm, is] of Object.entries(expect.perms)) t.equal(user.hasPerm(perm), is, perm);
        for (const [app, is] of Object.entries(expect.modules)) t.equal(user.hasModulePerms(app), is, `module ${app}`);
        t.equal(user.isSuperseded, expect.is_superseded ?? false);
      });
    verifier.close();
  }
  const foreign = stand.requests.filter(
    ({ path }) => !/^\/(\.well-known\/(jwks\.json|permissions)|status-lists\/1)$/.test(path),
  );
  t.same(foreign, [], 'row 63: nothing that a token names was fetched');
});

await t.test('docs/catalogue.md: the vectors of catalogues', async (t) => {
  const { audience, vectors: all } = parse('catalogues.json');
  for (const { name, document, expect } of all)
    t.equal(
      await codeOf((async () => readCatalogue(Buffer.from(document), audience))()),
      expect.error ?? 'nothing was refused',
      name,
    );
});

await t.test('S1-S6: the vectors of status lists', async (t) => {
  const keys = await readKeySet(readFileSync(join(vectors, 'jwks.json')));
  for (const { name, uri, now, token, expect } of parse('status-lists.json').vectors) {
    const isSigned: Parameters<typeof readStatusList>[2] = async (compact) => {
      const key = keys.get(compact.header.kid);
      return key !== undefined && isSignedBy(compact, key);
    };
    const read = readStatusList(token, uri, isSigned, now * 1000);
    if (expect.error) {
      t.equal(await codeOf(read), expect.error, name);
      continue;
    }
    const list = await read;
    t.equal(list.size, expect.size, `${name}: size`);
    t.equal(list.ttlSeconds, expect.ttl_seconds, `${name}: ttl`);
    const statuses = Array.from({ length: list.size }, (_, idx) => statusAt(list, idx));
    t.same(statuses, expect.statuses, name);
    t.throws(() => statusAt(list, list.size), VerifierError, `${name}: nothing after its end`);
  }
});

await t.test('the vectors are what make.ts writes', async (t) => {
  const copy = mkdtempSync(join(tmpdir(), 'signet-vectors-'));
  t.teardown(() => rmSync(copy, { recursive: true }));
  cpSync(vectors, copy, { recursive: true });
  const { status, stderr } = spawnSync(process.execPath, [join(copy, 'make.ts')], { encoding: 'utf8' });
  t.equal(status, 0, stderr);
  for (const name of ['jwks.json', 'catalogues.json', 'status-lists.json', 'tokens.json'])
    t.equal(readFileSync(join(copy, name), 'utf8'), readFileSync(join(vectors, name), 'utf8'), name);
});
