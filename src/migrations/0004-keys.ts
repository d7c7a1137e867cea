import { Migration } from '@mikro-orm/migrations';

/** When a published key is to sign; a key that is gone has no private half any more. */
export class Keys extends Migration {
  override up(): void {
    this.addSql(`alter table "tokens_signing_key" add "activate_at" timestamptz null`);
    this.addSql(
      `alter table "tokens_signing_key" add constraint "tokens_signing_key_gone" check (state <> 'gone' or octet_length(private_sealed) = 0)`,
    );
  }
}
