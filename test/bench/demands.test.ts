import { demandActive, demandMember, demandToken, demandUser } from '../../bench/peers/peer.ts';
import { rotation } from '../../bench/peers/requests.ts';
import t from '../support/tap.ts';

// bench/README.md: before any load one answer of each server is looked at.

const jwt = (alg: string, bytes = 256) =>
  `${Buffer.from(JSON.stringify({ alg })).toString('base64url')}.e30.${Buffer.alloc(bytes).toString('base64url')}`;
const answer = (access_token: string, more: object = {}) =>
  JSON.stringify({ access_token, token_type: 'Bearer', ...more });

t.test('bench/README.md: a row measures tokens of one kind', async (t) => {
  demandToken('RS256')(answer(jwt('RS256')));
  demandToken('opaque')(answer('an-opaque-one'));
  demandToken('ES256', { withRefresh: true })(answer(jwt('ES256'), { refresh_token: 'r' }));
  for (const [kind, text] of [
    ['RS256', answer(jwt('ES256'))],
    ['RS256', answer(jwt('RS256', 512))],
    ['RS256', answer('an-opaque-one')],
    ['opaque', answer(jwt('RS256'))],
    ['opaque', JSON.stringify({ access_token: 'x', token_type: 'DPoP' })],
    ['opaque', JSON.stringify({ error: 'invalid_client' })],
    ['opaque', '<html>'],
  ] as const)
    t.throws(() => demandToken(kind)(text), `${kind}: ${text}`);
  t.throws(() => demandToken('RS256', { withRefresh: true })(answer(jwt('RS256'))), /no refresh token/);
});

t.test(
  'bench/README.md: an inactive token, a user without an address and a document without its member are refused',
  async (t) => {
    demandActive('{"active":true}');
    t.throws(() => demandActive('{"active":false}'));
    demandUser('{"sub":"u1","email":"u1@bench.example"}');
    t.throws(() => demandUser('{"sub":"u1"}'));
    demandMember('keys')('{"keys":[]}');
    t.throws(() => demandMember('keys')('{}'));
    t.throws(() => demandMember('keys')('null'), /no JSON object/);
  },
);

t.test('bench/README.md: a refresh token is followed by the one in its answer', async (t) => {
  const { body, next } = rotation('/oauth2/token', { id: 'a', secret: 'b' }, 'first.one');
  t.equal(body, 'grant_type=refresh_token&refresh_token=first.one');
  t.equal(next?.('{"refresh_token":"second/one"}'), 'grant_type=refresh_token&refresh_token=second%2Fone');
  t.equal(
    next?.('{"refresh_token": "third"}'),
    'grant_type=refresh_token&refresh_token=third',
    'as Python writes JSON',
  );
  t.equal(next?.('{"error":"invalid_grant"}'), undefined);
});
