import { Migration } from '@mikro-orm/migrations';

/** Clients and their secrets, revoked tokens, and the mark of a deleted user. */
export class Clients extends Migration {
  override up(): void {
    this.addSql(`alter table "identity_user" add "deleted_at" timestamptz null`);
    this.addSql(`create table "tokens_revoked" (
      "jti" uuid not null,
      "expires_at" timestamptz not null,
      primary key ("jti")
    )`);
    this.addSql(`create index "tokens_revoked_expires_at_index" on "tokens_revoked" ("expires_at")`);
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
      "is_active" boolean not null default true,
      "created_at" timestamptz not null,
      primary key ("id")
    )`);
    this.addSql(`alter table "oauth_client" add constraint "oauth_client_client_id_unique" unique ("client_id")`);
    this.addSql(`alter table "oauth_client" add constraint "oauth_client_name_key_unique" unique ("name_key")`);
    this.addSql(`create table "oauth_client_secret" (
      "id" uuid not null,
      "client_id" uuid not null,
      "digest" bytea not null,
      "created_at" timestamptz not null,
      "expires_at" timestamptz null,
      primary key ("id")
    )`);
    this.addSql(`create index "oauth_client_secret_client_id_index" on "oauth_client_secret" ("client_id")`);
    this.addSql(`create table "oauth_client_api" (
      "client_id" uuid not null,
      "api_id" uuid not null,
      "role" text not null,
      primary key ("client_id", "api_id", "role")
    )`);
    this.addSql(`create index "oauth_client_api_api_id_index" on "oauth_client_api" ("api_id")`);
    this.addSql(
      `alter table "oauth_client" add constraint "oauth_client_preset_check" check ("preset" in ('web', 'spa', 'native', 'service', 'device', 'mcp'))`,
    );
    this.addSql(
      `alter table "oauth_client" add constraint "oauth_client_auth_method_check" check ("auth_method" in ('client_secret', 'private_key_jwt', 'none'))`,
    );
    this.addSql(
      `alter table "oauth_client_api" add constraint "oauth_client_api_role_check" check ("role" in ('requests', 'serves'))`,
    );
    this.addSql(
      `alter table "oauth_client" add constraint "oauth_client_id_foreign" foreign key ("id") references "access_principal" ("id") on update cascade on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_client_secret" add constraint "oauth_client_secret_client_id_foreign" foreign key ("client_id") references "oauth_client" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_client_api" add constraint "oauth_client_api_client_id_foreign" foreign key ("client_id") references "oauth_client" ("id") on delete cascade`,
    );
    this.addSql(
      `alter table "oauth_client_api" add constraint "oauth_client_api_api_id_foreign" foreign key ("api_id") references "access_api" ("id") on delete cascade`,
    );
  }
}
