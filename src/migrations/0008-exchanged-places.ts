import { Migration } from '@mikro-orm/migrations';

/** Tokens that were exchanged stand at places of their own, which end with everyone through whom they came about. */
export class ExchangedPlaces extends Migration {
  override up(): void {
    this.addSql(`alter table "tokens_status" add "through" uuid[] null`);
    this.addSql(
      `create unique index "tokens_status_exchanged" on "tokens_status" ("holder_id", "api_id", "through") where through is not null and state = 0`,
    );
    this.addSql(
      `create index "tokens_status_through" on "tokens_status" using gin ("through") where through is not null`,
    );
  }
}
