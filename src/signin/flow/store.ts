import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database, Statement } from '../../platform/database/index.ts';
import { digest, newSecret } from '../../platform/digest.ts';
import { plusSeconds } from '../../platform/time.ts';
import type { Flow, FlowKind, FlowStep } from './state.ts';

/** The time in which the steps of a flow must be done. */
const FLOW_SECONDS = 1800;

/** A flow that waits for its next step. */
export interface StoredFlow extends Flow {
  readonly user: string;
  /** Of the password that was verified: the flow ends if it is changed meanwhile. */
  readonly passwordEpoch: number;
}

/**
 * Stores a flow that needs another step, and returns its handle, which the browser or program carries; only its digest is stored.
 * `browser`: the secret of the browser that may go on, null for a program.
 */
export async function storeFlow(db: Database, flow: StoredFlow, browser: string | null, now: Date): Promise<string> {
  const handle = newSecret();
  await db.query(insertFlow, [
    digest(handle),
    flow.kind,
    flow.step,
    flow.user,
    flow.passwordEpoch,
    flow.methods,
    browser === null ? null : digest(browser),
    now,
    plusSeconds(now, FLOW_SECONDS),
  ]);
  return handle;
}

const insertFlow: Statement = {
  name: 'signin-flow-insert',
  text: `insert into signin_flow (handle_digest, kind, step, user_id, password_epoch, methods, browser_digest, created_at, expires_at)
    values ($1, $2, $3, $4::uuid, $5::int, $6::text[], $7, $8::timestamptz, $9::timestamptz)`,
};

/** Returns the flow of a handle; null if it is unknown, expired, done, or of another browser. */
export async function findFlow(
  db: Database,
  handle: string,
  browser: string | null,
  now: Date,
): Promise<StoredFlow | null> {
  const [row] = await db.query<Row>(selectFlow, [digest(handle), now, browser === null ? null : digest(browser)]);
  if (!row) return null;
  return { kind: row.kind, step: row.step, user: row.user_id, passwordEpoch: row.password_epoch, methods: row.methods };
}

interface Row {
  kind: FlowKind;
  step: FlowStep;
  user_id: string;
  password_epoch: number;
  methods: string[];
}

const selectFlow: Statement = {
  name: 'signin-flow-select',
  text: `select kind, step, user_id, password_epoch::int as password_epoch, methods from signin_flow
    where handle_digest = $1 and expires_at > $2::timestamptz and browser_digest is not distinct from $3::bytea`,
};

/**
 * Ends the flow of a handle in the transaction of its session, in one conditional statement: of several that finish one flow at once,
 * one gets true.
 */
export async function consumeFlow(tx: SqlEntityManager, handle: string, now: Date): Promise<boolean> {
  const rows = await tx.execute<unknown[]>(
    'delete from signin_flow where handle_digest = ? and expires_at > ? returning 1 as consumed',
    [digest(handle), now],
  );
  return rows.length === 1;
}
