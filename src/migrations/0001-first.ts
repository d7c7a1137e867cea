import { Migration } from '@mikro-orm/migrations';

/** The schema of the first release: users, groups, permissions, sessions, keys, the audit log. */
export class First extends Migration {
  override up(): void {
    // platform
    this.addSql(`create table "platform_state" (
      "name" text not null,
      "value" jsonb not null,
      primary key ("name")
    )`);

    // audit
    this.addSql(`create table "audit_entry" (
      "id" bigserial primary key,
      "at" timestamptz not null,
      "actor_kind" text not null,
      "actor_id" text null,
      "actor_label" text not null,
      "action" text not null,
      "object_kind" text not null,
      "object_id" text not null,
      "object_label" text not null,
      "before" jsonb null,
      "after" jsonb null,
      "request_id" text null
    )`);
    this.addSql(
      `create index "audit_entry_object_kind_object_id_id_index" on "audit_entry" ("object_kind", "object_id", "id")`,
    );
    this.addSql(`create index "audit_entry_actor_id_id_index" on "audit_entry" ("actor_id", "id")`);
    this.addSql(`create table "audit_event" (
      "id" bigserial primary key,
      "at" timestamptz not null,
      "kind" text not null,
      "user_id" uuid null,
      "name_tried" text null,
      "ip" text null,
      "detail" jsonb null
    )`);
    this.addSql(`create index "audit_event_user_id_id_index" on "audit_event" ("user_id", "id")`);
    this.addSql(`create index "audit_event_at_index" on "audit_event" ("at")`);

    // access
    this.addSql(`create table "access_api" (
      "id" uuid not null,
      "audience" text not null,
      "audience_key" text not null,
      "name" text not null,
      "is_builtin" boolean not null default false,
      "typ" text not null default 'at+jwt',
      "ttl_seconds" int not null default 600,
      "budget_bytes" int not null default 4096,
      "with_username" boolean not null default true,
      "with_source_id" boolean not null default false,
      "next_index" int not null default 0,
      "catalogue_version" int not null default 0,
      "catalogue_hash" text not null default '',
      primary key ("id")
    )`);
    this.addSql(`alter table "access_api" add constraint "access_api_audience_key_unique" unique ("audience_key")`);
    this.addSql(`create unique index "access_api_builtin" on "access_api" ("is_builtin") where is_builtin`);
    this.addSql(`create table "access_group" (
      "id" uuid not null,
      "name" text not null,
      "name_key" text not null,
      primary key ("id")
    )`);
    this.addSql(`alter table "access_group" add constraint "access_group_name_key_unique" unique ("name_key")`);
    this.addSql(`create table "access_model" (
      "id" uuid not null,
      "api_id" uuid not null,
      "app_label" text not null,
      "model" text not null,
      primary key ("id")
    )`);
    this.addSql(
      `alter table "access_model" add constraint "access_model_api_id_app_label_model_unique" unique ("api_id", "app_label", "model")`,
    );
    this.addSql(`create table "access_permission" (
      "id" uuid not null,
      "api_id" uuid not null,
      "model_id" uuid null,
      "name" text not null,
      "label" text not null,
      "index" int not null,
      "added_version" int not null,
      "removed_version" int null,
      primary key ("id")
    )`);
    this.addSql(`create index "access_permission_model_id_index" on "access_permission" ("model_id")`);
    this.addSql(
      `alter table "access_permission" add constraint "access_permission_api_id_index_unique" unique ("api_id", "index")`,
    );
    this.addSql(
      `create unique index "access_permission_live_name" on "access_permission" ("api_id", "name") where removed_version is null`,
    );
    this.addSql(`create table "access_group_permission" (
      "group_id" uuid not null,
      "permission_id" uuid not null,
      "ends_at" timestamptz null,
      primary key ("group_id", "permission_id")
    )`);
    this.addSql(
      `create index "access_group_permission_permission_id_index" on "access_group_permission" ("permission_id")`,
    );
    this.addSql(`create table "access_principal" (
      "id" uuid not null,
      "kind" text not null,
      "perms_version" int not null default 1,
      primary key ("id")
    )`);
    this.addSql(`create table "access_group_member" (
      "principal_id" uuid not null,
      "group_id" uuid not null,
      "ends_at" timestamptz null,
      primary key ("principal_id", "group_id")
    )`);
    this.addSql(
      `create index "access_group_member_group_id_principal_id_index" on "access_group_member" ("group_id", "principal_id")`,
    );
    this.addSql(`create table "access_assignment" (
      "principal_id" uuid not null,
      "permission_id" uuid not null,
      "ends_at" timestamptz null,
      primary key ("principal_id", "permission_id")
    )`);
    this.addSql(`create index "access_assignment_permission_id_index" on "access_assignment" ("permission_id")`);
    this.addSql(`create table "access_role" (
      "principal_id" uuid not null,
      "api_id" uuid not null,
      "is_staff" boolean not null default false,
      "is_superuser" boolean not null default false,
      primary key ("principal_id", "api_id")
    )`);
    this.addSql(`create index "access_role_api_id_index" on "access_role" ("api_id")`);
    this.addSql(
      `alter table "access_api" add constraint "access_api_ttl" check (ttl_seconds >= 60 and ttl_seconds <= 900)`,
    );
    this.addSql(
      `alter table "access_api" add constraint "access_api_budget" check (budget_bytes >= 1024 and budget_bytes <= 8192)`,
    );
    this.addSql(`alter table "access_api" add constraint "access_api_typ_check" check ("typ" in ('at+jwt', 'JWT'))`);
    this.addSql(
      `alter table "access_principal" add constraint "access_principal_kind_check" check ("kind" in ('user', 'client'))`,
    );

    // identity
    this.addSql(`create table "identity_import" (
      "source" text not null,
      "kind" text not null,
      "source_pk" text not null,
      "local_id" uuid not null,
      "imported_digest" bytea not null,
      primary key ("source", "kind", "source_pk")
    )`);
    this.addSql(`create index "identity_import_local_id_index" on "identity_import" ("local_id")`);
    this.addSql(`create table "identity_import_staged" (
      "import_id" uuid not null,
      "ordinal" int not null,
      "kind" text not null,
      "row" jsonb not null,
      primary key ("import_id", "ordinal")
    )`);
    this.addSql(`create table "identity_throttle" (
      "key_digest" bytea not null,
      "failures" int not null,
      "max_failures" int not null,
      "window_started_at" timestamptz not null,
      "expires_at" timestamptz not null,
      primary key ("key_digest")
    )`);
    this.addSql(`create index "identity_throttle_expires_at_index" on "identity_throttle" ("expires_at")`);
    this.addSql(`create table "identity_user" (
      "id" uuid not null,
      "username" text not null,
      "username_key" text not null,
      "email" text not null default '',
      "email_key" text null,
      "email_verified_at" timestamptz null,
      "first_name" text not null default '',
      "last_name" text not null default '',
      "password" text not null,
      "password_epoch" int not null default 1,
      "is_active" boolean not null default true,
      "is_staff" boolean not null default false,
      "is_superuser" boolean not null default false,
      "date_joined" timestamptz not null,
      "last_login" timestamptz null,
      "attributes" jsonb not null,
      primary key ("id")
    )`);
    this.addSql(
      `alter table "identity_user" add constraint "identity_user_username_key_unique" unique ("username_key")`,
    );
    this.addSql(`create index "identity_user_email_key_index" on "identity_user" ("email_key")`);
    this.addSql(`create index "identity_user_date_joined_id_index" on "identity_user" ("date_joined", "id")`);
    this.addSql(
      `create unique index "identity_user_verified_email" on "identity_user" ("email_key") where email_verified_at is not null`,
    );
    this.addSql(`create table "identity_session" (
      "id" uuid not null,
      "token_digest" bytea not null,
      "user_id" uuid not null,
      "password_epoch" int not null,
      "auth_time" timestamptz not null,
      "amr" text[] not null,
      "created_at" timestamptz not null,
      "last_seen_at" timestamptz not null,
      "idle_expires_at" timestamptz not null,
      "expires_at" timestamptz not null,
      "ended_at" timestamptz null,
      "ended_reason" text null,
      "ip" text null,
      "user_agent" text null,
      primary key ("id")
    )`);
    this.addSql(
      `alter table "identity_session" add constraint "identity_session_token_digest_unique" unique ("token_digest")`,
    );
    this.addSql(`create index "identity_session_live" on "identity_session" ("user_id") where ended_at is null`);
    this.addSql(`create index "identity_session_expires_at_index" on "identity_session" ("expires_at")`);
    this.addSql(`create table "identity_link" (
      "token_digest" bytea not null,
      "purpose" text not null,
      "user_id" uuid null,
      "payload" jsonb not null,
      "expires_at" timestamptz not null,
      "consumed_at" timestamptz null,
      primary key ("token_digest")
    )`);
    this.addSql(`create index "identity_link_expires_at_index" on "identity_link" ("expires_at")`);
    this.addSql(`create table "identity_known_network" (
      "user_id" uuid not null,
      "network_digest" bytea not null,
      "last_success_at" timestamptz not null,
      primary key ("user_id", "network_digest")
    )`);
    this.addSql(
      `alter table "identity_import" add constraint "identity_import_kind_check" check ("kind" in ('user', 'group', 'permission'))`,
    );
    this.addSql(
      `alter table "identity_link" add constraint "identity_link_purpose_check" check ("purpose" in ('setup', 'reset', 'verify', 'magic', 'invite'))`,
    );

    // tokens
    this.addSql(`create table "tokens_signing_key" (
      "kid" text not null,
      "alg" text not null,
      "public_jwk" jsonb not null,
      "private_sealed" bytea not null,
      "state" text not null,
      "created_at" timestamptz not null,
      "published_at" timestamptz null,
      "activated_at" timestamptz null,
      "retire_at" timestamptz null,
      primary key ("kid")
    )`);
    this.addSql(
      `create unique index "tokens_signing_key_current" on "tokens_signing_key" ("alg") where state = 'current'`,
    );
    this.addSql(`create unique index "tokens_signing_key_next" on "tokens_signing_key" ("alg") where state = 'next'`);
    this.addSql(
      `alter table "tokens_signing_key" add constraint "tokens_signing_key_alg_check" check ("alg" in ('RS256', 'ES256', 'EdDSA'))`,
    );
    this.addSql(
      `alter table "tokens_signing_key" add constraint "tokens_signing_key_state_check" check ("state" in ('next', 'current', 'retiring', 'gone'))`,
    );

    // references
    this.addSql(
      `alter table "access_model" add constraint "access_model_api_id_foreign" foreign key ("api_id") references "access_api" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "access_permission" add constraint "access_permission_api_id_foreign" foreign key ("api_id") references "access_api" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "access_permission" add constraint "access_permission_model_id_foreign" foreign key ("model_id") references "access_model" ("id") on delete set null`,
    );
    this.addSql(
      `alter table "access_group_permission" add constraint "access_group_permission_group_id_foreign" foreign key ("group_id") references "access_group" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "access_group_permission" add constraint "access_group_permission_permission_id_foreign" foreign key ("permission_id") references "access_permission" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "access_group_member" add constraint "access_group_member_principal_id_foreign" foreign key ("principal_id") references "access_principal" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "access_group_member" add constraint "access_group_member_group_id_foreign" foreign key ("group_id") references "access_group" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "access_assignment" add constraint "access_assignment_principal_id_foreign" foreign key ("principal_id") references "access_principal" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "access_assignment" add constraint "access_assignment_permission_id_foreign" foreign key ("permission_id") references "access_permission" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "access_role" add constraint "access_role_principal_id_foreign" foreign key ("principal_id") references "access_principal" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "access_role" add constraint "access_role_api_id_foreign" foreign key ("api_id") references "access_api" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "identity_user" add constraint "identity_user_id_foreign" foreign key ("id") references "access_principal" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "identity_session" add constraint "identity_session_user_id_foreign" foreign key ("user_id") references "identity_user" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "identity_link" add constraint "identity_link_user_id_foreign" foreign key ("user_id") references "identity_user" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "identity_known_network" add constraint "identity_known_network_user_id_foreign" foreign key ("user_id") references "identity_user" ("id") on delete cascade`,
    );
  }
}
