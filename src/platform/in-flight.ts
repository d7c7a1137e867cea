/** Runs once for everybody who asks for the same thing while it is under way: all get the one answer. Nothing is kept of it afterwards. */
export type InFlight<T> = (key: string, run: () => Promise<T>) => Promise<T>;

export function inFlight<T>(): InFlight<T> {
  const running = new Map<string, Promise<T>>();
  return (key, run) => {
    const found = running.get(key);
    if (found) return found;
    const made = run().finally(() => running.delete(key));
    running.set(key, made);
    return made;
  };
}
