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
import { DomainError, domainErrors } from './errors.ts';

export interface FolderErrors {
  readonly folder_locked: { readonly folder: string; readonly pid: number };
  /** `reason`: the system's code; null if it is not a lock file of Signet. */
  readonly lock_file_unreadable: { readonly path: string; readonly reason: string | null };
  readonly folder_unwritable: { readonly folder: string; readonly reason: string };
}

const folderError = domainErrors<FolderErrors>();

/** How often the owner checks its socket and lock file: cleaners of temporary folders delete sockets. */
const WATCH_MS = 1000;

/** The content of the lock file: the process that owns the folder. */
export interface LockOwner {
  readonly instance: string;
  readonly pid: number;
  /** The control socket, on which the owner sends its instance id. */
  readonly socket: string;
}

export interface FolderLock {
  readonly owner: LockOwner;
  /** Passes connections to the control socket on to `handler`, after the greeting. Those from before, which got only the greeting, are passed on now. */
  serve(handler: (connection: Socket) => void): void;
  release(): Promise<void>;
}

/** Thrown when a live process owns the folder; `owner` is where a command can be sent. */
export class FolderLocked extends DomainError<'folder_locked'> {
  readonly owner: LockOwner;
  constructor(folder: string, owner: LockOwner) {
    super('folder_locked', { folder, pid: owner.pid });
    this.owner = owner;
  }
}

/** Length of a socket path in bytes that every system accepts (Linux: 107). */
const MAX_SOCKET_PATH = 100;

/**
 * Locks the folder for this process. Throws `FolderLocked`, `folder_unwritable`, `lock_file_unreadable`.
 *
 * An owner is live if its socket sends its instance id; process ids are only for people. Exactly one process can succeed a dead owner: its
 * claim is a file that can be created once, and claims form a chain (lock → claim on it → claim on that) whose last live member owns the
 * folder.
 */
export async function lockFolder(folder: string, onLost: () => void = () => {}): Promise<FolderLock> {
  makeFolder(folder);
  const instance = randomUUID();
  const location = socketLocation(folder, instance);
  const own: LockOwner = { instance, pid: process.pid, socket: location.socket };
  const control = await listen(own, location);
  try {
    await claim(folder, own);
  } catch (error) {
    await control.close();
    throw error;
  }
  const watch = setInterval(() => {
    // The process that took the lock file found no live socket here. Two processes on one folder lose rows, so this one stops.
    if (readOwner(lockPath(folder))?.instance !== instance) return onLost();
    control.ensureSocket();
  }, WATCH_MS).unref();
  return {
    owner: own,
    serve: control.serve,
    release: async () => {
      clearInterval(watch);
      if (readOwner(lockPath(folder))?.instance === instance) rmSync(lockPath(folder), { force: true });
      await control.close();
    },
  };
}

/** Returns the live owner of a folder, if any. */
export async function findLockOwner(folder: string): Promise<LockOwner | undefined> {
  const last = lastOwner(folder);
  return last && (await isLive(last)) ? last : undefined;
}

async function claim(folder: string, own: LockOwner): Promise<void> {
  for (;;) {
    const last = lastOwner(folder);
    if (last === undefined) {
      if (!createOnce(lockPath(folder), own)) continue;
      return;
    }
    if (await isLive(last)) throw new FolderLocked(folder, last);
    const claimPath = successionPath(folder, last.instance);
    if (!createOnce(claimPath, own)) continue;
    // The chain may have become shorter between reading it and claiming: then the claim is void.
    if (!chain(folder).some((one) => one.instance === own.instance)) {
      rmSync(claimPath, { force: true });
      continue;
    }
    replace(lockPath(folder), own);
    deleteStaleFiles(folder, own);
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
  const owners: LockOwner[] = [];
  for (let next = readOwner(lockPath(folder)); next; next = readOwner(successionPath(folder, next.instance))) {
    owners.push(next);
  }
  return owners;
}

function lastOwner(folder: string): LockOwner | undefined {
  return chain(folder).at(-1);
}

function readOwner(path: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(readFileSync(path, 'utf8')) as Partial<LockOwner> | null;
    if (typeof owner?.instance !== 'string' || typeof owner.socket !== 'string') throw new Error('no owner');
    return owner as LockOwner;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw folderError('lock_file_unreadable', { path, reason: code ?? null });
  }
}

/** Writes a draft, then links it: the name appears with its whole content, or not at all if it exists. */
function createOnce(path: string, owner: LockOwner): boolean {
  const draft = `${path}.draft.${owner.instance}`;
  writeFileSync(draft, JSON.stringify(owner), { mode: 0o600 });
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

function replace(path: string, owner: LockOwner): void {
  const draft = `${path}.draft.${owner.instance}`;
  writeFileSync(draft, JSON.stringify(owner), { mode: 0o600 });
  renameSync(draft, path);
}

/** Deletes the files of dead owners, once this process is the first of the chain. */
function deleteStaleFiles(folder: string, own: LockOwner): void {
  for (const name of readdirSync(folder)) {
    const isSuccession = name.startsWith('signet.lock.') && !name.includes('.draft.');
    const isOldSocket = name.startsWith('control-') && join(folder, name) !== own.socket;
    if (isSuccession && !name.endsWith(own.instance)) rmSync(join(folder, name), { force: true });
    else if (isOldSocket) void removeDeadSocket(join(folder, name));
  }
}

/** The socket may belong to a process that is losing the race for the folder; that one deletes its own. */
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
    throw folderError('folder_unwritable', { folder, reason: String((error as NodeJS.ErrnoException).code) });
  }
}

/** The path of the control socket; `folder` is set if a private folder was created for it. */
interface SocketLocation {
  readonly socket: string;
  readonly folder?: string;
}

function socketLocation(folder: string, instance: string): SocketLocation {
  const name = `control-${instance.slice(0, 8)}.sock`;
  const socket = join(folder, name);
  if (Buffer.byteLength(socket) <= MAX_SOCKET_PATH) return { socket };
  const privateFolder = mkdtempSync(join(tmpdir(), 'signet-control-'));
  return { socket: join(privateFolder, name), folder: privateFolder };
}

interface Control {
  /** Listens again if the socket's file was deleted: without it no process could see that this one is live. */
  ensureSocket(): void;
  serve(handler: (connection: Socket) => void): void;
  close(): Promise<void>;
}

async function listen(own: LockOwner, location: SocketLocation): Promise<Control> {
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
  // Closing a server would delete the file of its successor, so the old ones are closed last.
  const replacedServers: Server[] = [];
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(own.socket, resolve));
  chmodSync(own.socket, 0o600);
  return {
    ensureSocket: () => {
      if (existsSync(own.socket)) return;
      if (location.folder) mkdirSync(location.folder, { recursive: true, mode: 0o700 });
      const next = createServer(greet).on('error', () => {});
      next.listen(own.socket, () => chmodSync(own.socket, 0o600));
      replacedServers.push(server);
      server = next;
    },
    serve: (next) => {
      handler = next;
      for (const waiting of connections) next(waiting);
    },
    close: async () => {
      for (const connection of connections) connection.destroy();
      for (const one of [server, ...replacedServers]) await new Promise<void>((resolve) => one.close(() => resolve()));
      rmSync(own.socket, { force: true });
      if (location.folder) rmSync(location.folder, { recursive: true, force: true });
    },
  };
}

/**
 * Returns whether the owner sends its id. A refused connection means a dead process. An accepted connection without data means a busy
 * process (the embedded engine blocks while it opens), which counts as live.
 */
function isLive(owner: LockOwner): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(owner.socket);
    const answer = (live: boolean) => {
      connection.destroy();
      resolve(live);
    };
    connection.setTimeout(10_000, () => answer(true));
    connection.once('error', () => answer(false));
    connection.once('data', (data) => answer(data.toString().startsWith(owner.instance)));
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
