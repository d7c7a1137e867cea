import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cleanEnvironment, say } from '../workspace.ts';
import { absenceOf, folderOf, type OptionalName, optionalNames, type Stamp, stampOf } from './installed.ts';
import { javaHome, OLDEST_JAVA } from './java.ts';
import { madeOf, pinsOf } from './recipes.ts';

// npm run bench:peers [-- django hydra keycloak]

/** A step that did not go well: said to people, and kept for the runs that miss the peer. */
class Failed extends Error {}

type Recipe = (folder: string) => void;

const recipes: Record<OptionalName, Recipe> = {
  django(folder) {
    const python = process.env['PYTHON'] || 'python3';
    need(python, ['--version'], 'Python 3.10 or newer is needed (PYTHON names it)');
    run(python, ['-m', 'venv', join(folder, 'venv')], folder);
    const pip = join(folder, 'venv/bin/pip');
    run(pip, ['install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt'], folder);
  },
  hydra(folder) {
    need('go', ['version'], 'Go is needed');
    run('go', ['build', '-mod=readonly', '-o', 'hydra', 'github.com/ory/hydra/v2'], folder);
  },
  keycloak(folder) {
    const home = javaHome();
    if (home === undefined) throw new Failed(`Java ${OLDEST_JAVA} or newer is needed (JAVA_HOME names it)`);
    need('mvn', ['--version'], 'Maven is needed');
    run('mvn', ['-q', '-B', 'dependency:copy', `-DoutputDirectory=${folder}`], folder);
    mkdirSync(join(folder, 'server'), { recursive: true });
    run('tar', ['-xzf', 'keycloak.tar.gz', '-C', 'server', '--strip-components=1'], folder);
    rmSync(join(folder, 'keycloak.tar.gz'));
    const features = '--features-disabled=kerberos,impersonation';
    run(join(folder, 'server/bin/kc.sh'), ['build', '--db=postgres', features], folder, { JAVA_HOME: home });
  },
};

function need(program: string, words: string[], otherwise: string): void {
  if (spawnSync(program, words, { stdio: 'ignore' }).status !== 0) throw new Failed(otherwise);
}

function run(program: string, words: string[], cwd: string, env: Record<string, string> = {}): void {
  const { status, error } = spawnSync(program, words, {
    cwd,
    env: cleanEnvironment({ ...registries(), ...env }),
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0)
    throw new Failed(`${basename(program)} ${words[0]} ended with ${error?.message ?? `code ${status}`}`);
}

/** How this machine reaches its package registries. */
function registries(): Record<string, string> {
  const names = /^(PIP_|GO[A-Z]+$|MAVEN_|HTTPS?_PROXY$|NO_PROXY$|SSL_CERT|REQUESTS_CA_BUNDLE$)/i;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (names.test(name) && value ? [[name, value]] : [])),
  );
}

function install(name: OptionalName): boolean {
  const made = madeOf(name);
  if (absenceOf(name, made) === undefined) {
    say(`${name}: installed already, in ${folderOf(name)}`);
    return true;
  }
  const folder = folderOf(name);
  say(`${name}: installing into ${folder}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const path of pinsOf(name)) copyFileSync(path, join(folder, basename(path)));
  try {
    recipes[name](folder);
    stamp(name, { made });
    say(`${name}: installed`);
    return true;
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    stamp(name, { failed: error.message });
    say(`${name}: not installed: ${error.message}`);
    return false;
  }
}

function stamp(name: OptionalName, content: Stamp): void {
  writeFileSync(stampOf(name), `${JSON.stringify(content)}\n`);
}

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !(optionalNames as readonly string[]).includes(name));
if (unknown !== undefined) {
  say(`There is no optional peer ${unknown}. There are: ${optionalNames.join(', ')}.`);
  process.exit(2);
}
const names = asked.length === 0 ? optionalNames : optionalNames.filter((name) => asked.includes(name));
process.exit(names.map(install).every(Boolean) ? 0 : 1);
