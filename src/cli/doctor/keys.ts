import type { Database } from '../../platform/database/index.ts';
import { listKeys, type RotationPolicy, requiredAlgorithms } from '../../tokens/index.ts';
import { type Check, fail, note, ok, warn } from './check.ts';

/** A running server takes a due step within seconds. */
const OVERDUE_MS = 60_000;

/** `Cache-Control` of the JWKS: a shared cache may be this old. */
const JWKS_MAX_AGE_SECONDS = 300;

/** Checks that every algorithm in use has a current key, and that due rotation steps are taken. */
export async function checkKeys(db: Database, { leadSeconds, rotationSeconds }: RotationPolicy, now: Date) {
  const name = 'keys';
  const em = db.fork();
  const keys = await listKeys(em);
  const isLate = (instant: Date | null | undefined) => instant && now.getTime() - instant.getTime() > OVERDUE_MS;
  const remedy = 'Check that a server runs with the right master key and clock, and see its log for the job "keys".';
  const algorithms = [...(await requiredAlgorithms(em))];
  const checks: Check[] = [];
  for (const alg of algorithms)
    if (!keys.some((one) => one.alg === alg && one.state === 'current'))
      checks.push(fail(name, `APIs or clients need ${alg}, but it has no current key.`, remedy));
  for (const { kid, state, activateAt, retireAt } of keys)
    if (state === 'next' && isLate(activateAt))
      checks.push(
        warn(name, `The next key ${kid} should sign since ${activateAt?.toISOString()}, but does not.`, remedy),
      );
    else if (state === 'retiring' && isLate(retireAt))
      checks.push(warn(name, `The key ${kid} should have been removed at ${retireAt?.toISOString()}.`, remedy));
  if (leadSeconds < JWKS_MAX_AGE_SECONDS)
    checks.push(
      note(
        name,
        `A key is published for ${leadSeconds} s before it signs, but the JWKS may be cached for ${JWKS_MAX_AGE_SECONDS} s.`,
        `If there are caches before Signet, set SIGNET_KEY_LEAD to ${JWKS_MAX_AGE_SECONDS} or more.`,
      ),
    );
  if (checks.length > 0) return checks;
  const days = Math.round(rotationSeconds / 8640) / 10;
  const rhythm = rotationSeconds === 0 ? 'Keys rotate only by command.' : `Each key signs for ${days} days.`;
  return [ok(name, `There is a current key for ${algorithms.join(', ')}. ${rhythm}`)];
}
