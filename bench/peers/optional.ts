import type { Postgresql } from '../postgresql.ts';
import type { Workspace } from '../workspace.ts';
import { django } from './django.ts';
import { hydra } from './hydra.ts';
import type { OptionalName } from './installed.ts';
import { keycloak } from './keycloak.ts';
import type { Peer, Work } from './peer.ts';

/** A peer that takes part where it was installed. */
export interface OptionalPeer {
  readonly name: OptionalName;
  readonly title: string;
  readonly works: readonly Work[];
  /** Why it cannot take part; undefined when it can. */
  absence(): string | undefined;
  start(workspace: Workspace, postgresql: Postgresql): Promise<Peer>;
}

export const optionalPeers: readonly OptionalPeer[] = [django, hydra, keycloak];
