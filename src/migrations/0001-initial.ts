import { Migration } from '@mikro-orm/migrations';

/** The whole schema of the first release, generated from the entities. */
export class Initial extends Migration {
  override up(): void {
    // platform
    this.addSql(`create table "platform_outbox" (
      "id" uuid not null,
      "topic" text not null,
      "target" text not null,
      "payload" jsonb not null,
      "held_by" uuid null,
      "created_at" timestamptz not null,
      "next_try_at" timestamptz not null,
      "tries" int not null default 0,
      "last_error" text null,
      "done_at" timestamptz null,
      primary key ("id")
    )`);
    this.addSql(
      `create index "platform_outbox_due" on "platform_outbox" ("topic", "target", "next_try_at") where done_at is null and held_by is null`,
    );
    this.addSql(`create index "platform_outbox_held" on "platform_outbox" ("held_by") where held_by is not null`);
    this.addSql(`create index "platform_outbox_target" on "platform_outbox" ("target") where done_at is null`);
    this.addSql(`create index "platform_outbox_done" on "platform_outbox" ("done_at") where done_at is not null`);
    this.addSql(`create table "platform_signal" (
      "topic" text not null,
      "version" int not null,
      primary key ("topic")
    )`);
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

    // permissions
    this.addSql(`create table "permissions_api" (
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
      "is_catalogue_public" boolean not null default true,
      "alg" text not null default 'RS256',
      "token_kind" text not null default 'jwt',
      "format" text not null default 'list',
      "over_budget" text not null default 'bitmap',
      "with_superseded" boolean not null default true,
      "version" int not null default 1,
      primary key ("id")
    )`);
    this.addSql(
      `alter table "permissions_api" add constraint "permissions_api_audience_key_unique" unique ("audience_key")`,
    );
    this.addSql(`create unique index "permissions_api_builtin" on "permissions_api" ("is_builtin") where is_builtin`);
    this.addSql(`create table "permissions_catalogue_version" (
      "api_id" uuid not null,
      "version" int not null,
      "hash" text not null,
      "length" int not null,
      primary key ("api_id", "version")
    )`);
    this.addSql(`create table "permissions_fan_out" (
      "id" uuid not null,
      "kind" text not null,
      "apis" uuid[] null,
      "done" int not null default 0,
      primary key ("id")
    )`);
    this.addSql(`create table "permissions_fan_out_principal" (
      "fan_out_id" uuid not null,
      "ordinal" int not null,
      "principal_id" uuid not null,
      primary key ("fan_out_id", "ordinal")
    )`);
    this.addSql(`create table "permissions_group" (
      "id" uuid not null,
      "name" text not null,
      "name_key" text not null,
      primary key ("id")
    )`);
    this.addSql(
      `alter table "permissions_group" add constraint "permissions_group_name_key_unique" unique ("name_key")`,
    );
    this.addSql(`create table "permissions_model" (
      "id" uuid not null,
      "api_id" uuid not null,
      "app_label" text not null,
      "model" text not null,
      primary key ("id")
    )`);
    this.addSql(
      `alter table "permissions_model" add constraint "permissions_model_api_id_app_label_model_unique" unique ("api_id", "app_label", "model")`,
    );
    this.addSql(`create table "permissions_permission" (
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
    this.addSql(`create index "permissions_permission_model_id_index" on "permissions_permission" ("model_id")`);
    this.addSql(
      `alter table "permissions_permission" add constraint "permissions_permission_api_id_index_unique" unique ("api_id", "index")`,
    );
    this.addSql(
      `create unique index "permissions_permission_live_name" on "permissions_permission" ("api_id", "name") where removed_version is null`,
    );
    this.addSql(`create table "permissions_group_permission" (
      "group_id" uuid not null,
      "permission_id" uuid not null,
      "ends_at" timestamptz null,
      primary key ("group_id", "permission_id")
    )`);
    this.addSql(
      `create index "permissions_group_permission_permission_id_index" on "permissions_group_permission" ("permission_id")`,
    );
    this.addSql(`create table "permissions_principal" (
      "id" uuid not null,
      "kind" text not null,
      "perms_version" int not null default 1,
      primary key ("id")
    )`);
    this.addSql(`create table "permissions_group_member" (
      "principal_id" uuid not null,
      "group_id" uuid not null,
      "ends_at" timestamptz null,
      primary key ("principal_id", "group_id")
    )`);
    this.addSql(
      `create index "permissions_group_member_group_id_principal_id_index" on "permissions_group_member" ("group_id", "principal_id")`,
    );
    this.addSql(`create table "permissions_assignment" (
      "principal_id" uuid not null,
      "permission_id" uuid not null,
      "ends_at" timestamptz null,
      primary key ("principal_id", "permission_id")
    )`);
    this.addSql(
      `create index "permissions_assignment_permission_id_index" on "permissions_assignment" ("permission_id")`,
    );
    this.addSql(`create table "permissions_role" (
      "principal_id" uuid not null,
      "api_id" uuid not null,
      "is_staff" boolean not null default false,
      "is_superuser" boolean not null default false,
      primary key ("principal_id", "api_id")
    )`);
    this.addSql(`create index "permissions_role_api_id_index" on "permissions_role" ("api_id")`);
    this.addSql(
      `alter table "permissions_api" add constraint "permissions_api_ttl" check (ttl_seconds >= 60 and ttl_seconds <= 900)`,
    );
    this.addSql(
      `alter table "permissions_api" add constraint "permissions_api_budget" check (budget_bytes >= 1024 and budget_bytes <= 8192)`,
    );
    this.addSql(
      `alter table "permissions_api" add constraint "permissions_api_typ_check" check ("typ" in ('at+jwt', 'JWT'))`,
    );
    this.addSql(
      `alter table "permissions_api" add constraint "permissions_api_alg_check" check ("alg" in ('RS256', 'ES256', 'EdDSA'))`,
    );
    this.addSql(
      `alter table "permissions_api" add constraint "permissions_api_token_kind_check" check ("token_kind" in ('jwt', 'opaque'))`,
    );
    this.addSql(
      `alter table "permissions_api" add constraint "permissions_api_format_check" check ("format" in ('list', 'bitmap', 'scope', 'none'))`,
    );
    this.addSql(
      `alter table "permissions_api" add constraint "permissions_api_over_budget_check" check ("over_budget" in ('bitmap', 'fail'))`,
    );
    this.addSql(
      `alter table "permissions_fan_out" add constraint "permissions_fan_out_kind_check" check ("kind" in ('added', 'removed'))`,
    );
    this.addSql(
      `alter table "permissions_principal" add constraint "permissions_principal_kind_check" check ("kind" in ('user', 'client'))`,
    );

    // users
    this.addSql(`create table "users_user" (
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
      "deleted_at" timestamptz null,
      "attributes" jsonb not null,
      primary key ("id")
    )`);
    this.addSql(`alter table "users_user" add constraint "users_user_username_key_unique" unique ("username_key")`);
    this.addSql(`create index "users_user_email_key_index" on "users_user" ("email_key")`);
    this.addSql(`create index "users_user_date_joined_id_index" on "users_user" ("date_joined", "id")`);
    this.addSql(
      `create unique index "users_user_verified_email" on "users_user" ("email_key") where email_verified_at is not null`,
    );

    // sessions
    this.addSql(`create table "sessions_session" (
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
      "form_digest" bytea null,
      primary key ("id")
    )`);
    this.addSql(
      `alter table "sessions_session" add constraint "sessions_session_token_digest_unique" unique ("token_digest")`,
    );
    this.addSql(`create index "sessions_session_live" on "sessions_session" ("user_id") where ended_at is null`);
    this.addSql(
      `create index "sessions_session_form" on "sessions_session" ("form_digest") where form_digest is not null`,
    );
    this.addSql(`create index "sessions_session_expires_at_index" on "sessions_session" ("expires_at")`);

    // signin
    this.addSql(`create table "signin_throttle" (
      "key_digest" bytea not null,
      "failures" int not null,
      "max_failures" int not null,
      "window_started_at" timestamptz not null,
      "expires_at" timestamptz not null,
      primary key ("key_digest")
    )`);
    this.addSql(`create index "signin_throttle_expires_at_index" on "signin_throttle" ("expires_at")`);
    this.addSql(`create table "signin_flow" (
      "handle_digest" bytea not null,
      "kind" text not null,
      "step" text not null,
      "user_id" uuid not null,
      "password_epoch" int not null,
      "methods" text[] not null,
      "browser_digest" bytea null,
      "created_at" timestamptz not null,
      "expires_at" timestamptz not null,
      primary key ("handle_digest")
    )`);
    this.addSql(`create index "signin_flow_expires_at_index" on "signin_flow" ("expires_at")`);
    this.addSql(`create table "signin_one_time_token" (
      "token_digest" bytea not null,
      "purpose" text not null,
      "user_id" uuid null,
      "payload" jsonb not null,
      "expires_at" timestamptz not null,
      "consumed_at" timestamptz null,
      primary key ("token_digest")
    )`);
    this.addSql(`create index "signin_one_time_token_expires_at_index" on "signin_one_time_token" ("expires_at")`);
    this.addSql(`create table "signin_familiar_network" (
      "user_id" uuid not null,
      "network_digest" bytea not null,
      "last_success_at" timestamptz not null,
      primary key ("user_id", "network_digest")
    )`);
    this.addSql(
      `create index "signin_familiar_network_last_success_at_index" on "signin_familiar_network" ("last_success_at")`,
    );
    this.addSql(
      `alter table "signin_flow" add constraint "signin_flow_kind_check" check ("kind" in ('login', 'setup', 'signup', 'step_up'))`,
    );
    this.addSql(
      `alter table "signin_flow" add constraint "signin_flow_step_check" check ("step" in ('first_factor', 'second_factor', 'done'))`,
    );
    this.addSql(
      `alter table "signin_one_time_token" add constraint "signin_one_time_token_purpose_check" check ("purpose" in ('setup', 'reset', 'verify', 'magic', 'invite'))`,
    );

    // imports
    this.addSql(`create table "imports_record" (
      "source" text not null,
      "kind" text not null,
      "source_pk" text not null,
      "local_id" uuid not null,
      "imported_digest" bytea not null,
      "imported" jsonb null,
      primary key ("source", "kind", "source_pk")
    )`);
    this.addSql(`create index "imports_record_local_id_index" on "imports_record" ("local_id")`);
    this.addSql(`create table "imports_staged_row" (
      "import_id" uuid not null,
      "ordinal" int not null,
      "kind" text not null,
      "row" jsonb not null,
      primary key ("import_id", "ordinal")
    )`);
    this.addSql(
      `alter table "imports_record" add constraint "imports_record_kind_check" check ("kind" in ('user', 'group', 'permission'))`,
    );

    // tokens
    this.addSql(`create table "tokens_grant" (
      "id" uuid not null,
      "seed" bytea not null,
      "principal_id" uuid not null,
      "client_id" uuid not null,
      "api_id" uuid null,
      "session_id" uuid null,
      "password_epoch" int not null,
      "auth_time" timestamptz null,
      "amr" text[] null,
      "scope" text null,
      "permissions" uuid[] null,
      "is_offline" boolean not null default false,
      "is_refreshable" boolean not null default true,
      "dpop_jkt" text null,
      "claims" jsonb null,
      "generation" int not null default 0,
      "created_at" timestamptz not null,
      "rotated_at" timestamptz not null,
      "used_at" timestamptz null,
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
    this.addSql(`create index "tokens_grant_ended" on "tokens_grant" ("ended_at") where ended_at is not null`);
    this.addSql(`create table "tokens_revoked" (
      "jti" uuid not null,
      "expires_at" timestamptz not null,
      primary key ("jti")
    )`);
    this.addSql(`create index "tokens_revoked_expires_at_index" on "tokens_revoked" ("expires_at")`);
    this.addSql(`create table "tokens_signing_key" (
      "kid" text not null,
      "alg" text not null,
      "public_jwk" jsonb not null,
      "private_sealed" bytea not null,
      "state" text not null,
      "created_at" timestamptz not null,
      "published_at" timestamptz null,
      "activate_at" timestamptz null,
      "activated_at" timestamptz null,
      "retire_at" timestamptz null,
      primary key ("kid")
    )`);
    this.addSql(
      `create unique index "tokens_signing_key_current" on "tokens_signing_key" ("alg") where state = 'current'`,
    );
    this.addSql(`create unique index "tokens_signing_key_next" on "tokens_signing_key" ("alg") where state = 'next'`);
    this.addSql(`create table "tokens_status" (
      "list" int not null,
      "idx" int not null,
      "holder_id" uuid not null,
      "api_id" uuid not null,
      "principal_id" uuid not null,
      "through" uuid[] null,
      "state" smallint not null default 0,
      "is_current" boolean not null default true,
      "changed" xid8 not null default pg_current_xact_id(),
      "expires_at" timestamptz not null,
      primary key ("list", "idx")
    )`);
    this.addSql(`create index "tokens_status_holder_id_index" on "tokens_status" ("holder_id")`);
    this.addSql(`create index "tokens_status_principal_id_api_id_index" on "tokens_status" ("principal_id", "api_id")`);
    this.addSql(`create index "tokens_status_changed_index" on "tokens_status" ("changed")`);
    this.addSql(`create index "tokens_status_expires_at_index" on "tokens_status" ("expires_at")`);
    this.addSql(`create index "tokens_status_moved" on "tokens_status" ("list", "idx") where state <> 0`);
    this.addSql(
      `create index "tokens_status_through" on "tokens_status" using gin ("through") where through is not null`,
    );
    this.addSql(
      `create unique index "tokens_status_current" on "tokens_status" ("holder_id", "api_id") where is_current`,
    );
    this.addSql(
      `create unique index "tokens_status_exchanged" on "tokens_status" ("holder_id", "api_id", "through") where through is not null and state = 0`,
    );
    this.addSql(
      `alter table "tokens_signing_key" add constraint "tokens_signing_key_gone" check (state <> 'gone' or octet_length(private_sealed) = 0)`,
    );
    this.addSql(
      `alter table "tokens_signing_key" add constraint "tokens_signing_key_alg_check" check ("alg" in ('RS256', 'ES256', 'EdDSA'))`,
    );
    this.addSql(
      `alter table "tokens_signing_key" add constraint "tokens_signing_key_state_check" check ("state" in ('next', 'current', 'retiring', 'gone'))`,
    );
    this.addSql(`alter table "tokens_status" add constraint "tokens_status_state" check (state >= 0 and state <= 3)`);
    // Leaves room for heap-only tuple (HOT) updates: rotations of a grant stay on its page.
    this.addSql(`alter table "tokens_grant" set (fillfactor = 80)`);

    // oauth
    this.addSql(`create table "oauth_client" (
      "id" uuid not null,
      "client_id" text not null,
      "name" text not null,
      "name_key" text not null,
      "is_first_party" boolean not null default false,
      "preset" text not null,
      "auth_method" text not null,
      "grant_types" text[] not null,
      "redirect_uris" text[] not null,
      "settings" jsonb not null default '{}',
      "is_dynamic" boolean not null default false,
      "is_active" boolean not null default true,
      "created_at" timestamptz not null,
      primary key ("id")
    )`);
    this.addSql(`alter table "oauth_client" add constraint "oauth_client_client_id_unique" unique ("client_id")`);
    this.addSql(`alter table "oauth_client" add constraint "oauth_client_name_key_unique" unique ("name_key")`);
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
      "decided_at" timestamptz null,
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
    this.addSql(`create index "oauth_device_client_id_index" on "oauth_device" ("client_id")`);
    this.addSql(`create index "oauth_device_principal_id_index" on "oauth_device" ("principal_id")`);
    this.addSql(`create index "oauth_device_expires_at_index" on "oauth_device" ("expires_at")`);
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
    this.addSql(`create table "oauth_client_secret" (
      "id" uuid not null,
      "client_id" uuid not null,
      "digest" bytea not null,
      "created_at" timestamptz not null,
      "expires_at" timestamptz null,
      primary key ("id")
    )`);
    this.addSql(`create index "oauth_client_secret_client_id_index" on "oauth_client_secret" ("client_id")`);
    this.addSql(`create table "oauth_client_boundary" (
      "client_id" uuid not null,
      "permission_id" uuid not null,
      primary key ("client_id", "permission_id")
    )`);
    this.addSql(
      `create index "oauth_client_boundary_permission_id_index" on "oauth_client_boundary" ("permission_id")`,
    );
    this.addSql(`create table "oauth_client_api" (
      "client_id" uuid not null,
      "api_id" uuid not null,
      "role" text not null,
      primary key ("client_id", "api_id", "role")
    )`);
    this.addSql(`create index "oauth_client_api_api_id_index" on "oauth_client_api" ("api_id")`);
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
      "request_digest" bytea null,
      "grant_id" uuid null,
      primary key ("digest")
    )`);
    this.addSql(`alter table "oauth_code" add constraint "oauth_code_request_digest_unique" unique ("request_digest")`);
    this.addSql(`create index "oauth_code_client_id_index" on "oauth_code" ("client_id")`);
    this.addSql(`create index "oauth_code_principal_id_index" on "oauth_code" ("principal_id")`);
    this.addSql(`create index "oauth_code_expires_at_index" on "oauth_code" ("expires_at")`);
    this.addSql(`create table "oauth_registration_token" (
      "digest" bytea not null,
      "label" text not null,
      "api_ids" uuid[] not null,
      "uses_left" int not null,
      "created_at" timestamptz not null,
      "expires_at" timestamptz not null,
      primary key ("digest")
    )`);
    this.addSql(`create table "oauth_replay" (
      "digest" bytea not null,
      "expires_at" timestamptz not null,
      primary key ("digest")
    )`);
    this.addSql(`create index "oauth_replay_expires_at_index" on "oauth_replay" ("expires_at")`);
    this.addSql(`create table "oauth_request" (
      "digest" bytea not null,
      "kind" text not null,
      "client_id" uuid null,
      "parameters" jsonb not null,
      "browser_digest" bytea null,
      "created_at" timestamptz not null,
      "expires_at" timestamptz not null,
      "consumed_at" timestamptz null,
      primary key ("digest")
    )`);
    this.addSql(`create index "oauth_request_client_id_index" on "oauth_request" ("client_id")`);
    this.addSql(`create index "oauth_request_expires_at_index" on "oauth_request" ("expires_at")`);
    this.addSql(
      `alter table "oauth_client" add constraint "oauth_client_preset_check" check ("preset" in ('web', 'spa', 'native', 'service', 'device', 'mcp'))`,
    );
    this.addSql(
      `alter table "oauth_client" add constraint "oauth_client_auth_method_check" check ("auth_method" in ('client_secret', 'private_key_jwt', 'none'))`,
    );
    this.addSql(
      `alter table "oauth_device" add constraint "oauth_device_state_check" check ("state" in ('pending', 'approved', 'denied'))`,
    );
    this.addSql(
      `alter table "oauth_client_api" add constraint "oauth_client_api_role_check" check ("role" in ('requests', 'serves'))`,
    );
    this.addSql(
      `alter table "oauth_request" add constraint "oauth_request_kind_check" check ("kind" in ('interaction', 'pushed'))`,
    );

    // foreign keys, after all tables
    this.addSql(
      `alter table "permissions_catalogue_version" add constraint "permissions_catalogue_version_api_id_foreign" foreign key ("api_id") references "permissions_api" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "permissions_model" add constraint "permissions_model_api_id_foreign" foreign key ("api_id") references "permissions_api" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "permissions_permission" add constraint "permissions_permission_api_id_foreign" foreign key ("api_id") references "permissions_api" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "permissions_permission" add constraint "permissions_permission_model_id_foreign" foreign key ("model_id") references "permissions_model" ("id") on delete set null`,
    );
    this.addSql(
      `alter table "permissions_group_permission" add constraint "permissions_group_permission_group_id_foreign" foreign key ("group_id") references "permissions_group" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "permissions_group_permission" add constraint "permissions_group_permission_permission_id_foreign" foreign key ("permission_id") references "permissions_permission" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "permissions_group_member" add constraint "permissions_group_member_principal_id_foreign" foreign key ("principal_id") references "permissions_principal" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "permissions_group_member" add constraint "permissions_group_member_group_id_foreign" foreign key ("group_id") references "permissions_group" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "permissions_assignment" add constraint "permissions_assignment_principal_id_foreign" foreign key ("principal_id") references "permissions_principal" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "permissions_assignment" add constraint "permissions_assignment_permission_id_foreign" foreign key ("permission_id") references "permissions_permission" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "permissions_role" add constraint "permissions_role_principal_id_foreign" foreign key ("principal_id") references "permissions_principal" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "permissions_role" add constraint "permissions_role_api_id_foreign" foreign key ("api_id") references "permissions_api" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "users_user" add constraint "users_user_id_foreign" foreign key ("id") references "permissions_principal" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "sessions_session" add constraint "sessions_session_user_id_foreign" foreign key ("user_id") references "users_user" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "signin_flow" add constraint "signin_flow_user_id_foreign" foreign key ("user_id") references "users_user" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "signin_one_time_token" add constraint "signin_one_time_token_user_id_foreign" foreign key ("user_id") references "users_user" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "signin_familiar_network" add constraint "signin_familiar_network_user_id_foreign" foreign key ("user_id") references "users_user" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "tokens_grant" add constraint "tokens_grant_principal_id_foreign" foreign key ("principal_id") references "permissions_principal" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "tokens_grant" add constraint "tokens_grant_client_id_foreign" foreign key ("client_id") references "permissions_principal" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "tokens_grant" add constraint "tokens_grant_api_id_foreign" foreign key ("api_id") references "permissions_api" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_client" add constraint "oauth_client_id_foreign" foreign key ("id") references "permissions_principal" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_device" add constraint "oauth_device_client_id_foreign" foreign key ("client_id") references "oauth_client" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_device" add constraint "oauth_device_principal_id_foreign" foreign key ("principal_id") references "permissions_principal" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_consent" add constraint "oauth_consent_principal_id_foreign" foreign key ("principal_id") references "permissions_principal" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_consent" add constraint "oauth_consent_client_id_foreign" foreign key ("client_id") references "oauth_client" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_client_secret" add constraint "oauth_client_secret_client_id_foreign" foreign key ("client_id") references "oauth_client" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_client_boundary" add constraint "oauth_client_boundary_client_id_foreign" foreign key ("client_id") references "oauth_client" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_client_boundary" add constraint "oauth_client_boundary_permission_id_foreign" foreign key ("permission_id") references "permissions_permission" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_client_api" add constraint "oauth_client_api_client_id_foreign" foreign key ("client_id") references "oauth_client" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_client_api" add constraint "oauth_client_api_api_id_foreign" foreign key ("api_id") references "permissions_api" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_code" add constraint "oauth_code_client_id_foreign" foreign key ("client_id") references "oauth_client" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_code" add constraint "oauth_code_principal_id_foreign" foreign key ("principal_id") references "permissions_principal" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_request" add constraint "oauth_request_client_id_foreign" foreign key ("client_id") references "oauth_client" ("id") on delete cascade`,
    );
  }
}
