import { Migration } from '@mikro-orm/migrations';

/**
 * PKCE of a client has three states. What was decided a moment ago is found again by the same browser: the code of an interaction,
 * when a device was decided, the session that a form has made.
 */
export class PkceAndRepeats extends Migration {
  override up(): void {
    this.addSql(
      `update "oauth_client" set "settings" = ("settings" - 'requirePkce') || case when "settings"->'requirePkce' = 'false' then '{"pkce": "off"}'::jsonb else '{}' end where "settings" ? 'requirePkce'`,
    );
    this.addSql(`alter table "oauth_code" add "request_digest" bytea null`);
    this.addSql(`alter table "oauth_code" add constraint "oauth_code_request_digest_unique" unique ("request_digest")`);
    this.addSql(`alter table "oauth_device" add "decided_at" timestamptz null`);
    this.addSql(`alter table "identity_session" add "form_digest" bytea null`);
    this.addSql(
      `create index "identity_session_form" on "identity_session" ("form_digest") where form_digest is not null`,
    );
  }
}
