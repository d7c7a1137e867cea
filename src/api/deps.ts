import type { Proofs } from '../oauth/index.ts';
import type { PermissionCache } from '../permissions/index.ts';
import type { Database } from '../platform/database/index.ts';
import type { Clock } from '../platform/time.ts';
import type { SessionLife } from '../sessions/index.ts';
import type { Authentication, Quotas } from '../signin/index.ts';
import type { KeyRing, Sign, VerifyToken } from '../tokens/index.ts';

/** What the routes of this wing work with. */
export interface ApiDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly sign?: Sign;
  readonly access: PermissionCache;
  readonly verify: VerifyToken;
  readonly proofs: Proofs;
  readonly authentication: Authentication;
  readonly issuer: string;
  readonly sessionLife: SessionLife;
  readonly signup: 'open' | 'closed';
  readonly passwordMinLength: number;
  readonly quotas: Quotas;
}
