import { Migration } from '@mikro-orm/migrations';

/** Changes of many principals' rights, carried out in batches. */
export class FanOut extends Migration {
  override up(): void {
    this.addSql(`create table "access_spread" (
      "id" uuid not null,
      "kind" text not null,
      "apis" uuid[] null,
      "done" int not null default 0,
      primary key ("id")
    )`);
    this.addSql(
      `alter table "access_spread" add constraint "access_spread_kind_check" check ("kind" in ('added', 'removed'))`,
    );
    this.addSql(`create table "access_spread_principal" (
      "spread_id" uuid not null,
      "turn" int not null,
      "principal_id" uuid not null,
      primary key ("spread_id", "turn")
    )`);
  }
}
