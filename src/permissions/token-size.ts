import type { SqlEntityManager } from '@mikro-orm/sql';

/** A principal with many permissions of an API. */
export interface LargePrincipal {
  readonly apiId: string;
  readonly id: string;
  readonly kind: 'user' | 'client';
  /** An upper bound of the names' size as JSON: a permission of two groups counts twice. */
  readonly bytes: number;
}

/**
 * Returns the principals with the largest permission lists of each API, largest first, at most `count` per API. One statement whose work
 * grows with the memberships, not with their permissions: a group's names are added up once. Superusers are left out.
 */
export function largestPrincipals(em: SqlEntityManager, now: Date, count: number): Promise<LargePrincipal[]> {
  const holds = (table: string) => `(${table}.ends_at is null or ${table}.ends_at > ?::timestamptz)`;
  return em.execute<LargePrincipal[]>(
    `with live as (
       select id, api_id, octet_length(to_json(name)::text) + 1 as bytes from permissions_permission where removed_version is null
     ), of_group as (
       select l.api_id, g.group_id, sum(l.bytes) as bytes from permissions_group_permission g join live l on l.id = g.permission_id
       where ${holds('g')} group by l.api_id, g.group_id
     ), held as (
       select l.api_id, a.principal_id, l.bytes from permissions_assignment a join live l on l.id = a.permission_id where ${holds('a')}
       union all
       select o.api_id, m.principal_id, o.bytes from of_group o join permissions_group_member m on m.group_id = o.group_id where ${holds('m')}
     ), added as (
       select api_id, principal_id, sum(bytes) as bytes from held group by api_id, principal_id
     ), placed as (
       select *, row_number() over (partition by api_id order by bytes desc, principal_id) as place from added
     )
     select x.api_id as "apiId", x.principal_id as id, p.kind, x.bytes::float8 as bytes
     from placed x join permissions_principal p on p.id = x.principal_id where x.place <= ? order by x.api_id, x.place`,
    [now, now, now, count],
  );
}
