import { type Database, hotSelect } from '../../platform/database/index.ts';
import type { AccessTokenClaims } from '../claims.ts';
import { type StatusOwner, statusIndexFromClaim } from './status-index.ts';

/** $1 and $2 a place in a status list. */
const holder = hotSelect(
  'tokens-status-holder',
  `select t.holder_id as id, t.principal_id as principal, case when g.id is not null then 'grant' when s.id is not null then 'session' else 'principal' end as kind,
      extract(epoch from coalesce(g.expires_at, s.expires_at))::float8 as ends_at
    from tokens_status t left join tokens_grant g on g.id = t.holder_id left join sessions_session s on s.id = t.holder_id
    where t.list = $1::int and t.idx = $2::int`,
);

interface Row {
  id: string;
  principal: string;
  kind: StatusOwner['kind'];
  ends_at: number | null;
}

/** By what an access token lives, for another token of the same principal that is to end with it; null when it has no place any more. */
export async function readStatusOwner(
  db: Database,
  issuer: string,
  { status }: Pick<AccessTokenClaims, 'status'>,
  of: { readonly principal: string; readonly api: string },
): Promise<StatusOwner | null> {
  const place = statusIndexFromClaim(issuer, status?.status_list);
  const [row] = place ? await db.query<Row>(holder, [place.list, place.idx]) : [];
  if (!row || row.principal !== of.principal) return null;
  return { kind: row.kind, id: row.id, ...of, endsAt: row.ends_at === null ? null : new Date(row.ends_at * 1000) };
}
