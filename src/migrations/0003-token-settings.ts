import { Migration } from '@mikro-orm/migrations';

/**
 * How each API's tokens are signed and what form permissions have in them; the versions of its catalogue; its own version.
 * Signals: what every process keeps ready-made has changed.
 */
export class TokenSettings extends Migration {
  override up(): void {
    this.addSql(`alter table "access_api"
      add "alg" text not null default 'RS256',
      add "format" text not null default 'list',
      add "over_budget" text not null default 'bitmap',
      add "is_catalogue_public" boolean not null default true,
      add "version" int not null default 1`);
    this.addSql(
      `alter table "access_api" add constraint "access_api_alg_check" check ("alg" in ('RS256', 'ES256', 'EdDSA'))`,
    );
    this.addSql(
      `alter table "access_api" add constraint "access_api_format_check" check ("format" in ('list', 'bitmap', 'scope', 'none'))`,
    );
    this.addSql(
      `alter table "access_api" add constraint "access_api_over_budget_check" check ("over_budget" in ('bitmap', 'fail'))`,
    );
    this.addSql(`create table "platform_signal" (
      "topic" text not null,
      "version" int not null,
      primary key ("topic")
    )`);
    this.addSql(`create table "access_catalogue_version" (
      "api_id" uuid not null,
      "version" int not null,
      "hash" text not null,
      "length" int not null,
      primary key ("api_id", "version")
    )`);
    this.addSql(
      `alter table "access_catalogue_version" add constraint "access_catalogue_version_api_id_foreign" foreign key ("api_id") references "access_api" ("id") on delete cascade`,
    );
    this.addSql(
      `create index "identity_known_network_last_success_at_index" on "identity_known_network" ("last_success_at")`,
    );
    // SHA-256 of nothing: what an empty catalogue has.
    this.addSql(
      `update "access_api" set "catalogue_hash" = '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU' where "catalogue_version" = 0`,
    );
    // What was before: every permission knows the version that brought it and the one that took it.
    this.addSql(`insert into "access_catalogue_version" ("api_id", "version", "hash", "length")
      select a.id, v.version,
        translate(rtrim(encode(sha256(convert_to(string_agg(
          p.index || chr(9) || case when p.removed_version <= v.version then '' else p.name end || chr(10), '' order by p.index), 'UTF8')), 'base64'), '='), '+/', '-_'),
        count(*)
      from access_api a cross join lateral generate_series(1, a.catalogue_version) v (version)
      join access_permission p on p.api_id = a.id and p.added_version <= v.version
      group by a.id, v.version`);
  }
}
