// Generates the vectors: node kits/vectors/make.ts. Valid ES256 signatures are kept, so that a second run changes nothing.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogue, catalogues } from './cases/catalogues.ts';
import { goodTokens } from './cases/good-tokens.ts';
import { audience, folder, issuer, now, testKeys, uri, withoutUndefined } from './cases/jws.ts';
import { malformedTokens } from './cases/malformed-tokens.ts';
import { list, statusLists } from './cases/status-lists.ts';
import { wrongClaims } from './cases/wrong-claims.ts';

const publicKeys = testKeys.keys
  .filter((one) => one.kid !== 'test-stranger')
  .map(({ alg, kid, jwk }) => {
    const { kty, crv, x, y, n, e } = jwk;
    return withoutUndefined({ kty, crv, x, y, n, e, kid, alg, use: 'sig' });
  });

const files = {
  'jwks.json': { keys: publicKeys },
  'catalogues.json': { audience, vectors: catalogues },
  'status-lists.json': { vectors: statusLists },
  'tokens.json': {
    issuer,
    audience,
    now,
    catalogue,
    status_lists: { [uri]: list() },
    vectors: [...goodTokens, ...malformedTokens, ...wrongClaims],
  },
};
for (const [name, value] of Object.entries(files))
  writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
