import { execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Copy, DockerfileParser, type Instruction } from 'dockerfile-ast';
import { root } from '../support/database.ts';

// What `docker build` and `docker run` do, as far as folders and users can stand for layers and containers: no engine is needed.
// The steps are read from the Dockerfile; one that is not understood here is an error.

export type Environment = Record<string, string>;

export interface Image {
  /** The folder that stands for `/`. */
  readonly folder: string;
  readonly base: string;
  readonly workdir: string;
  readonly environment: Environment;
  readonly user: { readonly uid: number; readonly gid: number } | null;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly health: readonly string[];
}

export const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
export const instructions: readonly Instruction[] = DockerfileParser.parse(dockerfile).getInstructions();

/** What follows the keyword and its flags, lines joined. */
export const textOf = (one: Instruction): string => one.getArgumentsContent() ?? '';

/** The flags, such as `from` of `--from=tree`. */
export function flagsOf(one: Instruction): Record<string, string | null> {
  const flags = 'getFlags' in one ? (one as Copy).getFlags() : [];
  return Object.fromEntries(flags.map((flag) => [flag.getName(), flag.getValue()]));
}
const list = (text: string) => JSON.parse(text) as string[];

/** What .dockerignore lets into the build: everything is shut out, then named paths are let in. */
function contextPaths(): string[] {
  const lines = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
  const [first, ...rest] = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (first !== '*' || !rest.every((line) => /^![\w.-]+$/.test(line)))
    throw new Error('.dockerignore is to shut everything out, and to let paths at the top in by name');
  return rest.map((line) => line.slice(1));
}

/** Carries the Dockerfile out in this folder; the last stage is the image. `PATH` finds npm and Node. */
export function buildImage(folder: string): Image {
  const context = join(folder, 'context');
  mkdirSync(context);
  for (const path of contextPaths()) cpSync(join(root, path), join(context, path), { recursive: true });

  const stages = new Map<string, Image>();
  let stage: Image | undefined;
  for (const one of instructions) {
    const text = textOf(one);
    if (one.getKeyword() === 'FROM') {
      const [, base = '', name = 'last'] = /^(\S+)(?: AS (\S+))?$/.exec(text) ?? [];
      const empty = { workdir: '/', environment: {}, user: null, entrypoint: [], command: [], health: [] };
      stage = { folder: join(folder, name), base, ...empty };
      mkdirSync(stage.folder);
    } else if (stage) stage = step(stage, one, context, stages);
    else throw new Error(`${one.getKeyword()} stands before FROM`);
    stages.set(basename(stage.folder), stage);
  }
  if (!stage) throw new Error('There is no FROM');
  return stage;
}

function step(stage: Image, one: Instruction, context: string, stages: Map<string, Image>): Image {
  const [keyword, text, { from, ...flags }] = [one.getKeyword(), textOf(one), flagsOf(one)];
  if (keyword !== 'HEALTHCHECK' && Object.keys(flags).length > 0)
    throw new Error(`${one} has flags not understood here`);
  switch (keyword) {
    case 'WORKDIR':
      mkdirSync(join(stage.folder, text), { recursive: true });
      return { ...stage, workdir: text };
    case 'COPY':
      copy(stage, text, from ? (stages.get(from)?.folder as string) : context);
      return stage;
    case 'RUN':
      // A path from the root would be this machine's own.
      if (/(^|\s)\//.test(text)) throw new Error(`RUN ${text} names a path from the root`);
      execFileSync('sh', ['-c', text], {
        cwd: join(stage.folder, stage.workdir),
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      return stage;
    case 'ENV': {
      const pairs = text.split(/\s+/).map((pair) => pair.split('=') as [string, string]);
      return { ...stage, environment: { ...stage.environment, ...Object.fromEntries(pairs) } };
    }
    case 'USER': {
      const [uid, gid] = text.split(':').map(Number) as [number, number];
      return { ...stage, user: { uid, gid } };
    }
    case 'ENTRYPOINT':
      return { ...stage, entrypoint: list(text) };
    case 'CMD':
      return { ...stage, command: list(text) };
    case 'HEALTHCHECK':
      return { ...stage, health: list(text.slice(text.indexOf('CMD ') + 4)) };
    case 'EXPOSE':
      return stage;
    default:
      throw new Error(`${keyword} is not understood here`);
  }
}

/** A folder's content goes into the target; files go below a target that ends with a slash. By `cp`, which keeps links and modes. */
function copy(stage: Image, text: string, from: string): void {
  const words = text.split(/\s+/);
  const target = words.pop() as string;
  const to = join(stage.folder, target.startsWith('/') ? '' : stage.workdir, target);
  for (const source of words) {
    const path = join(from, source);
    const isFolder = statSync(path).isDirectory();
    mkdirSync(isFolder ? to : dirname(`${to}x`), { recursive: true });
    execFileSync('cp', ['-a', isFolder ? `${path}/.` : path, to]);
  }
}

export interface CommandResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** Containers of an image, on this machine's Node. */
export interface Containers {
  /** Who the processes are: the image's user, when the test may choose. */
  readonly user: { readonly uid: number; readonly gid: number };
  /** A folder that only they may use, as a volume. */
  volume(name: string): string;
  /** `docker run IMAGE words…` to its end. */
  run(words: readonly string[], environment: Environment): Promise<CommandResult>;
  /** The image's health check in a running container. */
  health(environment: Environment): Promise<CommandResult>;
  /** `docker run -d IMAGE words…`; resolves when the output matches. */
  start(words: readonly string[] | null, environment: Environment, isReady: RegExp): Promise<Container>;
}

export interface Container {
  readonly pid: number;
  output(): string;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<CommandResult>;
}

export function containersOf(image: Image, folder: string): Containers {
  // Reachable for every user, wherever this repository stands.
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  copyFileSync(process.execPath, join(bin, 'node'));
  chmodSync(join(bin, 'node'), 0o755);
  const isRoot = process.getuid?.() === 0;
  const user = isRoot && image.user ? image.user : { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
  const inside = (word: string) =>
    word.startsWith('/') && existsSync(join(image.folder, word)) ? join(image.folder, word) : word;
  const options = (environment: Environment) => ({
    cwd: join(image.folder, image.workdir),
    env: { PATH: bin, HOME: '/', ...image.environment, ...environment },
    ...(isRoot ? user : {}),
  });
  const toEnd = ([file = '', ...words]: readonly string[], environment: Environment) =>
    new Promise<CommandResult>((resolve) => {
      const child = execFile(
        join(bin, file),
        words.map(inside),
        { ...options(environment), timeout: 60_000 },
        (_error, stdout, stderr) =>
          resolve({ code: child.exitCode, signal: child.signalCode, output: stdout + stderr }),
      );
    });
  return {
    user,
    volume(name) {
      const path = join(folder, name);
      mkdirSync(path, { mode: 0o700 });
      if (isRoot) chownSync(path, user.uid, user.gid);
      return path;
    },
    run: (words, environment) => toEnd([...image.entrypoint, ...words], environment),
    health: (environment) => toEnd(image.health, environment),
    start(words, environment, isReady) {
      const [file = '', ...rest] = [...image.entrypoint, ...(words ?? image.command)];
      const child = spawn(join(bin, file), rest.map(inside), {
        ...options(environment),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      return started(child, isReady);
    },
  };
}

function started(child: ReturnType<typeof spawn>, isReady: RegExp): Promise<Container> {
  let output = '';
  const ended = new Promise<CommandResult>((done) =>
    child.once('close', (code, signal) => done({ code, signal, output })),
  );
  return new Promise((resolve, reject) => {
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 60_000);
    const take = (chunk: Buffer) => {
      output += chunk.toString();
      if (!isReady.test(output)) return;
      clearTimeout(tooLong);
      resolve({ pid: child.pid as number, output: () => output, kill: (signal) => void child.kill(signal), ended });
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    void ended.then(({ code, signal }) => {
      clearTimeout(tooLong);
      reject(new Error(`ended (${code ?? signal}) before it was ready:\n${output}`));
    });
  });
}
