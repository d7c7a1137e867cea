import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tree } from '../proc.ts';
import { cleanEnvironment, type Workspace } from '../workspace.ts';

/** A server under measurement: a process of its own. */
export interface Server {
  readonly name: string;
  readonly port: number;
  /** The process that serves, without its launcher. */
  readonly pid: number;
  /** From the start of the process until it said that it is ready. */
  readonly startSeconds: number;
  /** SIGTERM, then SIGKILL after twenty seconds. */
  stop(): Promise<void>;
}

export interface ServerPlan {
  readonly name: string;
  /** Node by itself. */
  readonly command?: string;
  readonly args: readonly string[];
  readonly env: Record<string, string>;
  readonly port: number;
  readonly host?: string;
  /** Answers 200 once the server serves. */
  readonly readyPath: string;
  readonly isLaunched?: boolean;
  /** How long it may take to become ready; 90 by itself. */
  readonly patienceSeconds?: number;
}

const PATIENCE_SECONDS = 90;

export async function startServer(workspace: Workspace, plan: ServerPlan): Promise<Server> {
  mkdirSync(join(workspace.folder, 'logs'), { recursive: true });
  const logPath = join(workspace.folder, 'logs', `${plan.name.replaceAll(/\W+/g, '-')}-${plan.port}.log`);
  if (!workspace.logs.includes(logPath)) workspace.logs.push(logPath);
  const log = openSync(logPath, 'a');
  const began = performance.now();
  const child = spawn(plan.command ?? process.execPath, plan.args, {
    env: cleanEnvironment(plan.env),
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  workspace.atEnd(() => killTree(child));
  workspace.atClose(() => stop(child));
  await untilReady(child, plan);
  const startSeconds = (performance.now() - began) / 1000;
  const pid = child.pid as number;
  return {
    name: plan.name,
    port: plan.port,
    pid: plan.isLaunched ? (tree(pid)[1] ?? pid) : pid,
    startSeconds,
    stop: () => stop(child),
  };
}

async function untilReady(child: ChildProcess, plan: ServerPlan): Promise<void> {
  const url = `http://${plan.host ?? '127.0.0.1'}:${plan.port}${plan.readyPath}`;
  for (
    const deadline = performance.now() + (plan.patienceSeconds ?? PATIENCE_SECONDS) * 1000;
    performance.now() < deadline;
  ) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    const answer = await fetch(url).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return;
    await sleep(10);
  }
  throw new Error(`${plan.name} did not become ready.`);
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => killTree(child), 20_000);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

/** Whoever is killed takes nobody along, so the children are named one by one. */
function killTree(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  for (const pid of tree(child.pid)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}
