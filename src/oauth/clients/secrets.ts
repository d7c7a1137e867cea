import { randomUUIDv7 } from 'node:crypto';
import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../../audit/index.ts';
import { bumpPrincipals } from '../../permissions/index.ts';
import { digest, newSecret } from '../../platform/digest.ts';
import { Failure } from '../../platform/errors.ts';
import { plusSeconds } from '../../platform/time.ts';
import { Client, ClientSecret } from '../entities.ts';
import { auditObject } from './audit.ts';

/** How long the previous secret stays valid, so that deployments can follow. */
export const OVERLAP_SECONDS = 86_400;

/** Stores a secret's digest and returns the secret. With 256 random bits it needs no slow hash. */
export function addSecret(tx: SqlEntityManager, client: Pick<Client, 'id'>, now: Date, secret = newSecret()): string {
  tx.persist(
    tx.create(ClientSecret, { id: randomUUIDv7(), client: client.id, digest: digest(secret), createdAt: now }),
  );
  return secret;
}

/**
 * Creates a new secret and returns it. The previous one stays valid for a day (with `now`: it ends at once), and older
 * ones end: at most two are valid. Under the client's row lock, so that rotations follow each other. Failure: a client
 * without a secret (conflict).
 */
export function rotateSecret(
  em: SqlEntityManager,
  audit: AuditContext,
  ref: Pick<Client, 'id'>,
  options: { now?: boolean } = {},
): Promise<string> {
  return em.transactional(async (tx) => {
    const client = await tx.findOneOrFail(Client, ref.id, { refresh: true, lockMode: LockMode.PESSIMISTIC_WRITE });
    if (client.authMethod !== 'client_secret')
      throw new Failure(
        'conflict',
        `The client ${client.name} ${client.authMethod === 'none' ? 'is public' : 'authenticates by its own key'}: it has no secret.`,
      );
    const [newest, ...older] = await tx.find(
      ClientSecret,
      { client: client.id },
      { orderBy: { createdAt: 'desc', id: 'desc' } },
    );
    for (const expired of older) tx.remove(expired);
    if (newest && options.now) tx.remove(newest);
    else if (newest) newest.expiresAt = plusSeconds(audit.at, OVERLAP_SECONDS);
    const secret = addSecret(tx, client, audit.at);
    recordChange(tx, audit, {
      action: 'change',
      object: auditObject(client),
      after: { secret: options.now ? 'replaced' : 'rotated' },
    });
    await tx.flush();
    await bumpPrincipals(tx, [client.id]);
    return secret;
  });
}

/** Returns the creation and expiry times of a client's valid secrets, newest first. */
export async function listSecrets(
  em: SqlEntityManager,
  client: Pick<Client, 'id'>,
  now: Date,
): Promise<Pick<ClientSecret, 'createdAt' | 'expiresAt'>[]> {
  return em.find(ClientSecret, validSecrets(client, now), { orderBy: { createdAt: 'desc', id: 'desc' } });
}

/** Whether this is a valid secret of the client. */
export async function isClientSecret(
  em: SqlEntityManager,
  client: Pick<Client, 'id'>,
  secret: string,
  now: Date,
): Promise<boolean> {
  return (await em.count(ClientSecret, { ...validSecrets(client, now), digest: digest(secret) })) > 0;
}

function validSecrets(client: Pick<Client, 'id'>, now: Date) {
  return { client: client.id, $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] };
}
