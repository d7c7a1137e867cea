import { Migration } from '@mikro-orm/migrations';

/**
 * What users let clients do: authorization requests, codes, device codes, consents, ceilings; what is redeemed once; notices of
 * logout on their way; initial access tokens. Grants know what was consented; an API's tokens may be opaque.
 */
export class Authorization extends Migration {
  override up(): void {
    this.addSql(`alter table "access_api" add "token_kind" text not null default 'jwt'`);
    this.addSql(
      `alter table "access_api" add constraint "access_api_token_kind_check" check ("token_kind" in ('jwt', 'opaque'))`,
    );
    this.addSql(`alter table "oauth_client"
      add "settings" jsonb not null default '{}',
      add "is_dynamic" boolean not null default false`);
    this.addSql(`alter table "tokens_grant"
      alter column "api_id" drop not null,
      add "permissions" uuid[] null,
      add "is_offline" boolean not null default false,
      add "is_refreshable" boolean not null default true,
      add "dpop_jkt" text null,
      add "claims" jsonb null`);
    // Every use of a refresh token writes this time: without the index, and with room on its page, the row stays where it is.
    this.addSql(`drop index "tokens_grant_idle_expires_at_index"`);
    this.addSql(`alter table "tokens_grant" set (fillfactor = 80)`);
    this.addSql(`create table "oauth_client_ceiling" (
      "client_id" uuid not null,
      "permission_id" uuid not null,
      primary key ("client_id", "permission_id")
    )`);
    this.addSql(`create index "oauth_client_ceiling_permission_id_index" on "oauth_client_ceiling" ("permission_id")`);
    this.addSql(`create table "oauth_consent" (
      "principal_id" uuid not null,
      "client_id" uuid not null,
      "api_id" uuid not null,
      "scopes" text[] not null,
      "permissions" uuid[] not null,
      "created_at" timestamptz not null,
      "updated_at" timestamptz not null,
      primary key ("principal_id", "client_id", "api_id")
    )`);
    this.addSql(`create index "oauth_consent_client_id_index" on "oauth_consent" ("client_id")`);
    this.addSql(`create table "oauth_request" (
      "digest" bytea not null,
      "kind" text not null,
      "client_id" uuid not null,
      "parameters" jsonb not null,
      "browser_digest" bytea null,
      "created_at" timestamptz not null,
      "expires_at" timestamptz not null,
      "consumed_at" timestamptz null,
      primary key ("digest")
    )`);
    this.addSql(
      `alter table "oauth_request" add constraint "oauth_request_kind_check" check ("kind" in ('interaction', 'pushed'))`,
    );
    this.addSql(`create index "oauth_request_client_id_index" on "oauth_request" ("client_id")`);
    this.addSql(`create index "oauth_request_expires_at_index" on "oauth_request" ("expires_at")`);
    this.addSql(`create table "oauth_code" (
      "digest" bytea not null,
      "client_id" uuid not null,
      "principal_id" uuid not null,
      "password_epoch" int not null,
      "session_id" uuid not null,
      "auth_time" timestamptz not null,
      "amr" text[] not null,
      "api_id" uuid null,
      "scope" text null,
      "permissions" uuid[] null,
      "is_offline" boolean not null default false,
      "redirect_uri" text null,
      "code_challenge" text null,
      "nonce" text null,
      "claims" jsonb null,
      "dpop_jkt" text null,
      "expires_at" timestamptz not null,
      "consumed_at" timestamptz null,
      "grant_id" uuid null,
      primary key ("digest")
    )`);
    this.addSql(`create index "oauth_code_client_id_index" on "oauth_code" ("client_id")`);
    this.addSql(`create index "oauth_code_principal_id_index" on "oauth_code" ("principal_id")`);
    this.addSql(`create index "oauth_code_expires_at_index" on "oauth_code" ("expires_at")`);
    this.addSql(`create table "oauth_device" (
      "digest" bytea not null,
      "user_code" text not null,
      "client_id" uuid not null,
      "api_id" uuid null,
      "scope" text null,
      "asked_permissions" uuid[] null,
      "dpop_jkt" text null,
      "interval_seconds" int not null,
      "polled_at" timestamptz null,
      "state" text not null default 'pending',
      "principal_id" uuid null,
      "password_epoch" int null,
      "session_id" uuid null,
      "auth_time" timestamptz null,
      "amr" text[] null,
      "permissions" uuid[] null,
      "is_offline" boolean not null default false,
      "expires_at" timestamptz not null,
      "consumed_at" timestamptz null,
      "grant_id" uuid null,
      primary key ("digest")
    )`);
    this.addSql(`alter table "oauth_device" add constraint "oauth_device_user_code_unique" unique ("user_code")`);
    this.addSql(
      `alter table "oauth_device" add constraint "oauth_device_state_check" check ("state" in ('pending', 'approved', 'denied'))`,
    );
    this.addSql(`create index "oauth_device_client_id_index" on "oauth_device" ("client_id")`);
    this.addSql(`create index "oauth_device_principal_id_index" on "oauth_device" ("principal_id")`);
    this.addSql(`create index "oauth_device_expires_at_index" on "oauth_device" ("expires_at")`);
    this.addSql(`create table "oauth_replay" (
      "digest" bytea not null,
      "expires_at" timestamptz not null,
      primary key ("digest")
    )`);
    this.addSql(`create index "oauth_replay_expires_at_index" on "oauth_replay" ("expires_at")`);
    this.addSql(`create table "oauth_logout_notice" (
      "id" uuid not null,
      "client_id" uuid not null,
      "sub" uuid not null,
      "sid" uuid not null,
      "after_session_id" uuid null,
      "created_at" timestamptz not null,
      "next_try_at" timestamptz not null,
      "tries" int not null default 0,
      "last_error" text null,
      "done_at" timestamptz null,
      primary key ("id")
    )`);
    this.addSql(`create index "oauth_logout_notice_client_id_index" on "oauth_logout_notice" ("client_id")`);
    this.addSql(
      `create index "oauth_logout_notice_due" on "oauth_logout_notice" ("client_id", "next_try_at") where done_at is null and after_session_id is null`,
    );
    this.addSql(
      `create index "oauth_logout_notice_held" on "oauth_logout_notice" ("after_session_id") where after_session_id is not null`,
    );
    this.addSql(`create index "oauth_logout_notice_done_at_index" on "oauth_logout_notice" ("done_at")`);
    this.addSql(`create table "oauth_registration_token" (
      "digest" bytea not null,
      "label" text not null,
      "api_ids" uuid[] not null,
      "uses_left" int not null,
      "created_at" timestamptz not null,
      "expires_at" timestamptz not null,
      primary key ("digest")
    )`);
    for (const [table, column, to] of [
      ['oauth_client_ceiling', 'client_id', 'oauth_client'],
      ['oauth_client_ceiling', 'permission_id', 'access_permission'],
      ['oauth_consent', 'principal_id', 'access_principal'],
      ['oauth_consent', 'client_id', 'oauth_client'],
      ['oauth_request', 'client_id', 'oauth_client'],
      ['oauth_code', 'client_id', 'oauth_client'],
      ['oauth_code', 'principal_id', 'access_principal'],
      ['oauth_device', 'client_id', 'oauth_client'],
      ['oauth_device', 'principal_id', 'access_principal'],
      ['oauth_logout_notice', 'client_id', 'oauth_client'],
    ])
      this.addSql(
        `alter table "${table}" add constraint "${table}_${column}_foreign" foreign key ("${column}") references "${to}" ("id")${table === 'oauth_client_ceiling' ? ' on update cascade' : ''} on delete cascade`,
      );
  }
}
