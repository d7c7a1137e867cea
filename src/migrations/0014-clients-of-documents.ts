import { Migration } from '@mikro-orm/migrations';

/** The request of a client that is known by its document waits for its user before there is a client. */
export class ClientsOfDocuments extends Migration {
  override up(): void {
    this.addSql(`alter table "oauth_request" alter column "client_id" drop not null`);
  }
}
