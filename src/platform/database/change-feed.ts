import type { SqlEntityManager } from '@mikro-orm/sql';
import { oneAtATime } from '../concurrency.ts';
import type { Database } from './database.ts';
import type { Statement } from './statement.ts';

/** The channel of all topics: a process listens on one connection. The payload is the name of the topic. */
const CHANNEL = 'signet';

/** Interval of polling, in case a pooler drops notifications: the longest delay of a change. */
const POLL_MS = 500;

/** A subject of changes, which any process may announce and follow. */
export interface Topic {
  readonly name: string;
  /**
   * Absent: announcements are counted in `platform_signal`, and a poll runs the readers of the topics whose count has grown: one statement
   * for all of them. True: an announcement writes no row, so no transaction waits for another. Such a reader runs at every poll, and finds
   * out by its own statement what has changed.
   */
  readonly hasOwnVersion?: true;
}

/**
 * Announces a change of this topic to every process, including this one, once the caller's transaction commits. Write it last: of two
 * transactions that announce one topic without a version of its own, the second waits for the first.
 */
export async function announce(tx: SqlEntityManager, { name, hasOwnVersion }: Topic): Promise<void> {
  if (!hasOwnVersion)
    await tx.execute(
      'insert into platform_signal (topic, version) values (?, 1) on conflict (topic) do update set version = platform_signal.version + 1',
      [name],
    );
  await tx.execute('select pg_notify(?, ?)', [CHANNEL, name]);
}

const selectVersions: Statement = {
  name: 'platform-signals',
  text: 'select topic, version::int as version from platform_signal',
};

/**
 * What to do when a topic has changed. One run covers all changes before it. `stopping` is aborted when the feed stops, which waits for the
 * run in progress: a long one should end soon after.
 */
export type ReadChanges = (stopping: AbortSignal) => Promise<void>;

export interface FollowOptions {
  /** Also runs the reader this often, without a change. Default for a topic with its own version: at every poll; for others: never. */
  readonly everyMs?: number;
}

/** How this process learns of changes that any process has made. */
export interface ChangeFeed {
  /**
   * Runs the reader now, because the topic may have changed since the data was read, and after every change: at once by a notification, at
   * the latest by polling. Readers of several topics run side by side; each runs once at a time, and once more if a change came meanwhile.
   * One that fails runs again at the next poll. Returns a function that stops it and waits for the run in progress.
   */
  follow(topic: Topic, read: ReadChanges, options?: FollowOptions): () => Promise<void>;
  /** Stops every reader, and waits for those that run. */
  stop(): Promise<void>;
}

/** Called when a reader, or the poll of the versions (`signals`), fails. */
type OnError = (topic: string, error: Error) => void;

export interface FeedOptions {
  readonly onError: OnError;
  /** False: as if a pooler dropped every notification. */
  readonly listens?: boolean;
}

export async function startChangeFeed(db: Database, { onError, listens = true }: FeedOptions): Promise<ChangeFeed> {
  const followers = new Set<Follower>();
  const countedFollowers = () => [...followers].filter(({ topic }) => !topic.hasOwnVersion);

  const poll = oneAtATime(async () => {
    if (countedFollowers().length === 0) return;
    try {
      const rows = await db.query<{ topic: string; version: number }>(selectVersions, []);
      const versions = new Map(rows.map((row) => [row.topic, row.version]));
      for (const one of countedFollowers()) one.onVersion(versions.get(one.topic.name) ?? 0);
    } catch (error) {
      onError('signals', error as Error);
    }
  });
  const pollVersions = () => void poll.run();
  /** Null: notifications may have been missed. */
  const onNotify = (name: string | null) => {
    const woken = [...followers].filter(({ topic }) => name === null || topic.name === name);
    for (const one of woken) if (one.topic.hasOwnVersion) one.run();
    if (woken.some(({ topic }) => !topic.hasOwnVersion)) pollVersions();
  };
  const stopListening = listens ? await db.listen(CHANNEL, onNotify) : async () => {};
  const timer = setInterval(pollVersions, POLL_MS);
  timer.unref();

  return {
    follow(topic, read, { everyMs = topic.hasOwnVersion && POLL_MS } = {}) {
      const follower = createFollower(topic, read, everyMs, onError);
      followers.add(follower);
      if (topic.hasOwnVersion) follower.run();
      else pollVersions();
      return () => {
        followers.delete(follower);
        return follower.stop();
      };
    },
    async stop() {
      clearInterval(timer);
      const stopping = [...followers].map((one) => one.stop());
      followers.clear();
      await Promise.all([...stopping, stopListening(), poll.idle()]);
    },
  };
}

/** A topic and its reader. */
interface Follower {
  readonly topic: Topic;
  run(): void;
  /** Runs the reader, unless it has read this version. */
  onVersion(version: number): void;
  stop(): Promise<void>;
}

function createFollower(topic: Topic, read: ReadChanges, everyMs: number | undefined, onError: OnError): Follower {
  const stopping = new AbortController();
  let polledVersion: number | undefined;
  /** The version at which the last run began; undefined: there was none, or it failed. */
  let readVersion: number | undefined;
  const reader = oneAtATime(async () => {
    if (stopping.signal.aborted) return;
    readVersion = polledVersion;
    try {
      await read(stopping.signal);
    } catch (error) {
      readVersion = undefined;
      onError(topic.name, error as Error);
    }
  });
  const run = () => void reader.run();
  const timer = everyMs === undefined ? undefined : setInterval(run, everyMs);
  timer?.unref();

  return {
    topic,
    run,
    onVersion(version) {
      polledVersion = version;
      if (version !== readVersion) run();
    },
    stop() {
      stopping.abort();
      clearInterval(timer);
      return reader.idle();
    },
  };
}
