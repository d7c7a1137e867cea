import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OptionalName } from './installed.ts';

/** The files of the repository that an installation is made of: pins, and nothing that only runs. */
const pins: Record<OptionalName, readonly string[]> = {
  django: ['requirements.txt'],
  hydra: ['go.mod', 'go.sum'],
  keycloak: ['pom.xml'],
};

export const recipeFolder = (name: OptionalName) => join(import.meta.dirname, name);

export const pinsOf = (name: OptionalName) => pins[name].map((file) => join(recipeFolder(name), file));

/** Tells one set of pins from another. */
export function madeOf(name: OptionalName): string {
  const hash = createHash('sha256');
  for (const path of pinsOf(name)) hash.update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}
