import { Migration } from '@mikro-orm/migrations';

/** What a record was when it was imported last, field by field: by it a later import tells who has changed what. */
export class ImportedValues extends Migration {
  override up(): void {
    this.addSql(`alter table "identity_import" add "imported" jsonb null`);
  }
}
