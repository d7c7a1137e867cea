import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordEvent } from '../audit/index.ts';
import type { Passwords } from '../passwords/index.ts';
import type { Database } from '../platform/database/index.ts';
import { digest, newSecret } from '../platform/digest.ts';
import type { Clock } from '../platform/time.ts';
import { plusSeconds } from '../platform/time.ts';
import { createUser, type FieldError, User, userView } from '../users/index.ts';
import { BUSY_SECONDS, type Busy } from './backends.ts';
import { checkNewUser } from './change-password.ts';
import { OneTimeToken } from './entities.ts';

const SETUP_SECONDS = 86_400;

/** Derives a setup secret from a stored nonce. Development mode uses it to show a live link again. */
export type DeriveSecret = (nonce: string) => string;

/** Creates a setup secret, valid for a day and for one administrator, and ends earlier ones. Returns null if there is a superuser. */
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
 * Returns the secret of the live setup link, or of a new one if none is live. Returns `hidden` if the live secret is not derived and
 * cannot be shown again, and null if there is a superuser.
 */
export async function readSetupSecret(
  em: SqlEntityManager,
  now: Date,
  derive: DeriveSecret,
): Promise<string | 'hidden' | null> {
  return em.transactional(async (tx) => {
    await lockSetup(tx);
    if (await hasSuperuser(tx)) return null;
    const live = await tx.findOne(OneTimeToken, { purpose: 'setup', consumedAt: null, expiresAt: { $gt: now } });
    if (!live) return createToken(tx, now, derive);
    const { nonce } = live.payload as { nonce?: string };
    const secret = nonce === undefined ? null : derive(nonce);
    // The digests differ if the master key was changed.
    return secret !== null && digest(secret).equals(live.tokenDigest) ? secret : 'hidden';
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

/** Serialises creation and use of setup links, so that there are never two live links or two first administrators. */
async function lockSetup(tx: SqlEntityManager): Promise<void> {
  await tx.execute("select pg_advisory_xact_lock(hashtext('signet.setup'))");
}

/** Returns whether the secret can be redeemed now. Changes nothing. */
export async function isSetupOpen(em: SqlEntityManager, secret: string, now: Date): Promise<boolean> {
  const open = await em.count(OneTimeToken, {
    tokenDigest: digest(secret),
    purpose: 'setup',
    consumedAt: null,
    expiresAt: { $gt: now },
  });
  return open === 1 && !(await hasSuperuser(em));
}

/** Redeems the secret in one conditional statement, which also requires that there is no superuser. */
async function redeemSetup(tx: SqlEntityManager, secret: string, now: Date): Promise<boolean> {
  await lockSetup(tx);
  const rows = await tx.execute<unknown[]>(
    `update signin_one_time_token set consumed_at = ? where token_digest = ? and purpose = 'setup' and consumed_at is null and expires_at > ?
       and not exists (select from ${userView('u')} where u.is_superuser) returning 1 as redeemed`,
    [now, digest(secret), now],
  );
  return rows.length === 1;
}

/** Returns an active global superuser, or null. */
export function findSuperuser(em: SqlEntityManager): Promise<User | null> {
  return em.findOne(User, { isSuperuser: true, isActive: true, deletedAt: null }, { orderBy: { id: 'asc' } });
}

/** Returns whether there is a global superuser, active or not. */
export async function hasSuperuser(em: SqlEntityManager): Promise<boolean> {
  return (await em.count(User, { isSuperuser: true })) > 0;
}

export interface SetupDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly passwordMinLength: number;
}

export interface SetupInput {
  /** The secret of the link. */
  readonly token: string;
  readonly username: string;
  readonly email: string;
  readonly password: string;
}

export type SetupResult =
  | { readonly kind: 'created'; readonly user: User }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] }
  | { readonly kind: 'gone' }
  | Busy;

/**
 * Creates the first superuser and consumes the link, in one transaction. `gone`: the link is used, expired or unknown, or there is a
 * superuser. A refused field does not consume the link.
 */
export async function createAdministrator(
  { db, clock, passwords, passwordMinLength }: SetupDeps,
  input: SetupInput,
  requestId: string,
): Promise<SetupResult> {
  const errors = await checkNewUser(input, input.password, passwordMinLength);
  if (errors.length > 0) return { kind: 'invalid', errors };
  const password = await passwords.hash(input.password);
  if (password === null) return { kind: 'busy', retryAfterSeconds: BUSY_SECONDS };
  const at = clock.now();
  const audit = { at, requestId, actor: { kind: 'anonymous', id: null, label: 'setup link' } } as const;
  const { username, email } = input;
  try {
    const user = await db.fork().transactional(async (tx) => {
      if (!(await redeemSetup(tx, input.token, at))) throw new Rollback({ kind: 'gone' });
      const created = await createUser(tx, audit, { username, email, password, isStaff: true, isSuperuser: true });
      if (!(created instanceof User)) throw new Rollback({ kind: 'invalid', errors: created });
      recordEvent(tx, at, { kind: 'setup', userId: created.id });
      return created;
    });
    return { kind: 'created', user };
  } catch (error) {
    if (error instanceof Rollback) return error.result;
    throw error;
  }
}

/** Rolls the transaction back with a result. */
class Rollback extends Error {
  readonly result: SetupResult;

  constructor(result: SetupResult) {
    super('rolled back');
    this.result = result;
  }
}
