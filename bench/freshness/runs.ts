import { setTimeout as sleep } from 'node:timers/promises';
import { AUDIENCE, tokenRequest } from '../fixtures.ts';
import { startLoad } from '../load/load.ts';
import type { Server } from '../servers/server.ts';
import { say } from '../workspace.ts';
import { type Fixture, PERMISSION, STATELESS_AUDIENCE, VERIFIERS, type Visitor } from './fixture.ts';
import type { Ledger } from './ledger.ts';

/** So that changes meet every moment of what happens at intervals. */
const MOST_PAUSE_MS = 200;
/** Of the work that goes on beside the changes in the busy part, at each server. */
const BUSY_CONNECTIONS = 4;

/** What happens to the streams at the moment of a change. */
interface Trouble {
  readonly id: 'cut' | 'killed' | 'silent';
  readonly verifiers: readonly number[];
  /** Before the change is committed. */
  begin(): Promise<void>;
  /** When every verifier knows of it: the streams are as before. */
  end(): Promise<void>;
}

/** The changes of a run, one after the other, and everything that is done to the streams in between. */
export class Runs {
  readonly #fixture: Fixture;
  readonly #ledger: Ledger;
  #done = 0;

  constructor(fixture: Fixture, ledger: Ledger) {
    [this.#fixture, this.#ledger] = [fixture, ledger];
  }

  async run(changes: number): Promise<void> {
    const all = Array.from({ length: VERIFIERS }, (_, n) => n);
    await this.#change();
    await this.#fixture.balancer.untilUp(all);
    await this.#changes(Math.round(changes * 0.3));
    for (const verifier of all) await this.#change(this.#cut([verifier]));
    await this.#changes(Math.round(changes * 0.2));
    await this.#changes(Math.round(changes * 0.15), 'busy.');
    for (const server of [0, 1]) {
      await this.#change(this.#kill(server));
      await this.#changes(Math.round(changes * 0.05));
      await this.#fixture.restart(server);
    }
    await this.#spreadAgain();
    for (const half of [all.slice(0, VERIFIERS / 2), all.slice(VERIFIERS / 2)]) await this.#change(this.#silence(half));
    await this.#changes(changes - this.#done);
  }

  get done(): number {
    return this.#done;
  }

  async #changes(count: number, prefix: '' | 'busy.' = ''): Promise<void> {
    const loads = prefix === '' ? [] : this.#fixture.servers.map((one) => this.#startLoad(one));
    for (let n = 0; n < count; n++) {
      await this.#change(undefined, prefix);
      await sleep(Math.random() * MOST_PAUSE_MS);
    }
    for (const load of loads) await load.finish();
    say(`${this.#done} changes`);
  }

  #startLoad({ port }: Server) {
    const requests = [tokenRequest(this.#fixture.client, AUDIENCE)];
    return startLoad({ port, connections: BUSY_CONNECTIONS, requests, expected: [200] });
  }

  async #change(trouble?: Trouble, prefix: '' | 'busy.' = ''): Promise<void> {
    const { visitors, people, permission } = this.#fixture;
    const visitor = visitors[this.#done++ % visitors.length] as Visitor;
    const kind = visitor.isHolder ? 'removal' : 'addition';
    const { cookie } = visitor;
    const token = await this.#fixture.tokenOf(visitor);
    const finish = await this.#fixture.watch({ token, permission: PERMISSION, kind, cookie });
    await trouble?.begin();
    const { atMs, commitMs } = await people.toggle(visitor, permission);
    const { known, works } = await finish();
    this.#ledger.add(`${prefix}commit`, commitMs);
    const isTroubled = (verifier: number) => trouble?.verifiers.includes(verifier);
    for (const [n, when] of known.entries())
      this.#ledger.add(isTroubled(n) ? `${trouble?.id}.known` : `${prefix}${kind}`, when && when - atMs);
    for (const [n, when] of works.entries())
      if (!isTroubled(n)) this.#ledger.add(`${prefix}works`, when && when - atMs);
    await trouble?.end();
  }

  #cut(verifiers: number[]): Trouble {
    const { balancer } = this.#fixture;
    return { id: 'cut', verifiers, begin: () => balancer.cut(verifiers), end: () => this.#timeGaps('cut', verifiers) };
  }

  #kill(server: number): Trouble {
    const verifiers = this.#fixture.balancer.followersOf(server);
    const { pid } = this.#fixture.servers[server] as Server;
    say(`killing server ${server + 1}, which ${verifiers.length} verifiers follow`);
    return {
      ...{ id: 'killed', verifiers },
      begin: async () => void process.kill(pid, 'SIGKILL'),
      end: () => this.#timeGaps('killed', verifiers),
    };
  }

  /** The connection stays, and says nothing any more: what is left is the polling of the signed list. */
  #silence(verifiers: number[]): Trouble {
    const { balancer } = this.#fixture;
    return {
      ...{ id: 'silent', verifiers },
      begin: () => balancer.silence(verifiers),
      end: async () => {
        await balancer.cut(verifiers);
        await sleep(50);
        await balancer.untilUp(verifiers);
      },
    };
  }

  /** A verifier may know before its stream is up again: by its next look at the list. */
  async #timeGaps(id: 'cut' | 'killed', verifiers: number[]): Promise<void> {
    const { balancer } = this.#fixture;
    // The balancer may not have said yet that they ended.
    await sleep(50);
    await balancer.untilUp(verifiers);
    for (const { ms, isMoved } of verifiers.map((one) => balancer.gap(one)))
      this.#ledger.add(`${id}.gap`, isMoved ? ms : null);
  }

  /** Half of the streams to each server, as in the beginning. */
  async #spreadAgain(): Promise<void> {
    const { balancer, servers } = this.#fixture;
    for (const server of servers.keys()) {
      const most = balancer.followersOf(server).slice(VERIFIERS / 2);
      if (most.length === 0) continue;
      await balancer.cut(most);
      await sleep(50);
      await balancer.untilUp(most, 1 - server);
    }
  }
}

/** What there is without all this: tokens of a minute, and verifiers that believe them until they expire. */
export async function measureStateless(fixture: Fixture, ledger: Ledger): Promise<void> {
  const { permission, visitors } = fixture.stateless;
  say('the baseline: a minute until every token has expired');
  const begun = performance.now();
  const tokens: string[] = [];
  for (const visitor of visitors) tokens.push(await fixture.tokenOf(visitor, STATELESS_AUDIENCE));
  const refused = fixture.expire(tokens);
  const committed: number[] = [];
  for (const [n, visitor] of visitors.entries()) {
    // Changes come at any age of a token: here one in every equal part of a minute.
    await sleep(Math.max(0, ((n + 0.5) * 60_000) / visitors.length - (performance.now() - begun)));
    committed.push((await fixture.people.toggle(visitor, permission)).atMs);
  }
  for (const [n, when] of (await refused).entries()) ledger.add('stateless', when - (committed[n] as number));
}
