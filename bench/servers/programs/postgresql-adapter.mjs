import pg from 'pg';

// What node-oidc-provider stores, in PostgreSQL: its clients, grants, codes and tokens. Every statement is prepared by name.

const tables = `
  create table if not exists oidc_payload (
    model text not null, id text not null, payload jsonb not null, grant_id text, uid text, user_code text,
    expires_at timestamptz, consumed_at timestamptz, primary key (model, id));
  create index if not exists oidc_payload_grant on oidc_payload (grant_id) where grant_id is not null;
  create index if not exists oidc_payload_uid on oidc_payload (uid) where uid is not null;
  create index if not exists oidc_payload_user_code on oidc_payload (user_code) where user_code is not null`;

const found = 'select payload, extract(epoch from consumed_at)::int as consumed from oidc_payload where model = $1 and';
const isAlive = 'and (expires_at is null or expires_at > now())';

const statements = {
  upsert: `insert into oidc_payload (model, id, payload, grant_id, uid, user_code, expires_at)
    values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
    on conflict (model, id) do update set payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid,
      user_code = excluded.user_code, expires_at = excluded.expires_at`,
  find: `${found} id = $2 ${isAlive}`,
  findByUid: `${found} uid = $2 ${isAlive}`,
  findByUserCode: `${found} user_code = $2 ${isAlive}`,
  consume: 'update oidc_payload set consumed_at = now() where model = $1 and id = $2',
  destroy: 'delete from oidc_payload where model = $1 and id = $2',
  revokeByGrantId: 'delete from oidc_payload where model = $1 and grant_id = $2',
};

/** Answers the adapter of each model, on one pool that is as wide as Signet's. */
export async function openPostgresqlAdapter(connectionString) {
  const pool = new pg.Pool({ connectionString, max: 10, application_name: 'oidc-provider' });
  await pool.query(tables);
  const run = (name, values) => pool.query({ name, text: statements[name], values });
  const one = async (name, values) => {
    const [row] = (await run(name, values)).rows;
    return row && (row.consumed === null ? row.payload : { ...row.payload, consumed: row.consumed });
  };
  return (model) => ({
    upsert: (id, payload, expiresIn) => {
      const { grantId = null, uid = null, userCode = null } = payload;
      return run('upsert', [model, id, JSON.stringify(payload), grantId, uid, userCode, expiresIn ?? null]);
    },
    find: (id) => one('find', [model, id]),
    findByUid: (uid) => one('findByUid', [model, uid]),
    findByUserCode: (code) => one('findByUserCode', [model, code]),
    consume: (id) => run('consume', [model, id]),
    destroy: (id) => run('destroy', [model, id]),
    revokeByGrantId: (grantId) => run('revokeByGrantId', [model, grantId]),
  });
}
