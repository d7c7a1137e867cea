import { Migration } from '@mikro-orm/migrations';

/** A grant whose refresh token stays the same is used without being rotated. */
export class UsedGrants extends Migration {
  override up(): void {
    this.addSql(`alter table "tokens_grant" add "used_at" timestamptz null`);
  }
}
