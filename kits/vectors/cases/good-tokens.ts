import { alice, bad, badClaims, bitmap, good, statusClaim } from './entries.ts';
import { audience, issuer, jws, now, uri } from './jws.ts';

export const goodTokens = [
  good('EdDSA, list', {}),
  good('RS256, list', { kid: 'test-rs256' }),
  good('ES256, list', { kid: 'test-es256' }),
  good('typ with application/', { header: { typ: 'application/at+jwt' } }),
  good('typ JWT where it is admitted', { header: { typ: 'JWT' } }, alice, { typ: 'JWT' }),
  good('aud as an array of one', { claims: { aud: [audience] } }),
  good('unknown claims and header members are passed over', {
    header: { cty: 'x' },
    claims: { toString: 1, ['__proto__x']: 2 },
  }),
  good('expired within the skew', { claims: { exp: now - 59, iat: now - 600 } }),
  good(
    'bitmap of the newest version',
    { claims: bitmap(4, [1, 10]) },
    {
      ...alice,
      perms: {
        'polls.add_choice': true,
        'polls.change_choice': true,
        'polls.view_choice': false,
        'survey.añadir': false,
        unknown: false,
      },
      modules: { polls: true, survey: false },
    },
  ),
  good(
    'bitmap of an older version: a name that came later is false',
    { claims: bitmap(1, [0, 7]) },
    {
      ...alice,
      perms: {
        'polls.add_question': true,
        'polls.view_choice': true,
        'polls.publish_poll': false,
        'survey.añadir': false,
      },
      modules: { polls: true, survey: false },
    },
  ),
  good(
    'bitmap: a removed permission is false, though its bit is set and its name was given again',
    { claims: bitmap(2, [3, 9]) },
    {
      ...alice,
      perms: { 'polls.change_choice': false, 'survey.añadir': true },
      modules: { polls: false, survey: true },
    },
  ),
  good(
    'bitmap of the empty catalogue',
    { claims: bitmap(0, []) },
    { ...alice, perms: { 'polls.add_choice': false }, modules: { polls: false } },
  ),
  good(
    'a superuser has every name',
    { claims: { ...bitmap(4, []), is_superuser: true } },
    {
      user: { ...alice.user, is_superuser: true },
      perms: { 'polls.add_choice': true, 'nobody.registered_this': true, '': true },
      modules: { polls: true, nobody: true },
    },
  ),
  good(
    'a client speaks for itself',
    {
      claims: {
        sub: 'c_1',
        client_id: 'c_1',
        username: undefined,
        sid: undefined,
        auth_time: undefined,
        amr: undefined,
      },
    },
    {
      ...alice,
      user: { ...alice.user, id: 'c_1', client_id: 'c_1', username: null },
    },
  ),
  good('scopes are permissions where there is no claim of them', {
    claims: { permissions: undefined, scope: 'polls.add_choice polls.view_choice' },
  }),
  good(
    'no permissions at all',
    { claims: { permissions: undefined } },
    { ...alice, perms: { 'polls.add_choice': false }, modules: { polls: false } },
  ),
  good(
    'a name of the list that is a member of every object',
    { claims: { permissions: ['polls.x'] } },
    {
      ...alice,
      perms: { 'polls.x': true, __proto__x: false, toString: false, constructor: false },
      modules: { polls: true, constructor: false },
    },
  ),
  good('status 0', { claims: statusClaim(0) }, { ...alice, is_superseded: false }),
  good('status 3: good for what it says', { claims: statusClaim(3) }, { ...alice, is_superseded: true }),
  badClaims('status 1', statusClaim(1), 'token_revoked'),
  badClaims('status 2', statusClaim(2), 'token_suspended'),
  badClaims('a status index that the list does not have', statusClaim(8), 'status_out_of_range'),
  badClaims('a status index below 0', statusClaim(-1)),
  badClaims('a status index as a string', statusClaim('0')),
  badClaims('a status list elsewhere', statusClaim(0, 'https://evil.example/status-lists/1'), 'status_uri_foreign'),
  badClaims('a status list beside the folder', statusClaim(0, `${issuer}/status-lists/../admin`), 'status_uri_foreign'),
  badClaims(
    'a status list of a longer host',
    statusClaim(0, `${issuer}.evil.example/status-lists/1`),
    'status_uri_foreign',
  ),
  badClaims('a status list with a query', statusClaim(0, `${uri}?x=1`), 'status_uri_foreign'),
  badClaims('a status of another kind', { status: { other: {} } }),
  badClaims('status null', { status: null }),
  bad('no status where one is demanded', jws({}), 'status_missing', { status: 'required' }),
];
