import type { SqlEntityManager } from '@mikro-orm/sql';
import { type RowQuery, view } from '../platform/database/index.ts';
import { AuditEntry, AuditEvent } from './entities.ts';

/** What statements of other rooms may read of the edit log. */
export const auditEntryView = view('audit_entry', 'id', 'action', 'object_kind', 'object_id', '"before"', '"after"');

/** The author of a change. `cli` is a person at the server's command line, `system` is Signet itself. */
export interface Actor {
  readonly kind: 'user' | 'client' | 'cli' | 'system' | 'anonymous';
  readonly id: string | null;
  readonly label: string;
}

/** Actor and time of a change: the second argument of every function that changes something. */
export interface AuditContext {
  readonly at: Date;
  readonly actor: Actor;
  readonly requestId?: string | null;
}

export interface Change {
  readonly action: 'add' | 'change' | 'delete' | 'import' | 'issue';
  readonly object: { readonly kind: string; readonly id: string; readonly label: string };
  /** Only what changed, by field. Never a password, hash, digest or token. */
  readonly before?: Record<string, unknown> | null;
  readonly after?: Record<string, unknown> | null;
}

/** Writes one entry of the edit log in the caller's transaction, so that change and entry are committed together. */
export function recordChange(em: SqlEntityManager, audit: AuditContext, change: Change): void {
  em.persist(
    em.create(AuditEntry, {
      at: audit.at,
      actorKind: audit.actor.kind,
      actorId: audit.actor.id,
      actorLabel: audit.actor.label,
      action: change.action,
      objectKind: change.object.kind,
      objectId: change.object.id,
      objectLabel: change.object.label,
      before: change.before ?? null,
      after: change.after ?? null,
      requestId: audit.requestId ?? null,
    }),
  );
}

/**
 * Writes one entry for each row of a query, in its order: `object_kind`, `object_id`, `object_label`, and the JSON values `before` and
 * `after`, which may be null.
 */
export async function recordChanges(
  tx: SqlEntityManager,
  audit: AuditContext,
  action: Change['action'],
  { sql, values }: RowQuery,
): Promise<void> {
  const { at, actor, requestId } = audit;
  await tx.execute(
    `insert into audit_entry (at, actor_kind, actor_id, actor_label, action, request_id, object_kind, object_id, object_label, before, after)
     select ?::timestamptz, ?, ?, ?, ?, ?, r.object_kind, r.object_id, r.object_label, r.before, r.after from (${sql}) r`,
    [at, actor.kind, actor.id, actor.label, action, requestId ?? null, ...values],
  );
}

export type EventKind =
  | 'code_reused'
  | 'consent_given'
  | 'consent_taken_back'
  | 'device_approved'
  | 'device_denied'
  | 'events_purged'
  | 'grant_ended'
  | 'impersonated'
  | 'impersonation_refused'
  | 'login'
  | 'login_refused'
  | 'logout'
  | 'password_changed'
  | 'password_upgraded'
  | 'refresh_reused'
  | 'session_ended'
  | 'signup'
  | 'setup'
  | 'token_issued';

export interface SecurityEvent {
  readonly kind: EventKind;
  readonly userId?: string | null;
  readonly nameTried?: string | null;
  readonly ip?: string | null;
  readonly detail?: Record<string, unknown> | null;
}

/** Writes one security event, in the caller's transaction. */
export function recordEvent(em: SqlEntityManager, at: Date, event: SecurityEvent): void {
  em.persist(
    em.create(AuditEvent, {
      at,
      kind: event.kind,
      userId: event.userId ?? null,
      nameTried: event.nameTried?.slice(0, 150) ?? null,
      ip: event.ip ?? null,
      detail: event.detail ?? null,
    }),
  );
}

/** Returns the fields in which two snapshots of an object differ; undefined if they are equal. */
export function difference(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): { before: Record<string, unknown>; after: Record<string, unknown> } | undefined {
  const changed = Object.keys(after).filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
  if (changed.length === 0) return undefined;
  const pick = (from: Record<string, unknown>) => Object.fromEntries(changed.map((field) => [field, from[field]]));
  return { before: pick(before), after: pick(after) };
}
