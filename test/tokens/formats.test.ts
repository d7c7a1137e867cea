import fc from 'fast-check';
import { hasPerm, type Rights } from '../../src/permissions/index.ts';
import {
  createKeyRing,
  draftAccessToken,
  ensureCurrentKey,
  openKeys,
  type PermissionsBitmap,
  signAccessToken,
  type TokenRequest,
} from '../../src/tokens/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { jwtHeader } from '../support/flows.ts';
import { testRights } from '../support/rights.ts';
import { audit, ISSUER, masterKey } from '../support/server.ts';
import t from '../support/tap.ts';

const db = await openTestEmbedded();
t.teardown(() => db.close());
for (const alg of ['RS256', 'ES256', 'EdDSA'] as const) await ensureCurrentKey(db.fork(), audit(), masterKey, alg);
const keys = await createKeyRing(() => openKeys(db.fork(), masterKey));
const now = new Date('2026-11-22T12:00:00Z');

function request(rights: Rights, api: Partial<TokenRequest['api']> = {}, scope?: string): TokenRequest {
  const base = {
    audience: 'polls',
    isBuiltin: false,
    typ: 'at+jwt',
    alg: 'ES256',
    format: 'list',
    tokenKind: 'jwt',
    ttlSeconds: 600,
    budgetBytes: 4096,
    overBudget: 'bitmap',
    withUsername: true,
    withSourceId: false,
  } as const;
  return {
    issuer: ISSUER,
    api: { ...base, ...api },
    clientId: 'signet',
    subject: { id: '0196d3a0-0000-7000-8000-000000000001', username: 'zoë', isStaff: false },
    rights,
    session: null,
    scope,
  };
}

/** As docs/tokens.md tells a verifier to read one. */
function isSet({ b }: PermissionsBitmap, index: number): boolean {
  return (((Buffer.from(b, 'base64url')[index >> 3] as number) >> (index & 7)) & 1) === 1;
}

const thousandths = (max: number) => fc.noBias(fc.integer({ min: 0, max })).map((n) => n / 1000);

/** A catalogue with tombstones in it, and who holds some of it. */
const principal = fc
  .record({
    length: fc.noBias(fc.integer({ min: 0, max: 10_000 })),
    share: fc.oneof(thousandths(1000), thousandths(20)),
    removed: thousandths(500),
    seed: fc.integer(),
  })
  .map(({ length, share, removed, seed }) => {
    let state = seed >>> 0;
    const next = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 4_294_967_296;
    };
    const catalogue = Array.from({ length }, (_, index) => ({ name: `app.do_${index}`, isRemoved: next() < removed }));
    const indexes = catalogue.flatMap(({ isRemoved }, index) => (!isRemoved && next() < share ? [index] : []));
    return { catalogue, indexes };
  });

t.test(
  'docs/tokens.md: list and bitmap decide alike for every permission, tombstones and superusers included',
  async () => {
    fc.assert(
      fc.property(principal, fc.boolean(), ({ catalogue, indexes }, isSuperuser) => {
        const names = indexes.map((index) => catalogue[index]?.name as string);
        const state = { version: 7, hash: Buffer.alloc(32, 9).toString('base64url'), length: catalogue.length };
        const rights = testRights(names, { indexes, catalogue: state, isSuperuser });
        const tokenRequest = request(rights, { format: 'bitmap', budgetBytes: 8192 });
        const { permissions_bitmap: bitmap, is_superuser } = signAccessToken(keys, tokenRequest, now).claims;
        if (!bitmap) return false;
        const isAlike = catalogue.every(
          ({ name }, index) => (is_superuser || isSet(bitmap, index)) === hasPerm(rights, name),
        );
        const bytes = Buffer.from(bitmap.b, 'base64url');
        const tail = catalogue.length % 8;
        const isTailClear = tail === 0 || (bytes.at(-1) as number) >> tail === 0;
        return (
          isAlike &&
          isTailClear &&
          bytes.length === Math.ceil(catalogue.length / 8) &&
          bitmap.v === 7 &&
          bitmap.h === Buffer.alloc(8, 9).toString('base64url') &&
          (!isSuperuser || bytes.every((byte) => byte === 0))
        );
      }),
      { numRuns: 150 },
    );
  },
);

t.test(
  'docs/tokens.md: no token exceeds its budget; a list that would becomes a bitmap, or is refused, never shortened',
  async (t) => {
    const counts = { list: 0, bitmap: 0, refused: 0 };
    fc.assert(
      fc.property(
        principal,
        fc.integer({ min: 1024, max: 8192 }),
        fc.constantFrom('RS256', 'ES256', 'EdDSA'),
        fc.constantFrom('bitmap', 'fail'),
        ({ catalogue, indexes }, budgetBytes, alg, overBudget) => {
          const names = indexes.map((index) => catalogue[index]?.name as string);
          const state = { version: 1, hash: Buffer.alloc(32, 9).toString('base64url'), length: catalogue.length };
          const rights = testRights(names, { indexes, catalogue: state });
          const draft = draftAccessToken(keys, request(rights, { alg, budgetBytes, overBudget }), now);
          if (draft.excess) {
            counts.refused += 1;
            return draft.excess.bytes > budgetBytes && draft.excess.budget === budgetBytes;
          }
          const { token, claims } = draft.sign();
          counts[claims.permissions ? 'list' : 'bitmap'] += 1;
          const isWhole = claims.permissions
            ? claims.permissions.length === names.length
            : overBudget === 'bitmap' && claims.permissions_bitmap !== undefined;
          return token.length === draft.bytes && token.length <= budgetBytes && isWhole;
        },
      ),
      { numRuns: 300 },
    );
    t.ok(counts.list > 0 && counts.bitmap > 0 && counts.refused > 0, JSON.stringify(counts));
  },
);

t.test(
  'docs/tokens.md: format scope says which of the permissions that were asked for are granted, format none nothing',
  async (t) => {
    const rights = testRights(['polls.add_choice', 'polls.view_choice']);
    const scope = 'openid polls.view_choice polls.delete_choice nonsense';
    const claims = (format: 'scope' | 'none' | 'list', of = rights) =>
      signAccessToken(keys, request(of, { format }, scope), now).claims;
    t.equal(claims('scope').scope, 'openid polls.view_choice');
    t.notOk('permissions' in claims('scope') || 'permissions_bitmap' in claims('scope'));
    t.equal(claims('list').scope, 'openid', 'a permission is no scope where the token lists them');
    const none = claims('none');
    t.notOk('permissions' in none || 'permissions_bitmap' in none);
    t.equal(none.is_superuser, false, 'the flag is never switched off');
    const superuser = testRights(['polls.view_choice'], { isSuperuser: true });
    t.equal(
      claims('scope', superuser).scope,
      'openid polls.view_choice',
      "a superuser's are the catalogue's, no other words",
    );
  },
);

t.test('docs/tokens.md: the header names the algorithm of the API and its key', async (t) => {
  for (const alg of ['RS256', 'ES256', 'EdDSA'] as const) {
    const { token } = signAccessToken(keys, request(testRights([]), { alg, typ: 'JWT' }), now);
    const header = jwtHeader(token);
    t.same(header, { typ: 'JWT', alg, kid: keys.signer(alg).kid });
  }
});
