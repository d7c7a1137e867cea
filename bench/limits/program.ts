import { limitHash } from './hash.ts';
import { limitOwnSelect } from './own-select.ts';
import { limitSelect, limitUpdate } from './query.ts';
import type { LimitResult } from './result.ts';
import { limitSign } from './sign.ts';
import { limitVerifier } from './verifier.ts';

// A process of its own, so that the bench measures and is not measured: program.ts WHAT SECONDS [PARAMETER]
const [what = '', secondsText = '', parameter = ''] = process.argv.slice(2);
const seconds = Number(secondsText);
const limits: Record<string, () => LimitResult | Promise<LimitResult>> = {
  RS256: () => limitSign('RS256', seconds),
  ES256: () => limitSign('ES256', seconds),
  EdDSA: () => limitSign('EdDSA', seconds),
  argon2: () => limitHash(Number(parameter), seconds),
  select: () => limitSelect(parameter, seconds),
  session: () => limitOwnSelect('session', parameter, seconds),
  'token-state': () => limitOwnSelect('token-state', parameter, seconds),
  verifier: () => limitVerifier(parameter, seconds),
  update: () => limitUpdate(parameter, seconds),
};
const run = limits[what];
if (!run) throw new Error(`There is no limit ${what}.`);
process.stdout.write(JSON.stringify(await run()));
