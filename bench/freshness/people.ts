import { assign, getApi, getPermissions, type Permission, unassign } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { model } from '../../src/server/model.ts';
import { getUser } from '../../src/users/index.ts';
import { monotonicMs } from './clock.ts';

export interface Person {
  readonly id: string;
  readonly username: string;
  /** Whether they hold the permission that is given and taken. */
  isHolder: boolean;
}

export interface Committed {
  /** Right before COMMIT is sent: nobody can see the change earlier. */
  readonly atMs: number;
  /** What COMMIT itself took: the change is on disk, and visible, somewhere in it. */
  readonly commitMs: number;
}

/** Users whose permission the bench changes, as `signet perm grant` and `perm revoke` do. */
export class People {
  readonly #db: Database;

  private constructor(db: Database) {
    this.#db = db;
  }

  static async open(databaseUrl: string): Promise<People> {
    return new People(await openPostgresql(databaseUrl, 2, model));
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  async named(usernames: readonly string[]): Promise<Person[]> {
    const people: Person[] = [];
    for (const username of usernames) {
      const { id } = await getUser(this.#db.fork(), username);
      people.push({ id, username, isHolder: false });
    }
    return people;
  }

  /** For `toggle`. */
  async permission(audience: string, name: string): Promise<Permission> {
    const em = this.#db.fork();
    const [found] = await getPermissions(em, await getApi(em, audience), [name]);
    return found as Permission;
  }

  /** Gives the permission to who lacks it, takes it from who holds it; committed when this answers. */
  async toggle(person: Person, permission: Permission): Promise<Committed> {
    const verb = person.isHolder ? unassign : assign;
    const stamp = { at: new Date(), actor: { kind: 'cli', id: 'bench', label: 'cli:bench' } } as const;
    const who = { kind: 'user', principal: { id: person.id, label: person.username } } as const;
    const atMs = await this.#db.fork().transactional(async (tx) => {
      const changed = await verb(tx, stamp, who, [permission]);
      if (changed.length !== 1) throw new Error(`${person.username} was changed by somebody else.`);
      return monotonicMs();
    });
    person.isHolder = !person.isHolder;
    return { atMs, commitMs: monotonicMs() - atMs };
  }
}
