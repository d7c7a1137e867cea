import { createVerifier } from '../../kits/node/src/index.ts';
import type { LimitResult } from './result.ts';

/** What is asked between two looks at the clock. */
const AT_ONCE = 100_000;

/** `has_perm` of a service by itself: a token is verified once, then its user is asked, for what they have and what they lack by turns. */
export async function limitVerifier(parameter: string, seconds: number): Promise<LimitResult> {
  const { issuer, audience, token, names } = JSON.parse(parameter) as Record<
    'issuer' | 'audience' | 'token',
    string
  > & {
    names: [held: string, lacked: string];
  };
  const verifier = createVerifier({ issuer, audience, status: 'required' });
  const user = await verifier.admit(`Bearer ${token}`, {});
  if (!user.hasPerm(names[0]) || user.hasPerm(names[1]))
    throw new Error('The verifier answers otherwise than it should.');
  let count = 0;
  let held = 0;
  const heapBefore = process.memoryUsage().heapUsed;
  const began = performance.now();
  const until = began + seconds * 1000;
  while (performance.now() < until) {
    for (let n = 0; n < AT_ONCE; n++) if (user.hasPerm(names[n & 1] as string)) held++;
    count += AT_ONCE;
  }
  const took = (performance.now() - began) / 1000;
  // One byte for a thousand answers is the clock's own.
  const bytesEach = (process.memoryUsage().heapUsed - heapBefore) / count;
  if (held !== count / 2) throw new Error('The verifier answers otherwise than it should.');
  if (bytesEach > 1) throw new Error(`An answer allocates ${bytesEach.toFixed(1)} bytes.`);
  verifier.close();
  return { rate: count / took, microsEach: (took / count) * 1e6 };
}
