import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../errors.ts';

/** How often a holder looks whether its socket and lock file are still there: cleaners of temporary folders take sockets away. */
const WATCH_MS = 1000;

/** What the lock file says of the process that holds the folder. */
export interface LockOwner {
  readonly instance: string;
  readonly pid: number;
  /** The control socket on which the holder answers with its instance id. */
  readonly socket: string;
}

export interface FolderLock {
  readonly holder: LockOwner;
  /** Serves the control socket: what a connection says after the greeting goes to `serve`. Until then it only greets. */
  serve(handler: (connection: Socket) => void): void;
  release(): Promise<void>;
}

/** Raised when a live process holds the folder; `holder` is where a command can be sent. */
export class FolderLocked extends Failure {
  readonly holder: LockOwner;
  constructor(folder: string, holder: LockOwner) {
    super(
      'conflict',
      `The data folder ${folder} is held by another Signet (process ${holder.pid}). Stop it, or set SIGNET_DATA_DIR to another folder.`,
    );
    this.holder = holder;
  }
}

/** Bytes of a socket path that every system takes (Linux: 107). */
const LONGEST_SOCKET_PATH = 100;

/**
 * Takes the folder for this process, or fails with FolderHeld. A holder is live when its socket answers with its instance id;
 * process ids are for people only. A dead holder is succeeded by exactly one process: the claim on it is a file that can be
 * made once, and holders form a chain (lock → claim on it → claim on that) whose last live member owns the folder.
 */
export async function lockFolder(folder: string, onLost: () => void = () => {}): Promise<FolderLock> {
  makeFolder(folder);
  const instance = randomUUID();
  const place = socketPlace(folder, instance);
  const own: LockOwner = { instance, pid: process.pid, socket: place.socket };
  const control = await listen(own, place);
  try {
    await claim(folder, own);
  } catch (error) {
    await control.close();
    throw error;
  }
  const watch = setInterval(() => {
    // Whoever took the lock file found no answer here: two on one folder lose rows, so this one gives up.
    if (readHolder(lockPath(folder))?.instance !== instance) return onLost();
    control.ensureSocket();
  }, WATCH_MS).unref();
  return {
    holder: own,
    serve: control.serve,
    release: async () => {
      clearInterval(watch);
      if (readHolder(lockPath(folder))?.instance === instance) rmSync(lockPath(folder), { force: true });
      await control.close();
    },
  };
}

/** The live holder of a folder, if there is one. */
export async function findLockOwner(folder: string): Promise<LockOwner | undefined> {
  const last = lastOfChain(folder);
  return last && (await isLive(last)) ? last : undefined;
}

async function claim(folder: string, own: LockOwner): Promise<void> {
  for (;;) {
    const last = lastOfChain(folder);
    if (last === undefined) {
      if (!createOnce(lockPath(folder), own)) continue;
      return;
    }
    if (await isLive(last)) throw new FolderLocked(folder, last);
    const claimPath = successionPath(folder, last.instance);
    if (!createOnce(claimPath, own)) continue;
    // The chain may have been shortened between reading it and claiming: then the claim was on nobody.
    if (!chain(folder).some((one) => one.instance === own.instance)) {
      rmSync(claimPath, { force: true });
      continue;
    }
    replace(lockPath(folder), own);
    sweep(folder, own);
    return;
  }
}

function lockPath(folder: string): string {
  return join(folder, 'signet.lock');
}

function successionPath(folder: string, instance: string): string {
  return join(folder, `signet.lock.${instance}`);
}

function chain(folder: string): LockOwner[] {
  const holders: LockOwner[] = [];
  for (let next = readHolder(lockPath(folder)); next; next = readHolder(successionPath(folder, next.instance))) {
    holders.push(next);
  }
  return holders;
}

function lastOfChain(folder: string): LockOwner | undefined {
  return chain(folder).at(-1);
}

function readHolder(path: string): LockOwner | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Partial<LockOwner> | null;
    if (typeof holder?.instance !== 'string' || typeof holder.socket !== 'string')
      throw new Error('it names no holder');
    return holder as LockOwner;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Failure(
      'failed',
      `The lock file ${path} cannot be read: ${(error as Error).message}. If no Signet uses this folder, delete that file.`,
    );
  }
}

/** Writes aside, then links: the name appears with its whole content, or not at all when it exists. */
function createOnce(path: string, holder: LockOwner): boolean {
  const draft = `${path}.draft.${holder.instance}`;
  writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function replace(path: string, holder: LockOwner): void {
  const draft = `${path}.draft.${holder.instance}`;
  writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
  renameSync(draft, path);
}

/** Removes what dead holders left, once this process is the first of the chain. */
function sweep(folder: string, own: LockOwner): void {
  for (const name of readdirSync(folder)) {
    const isSuccession = name.startsWith('signet.lock.') && !name.includes('.draft.');
    const isOldSocket = name.startsWith('control-') && join(folder, name) !== own.socket;
    if (isSuccession && !name.endsWith(own.instance)) rmSync(join(folder, name), { force: true });
    else if (isOldSocket) void removeDeadSocket(join(folder, name));
  }
}

/** A socket may belong to a process that is just losing the race for the folder; it removes its own. */
async function removeDeadSocket(path: string): Promise<void> {
  if (!(await accepts(path))) rmSync(path, { force: true });
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const probe = join(folder, `.probe-${process.pid}`);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new Failure(
      'failed',
      `The data folder ${folder} cannot be written (${code}). Set SIGNET_DATA_DIR to a folder that this user can write.`,
    );
  }
}

/** Where the control socket stands; `folder` is set when a private one had to be made for it. */
interface Place {
  readonly socket: string;
  readonly folder?: string;
}

function socketPlace(folder: string, instance: string): Place {
  const name = `control-${instance.slice(0, 8)}.sock`;
  const socket = join(folder, name);
  if (Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH) return { socket };
  const made = mkdtempSync(join(tmpdir(), 'signet-control-'));
  return { socket: join(made, name), folder: made };
}

interface Control {
  /** Listens anew where the socket's file was deleted: without it nobody could tell that this process lives. */
  ensureSocket(): void;
  serve(handler: (connection: Socket) => void): void;
  close(): Promise<void>;
}

async function listen(own: LockOwner, place: Place): Promise<Control> {
  let handler: ((connection: Socket) => void) | undefined;
  const connections = new Set<Socket>();
  const greet = (connection: Socket) => {
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
    connection.on('error', () => connection.destroy());
    connection.write(`${own.instance}\n`);
    handler?.(connection);
  };
  let server: Server = createServer(greet);
  // Closing one would delete the file of its successor: they are closed last.
  const abandoned: Server[] = [];
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(own.socket, resolve));
  chmodSync(own.socket, 0o600);
  return {
    ensureSocket: () => {
      if (existsSync(own.socket)) return;
      if (place.folder) mkdirSync(place.folder, { recursive: true, mode: 0o700 });
      const next = createServer(greet).on('error', () => {});
      next.listen(own.socket, () => chmodSync(own.socket, 0o600));
      abandoned.push(server);
      server = next;
    },
    serve: (next) => {
      handler = next;
    },
    close: async () => {
      for (const connection of connections) connection.destroy();
      for (const one of [server, ...abandoned]) await new Promise<void>((resolve) => one.close(() => resolve()));
      rmSync(own.socket, { force: true });
      if (place.folder) rmSync(place.folder, { recursive: true, force: true });
    },
  };
}

/**
 * Does the holder answer with its id? A refused connection is a dead process. An accepted one without an answer is a process
 * that is busy (the embedded engine blocks while it opens): that counts as live.
 */
function isLive(holder: LockOwner): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(holder.socket);
    const answer = (live: boolean) => {
      connection.destroy();
      resolve(live);
    };
    connection.setTimeout(10_000, () => answer(true));
    connection.once('error', () => answer(false));
    connection.once('data', (data) => answer(data.toString().startsWith(holder.instance)));
    connection.once('end', () => answer(false));
  });
}

function accepts(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}
