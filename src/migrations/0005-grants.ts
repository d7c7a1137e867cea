import { Migration } from '@mikro-orm/migrations';

/** Refresh grants, and the places that tokens have in status lists. */
export class Grants extends Migration {
  override up(): void {
    this.addSql(`alter table "access_api" add "with_superseded" boolean not null default true`);
    this.addSql(`create table "tokens_grant" (
      "id" uuid not null,
      "seed" bytea not null,
      "principal_id" uuid not null,
      "client_id" uuid not null,
      "api_id" uuid not null,
      "session_id" uuid null,
      "password_epoch" int not null,
      "auth_time" timestamptz null,
      "amr" text[] null,
      "scope" text null,
      "generation" int not null default 0,
      "created_at" timestamptz not null,
      "rotated_at" timestamptz not null,
      "idle_expires_at" timestamptz not null,
      "expires_at" timestamptz not null,
      "ended_at" timestamptz null,
      "ended_reason" text null,
      primary key ("id")
    )`);
    this.addSql(`create index "tokens_grant_principal_id_index" on "tokens_grant" ("principal_id")`);
    this.addSql(`create index "tokens_grant_client_id_index" on "tokens_grant" ("client_id")`);
    this.addSql(`create index "tokens_grant_session" on "tokens_grant" ("session_id") where ended_at is null`);
    this.addSql(`create index "tokens_grant_expires_at_index" on "tokens_grant" ("expires_at")`);
    this.addSql(`create index "tokens_grant_idle_expires_at_index" on "tokens_grant" ("idle_expires_at")`);
    this.addSql(`create index "tokens_grant_ended" on "tokens_grant" ("ended_at") where ended_at is not null`);
    for (const [column, table] of [
      ['principal_id', 'access_principal'],
      ['client_id', 'access_principal'],
      ['api_id', 'access_api'],
    ])
      this.addSql(
        `alter table "tokens_grant" add constraint "tokens_grant_${column}_foreign" foreign key ("${column}") references "${table}" ("id") on delete cascade`,
      );
    this.addSql(`create table "tokens_status" (
      "list" int not null,
      "idx" int not null,
      "holder_id" uuid not null,
      "api_id" uuid not null,
      "principal_id" uuid not null,
      "state" smallint not null default 0,
      "is_current" boolean not null default true,
      "changed" xid8 not null default pg_current_xact_id(),
      "expires_at" timestamptz not null,
      primary key ("list", "idx")
    )`);
    this.addSql(`create index "tokens_status_holder_id_index" on "tokens_status" ("holder_id")`);
    this.addSql(`create index "tokens_status_principal_id_api_id_index" on "tokens_status" ("principal_id", "api_id")`);
    this.addSql(`create index "tokens_status_changed_index" on "tokens_status" ("changed")`);
    this.addSql(`create index "tokens_status_moved" on "tokens_status" ("list", "idx") where state <> 0`);
    this.addSql(`create index "tokens_status_expires_at_index" on "tokens_status" ("expires_at")`);
    this.addSql(
      `create unique index "tokens_status_current" on "tokens_status" ("holder_id", "api_id") where is_current`,
    );
    this.addSql(`alter table "tokens_status" add constraint "tokens_status_state" check (state >= 0 and state <= 3)`);
  }
}
