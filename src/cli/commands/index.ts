import type { Command } from '../command.ts';
import { dev } from './dev.ts';
import { migrate } from './migrate.ts';
import { sample } from './sample.ts';
import { setupLink } from './setup-link.ts';
import { start } from './start.ts';

/** Every command, in the order of `signet --help`. */
export const commands: readonly Command[] = [start, dev, migrate, sample, setupLink];
