import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, type Workspace } from '../workspace.ts';
import { type Child, startChild } from './child.ts';

interface Turn {
  readonly front: number;
  readonly server: number;
  readonly atMs: number;
}

const PATIENCE_MS = 20_000;

/** The bench's own balancer before the servers, in a process of its own: a port for the clients and one for every verifier. */
export class Balancer {
  readonly ports: readonly number[];
  readonly #child: Child;
  /** Open event streams: which server each goes to, and since when. */
  readonly #up: ReadonlyMap<number, Turn>;
  readonly #ended: ReadonlyMap<number, Turn>;

  private constructor(ports: number[], child: Child, up: Map<number, Turn>, ended: Map<number, Turn>) {
    [this.ports, this.#child, this.#up, this.#ended] = [ports, child, up, ended];
  }

  static async start(
    workspace: Workspace,
    port: number,
    verifiers: number,
    servers: readonly number[],
  ): Promise<Balancer> {
    const ports: number[] = [];
    for (let n = 0; n < verifiers; n++) ports.push(await freePort());
    const up = new Map<number, Turn>();
    const ended = new Map<number, Turn>();
    const child = await startChild(workspace, 'balancer', { fronts: [...ports, port], servers }, (event, data) => {
      const turn = data as Turn;
      if (event === 'up') up.set(turn.front, turn);
      else {
        up.delete(turn.front);
        ended.set(turn.front, turn);
      }
    });
    return new Balancer(ports, child, up, ended);
  }

  /** Verifiers whose stream goes to this server. */
  followersOf(server: number): number[] {
    return [...this.#up.values()].filter((one) => one.server === server).map((one) => one.front);
  }

  cut(verifiers: readonly number[]): Promise<void> {
    return this.#child.call('cut', verifiers);
  }

  silence(verifiers: readonly number[]): Promise<void> {
    return this.#child.call('silence', verifiers);
  }

  /** Until these have a stream; with `to`, to that server. */
  async untilUp(verifiers: readonly number[], to?: number): Promise<void> {
    const isUp = (front: number) => {
      const turn = this.#up.get(front);
      return turn !== undefined && (to === undefined || turn.server === to);
    };
    for (const deadline = performance.now() + PATIENCE_MS; !verifiers.every(isUp); await sleep(5))
      if (performance.now() > deadline) throw new Error(`A verifier has no event stream after ${PATIENCE_MS} ms.`);
  }

  /** How long a verifier was without a stream, and whether the one that followed goes to another server. */
  gap(verifier: number): { ms: number; isMoved: boolean } {
    const [turn, before] = [this.#up.get(verifier), this.#ended.get(verifier)];
    if (!turn || !before) throw new Error(`The stream of verifier ${verifier} was not cut, or is not up again.`);
    return { ms: turn.atMs - before.atMs, isMoved: turn.server !== before.server };
  }
}
