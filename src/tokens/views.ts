import { view } from '../platform/database/index.ts';

// What statements of other rooms may read of the tables of this one, and what makes a grant live.

export const grantView = view('tokens_grant', 'id', 'client_id', 'principal_id', 'session_id', 'permissions', 'claims');

export const statusView = view('tokens_status', 'list', 'idx', 'holder_id', 'state');

/** Condition: the grant `g` has not ended or expired at a time, a parameter. */
export const liveGrant = (now: string) => `g.ended_at is null and g.idle_expires_at > ${now} and g.expires_at > ${now}`;

/** Condition: the token with this `jti`, a parameter, was revoked by itself. */
export const tokenRevoked = (jti: string) => `exists (select from tokens_revoked r where r.jti = ${jti})`;
