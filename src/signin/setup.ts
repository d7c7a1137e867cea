import type { SqlEntityManager } from '@mikro-orm/sql';
import { digest, newSecret } from '../platform/digest.ts';
import { plusSeconds } from '../platform/time.ts';
import { User } from '../users/index.ts';
import { OneTimeToken } from './entities.ts';

const SETUP_SECONDS = 86_400;

/** Development mode derives its setup secrets from a stored nonce, so that a live link can be shown again. */
export type DeriveSecret = (nonce: string) => string;

/** A new setup secret, good for a day and for one administrator; every earlier one ends. Null when there is a superuser. */
export async function createSetupSecret(
  em: SqlEntityManager,
  now: Date,
  derive?: DeriveSecret,
): Promise<string | null> {
  return em.transactional(async (tx) => {
    await lockSetup(tx);
    return (await hasSuperuser(tx)) ? null : createToken(tx, now, derive);
  });
}

/**
 * The secret of the live setup link, which stays as it is; a new one where none is live. `hidden` when the live one is not derived
 * and so cannot be shown again. Null when there is a superuser.
 */
export async function readSetupSecret(
  em: SqlEntityManager,
  now: Date,
  derive: DeriveSecret,
): Promise<string | 'hidden' | null> {
  return em.transactional(async (tx) => {
    await lockSetup(tx);
    if (await hasSuperuser(tx)) return null;
    const link = await tx.findOne(OneTimeToken, { purpose: 'setup', consumedAt: null, expiresAt: { $gt: now } });
    if (!link) return createToken(tx, now, derive);
    const { nonce } = link.payload as { nonce?: string };
    const secret = nonce === undefined ? null : derive(nonce);
    // Another master key derives another secret.
    return secret !== null && digest(secret).equals(link.tokenDigest) ? secret : 'hidden';
  });
}

async function createToken(tx: SqlEntityManager, now: Date, derive?: DeriveSecret): Promise<string> {
  await tx.nativeUpdate(OneTimeToken, { purpose: 'setup', consumedAt: null }, { consumedAt: now });
  const nonce = newSecret();
  const secret = derive ? derive(nonce) : newSecret();
  tx.persist(
    tx.create(OneTimeToken, {
      tokenDigest: digest(secret),
      purpose: 'setup',
      payload: derive ? { nonce } : {},
      expiresAt: plusSeconds(now, SETUP_SECONDS),
    }),
  );
  return secret;
}

/** Makers and redeemers of setup links follow each other: two links at once, or two first administrators, would need two at once. */
async function lockSetup(tx: SqlEntityManager): Promise<void> {
  await tx.execute("select pg_advisory_xact_lock(hashtext('signet.setup'))");
}

/** Whether the secret could be redeemed now. Looking changes nothing. */
export async function isSetupOpen(em: SqlEntityManager, secret: string, now: Date): Promise<boolean> {
  const open = await em.count(OneTimeToken, {
    tokenDigest: digest(secret),
    purpose: 'setup',
    consumedAt: null,
    expiresAt: { $gt: now },
  });
  return open === 1 && !(await hasSuperuser(em));
}

/** Redeems the secret in one conditional statement, which also demands that no superuser exists. */
export async function redeemSetup(tx: SqlEntityManager, secret: string, now: Date): Promise<boolean> {
  await lockSetup(tx);
  const rows = await tx.execute<unknown[]>(
    `update signin_one_time_token set consumed_at = ? where token_digest = ? and purpose = 'setup' and consumed_at is null and expires_at > ?
       and not exists (select from users_user where is_superuser) returning 1 as redeemed`,
    [now, digest(secret), now],
  );
  return rows.length === 1;
}

/** Somebody who may administer everything and can log in; null when there is nobody. */
export function findSuperuser(em: SqlEntityManager): Promise<User | null> {
  return em.findOne(User, { isSuperuser: true, isActive: true, deletedAt: null }, { orderBy: { id: 'asc' } });
}

/** Whether there is somebody who may administer everything, active or not. */
export async function hasSuperuser(em: SqlEntityManager): Promise<boolean> {
  return (await em.count(User, { isSuperuser: true })) > 0;
}
