import { raw } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuditContext, recordChange } from '../../audit/index.ts';
import type { Api } from '../../permissions/index.ts';
import { hasUnprintable } from '../../platform/casefold.ts';
import { digest, newSecret } from '../../platform/digest.ts';
import { plusSeconds } from '../../platform/time.ts';
import { RegistrationToken } from '../authorization-entities.ts';
import { clientError } from '../clients/errors.ts';

export interface NewInitialToken {
  readonly label: string;
  /** The APIs that clients registered with it may request tokens for. */
  readonly apis: readonly Pick<Api, 'id' | 'audience'>[];
  /** How many clients it may register. */
  readonly uses: number;
  readonly days: number;
}

const DAY = 86_400;
const MAX_USES = 100_000;
const MAX_DAYS = 3650;
const MAX_LABEL_LENGTH = 150;

/**
 * Creates an initial access token (RFC 7591 §3); its secret is returned only now. Throws DomainError for an invalid
 * label or number, and `registration_token_exists`.
 */
export function createInitialToken(
  em: SqlEntityManager,
  audit: AuditContext,
  input: NewInitialToken,
): Promise<{ secret: string; token: RegistrationToken }> {
  const { label, apis, uses, days } = input;
  if (label.trim() === '' || [...label].length > MAX_LABEL_LENGTH || hasUnprintable(label))
    throw clientError('registration_token_label_invalid', { max: MAX_LABEL_LENGTH });
  checkRange('uses', uses, MAX_USES);
  checkRange('days', days, MAX_DAYS);
  return em.transactional(async (tx) => {
    // Tokens that expired long ago are of no use.
    await tx.nativeDelete(RegistrationToken, { expiresAt: { $lt: plusSeconds(audit.at, -30 * DAY) } });
    if ((await tx.count(RegistrationToken, { label })) > 0) throw clientError('registration_token_exists', { label });
    const secret = newSecret();
    const token = tx.create(RegistrationToken, {
      digest: digest(secret),
      label,
      apiIds: apis.map((one) => one.id),
      usesLeft: uses,
      createdAt: audit.at,
      expiresAt: plusSeconds(audit.at, days * DAY),
    });
    tx.persist(token);
    const after = { apis: apis.map((one) => one.audience), uses, expiresAt: token.expiresAt.toISOString() };
    recordChange(tx, audit, { action: 'add', object: auditObject(label), after });
    await tx.flush();
    return { secret, token };
  });
}

function checkRange(setting: 'uses' | 'days', value: number, to: number): void {
  if (value < 1 || value > to) throw clientError('registration_token_out_of_range', { setting, from: 1, to, value });
}

export function listInitialTokens(em: SqlEntityManager): Promise<RegistrationToken[]> {
  return em.findAll(RegistrationToken, { orderBy: { createdAt: 'desc', label: 'asc' } });
}

/** Revokes an initial access token. Clients that were registered with it stay. Throws `registration_token_not_found`. */
export function revokeInitialToken(em: SqlEntityManager, audit: AuditContext, label: string): Promise<void> {
  return em.transactional(async (tx) => {
    if ((await tx.nativeDelete(RegistrationToken, { label })) === 0)
      throw clientError('registration_token_not_found', { label });
    recordChange(tx, audit, { action: 'delete', object: auditObject(label) });
    await tx.flush();
  });
}

/**
 * Takes one use of an initial access token, in the transaction that registers the client: one statement, so that only
 * one client gets the last use. Returns null when it is unknown, used up or expired.
 */
export async function useInitialToken(
  tx: SqlEntityManager,
  secret: string,
  now: Date,
): Promise<Pick<RegistrationToken, 'label' | 'apiIds'> | null> {
  const key = digest(secret);
  const updated = await tx.nativeUpdate(
    RegistrationToken,
    { digest: key, usesLeft: { $gt: 0 }, expiresAt: { $gt: now } },
    { usesLeft: raw('uses_left - 1') },
  );
  return updated === 1 ? tx.findOneOrFail(RegistrationToken, { digest: key }) : null;
}

function auditObject(label: string) {
  return { kind: 'registrationtoken', id: label, label };
}
