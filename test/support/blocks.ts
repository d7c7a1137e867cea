import { Session } from 'node:inspector/promises';
import { setFlagsFromString } from 'node:v8';

// V8 loses counts when it compiles a function anew, on another thread and at a moment of its own: what is counted stays in the interpreter.
for (const flag of ['--no-opt', '--no-maglev', '--no-sparkplug', '--no-flush-bytecode']) setFlagsFromString(flag);

/**
 * Returns how often the blocks of the sources below a folder ran, added up, as V8 counts them: the same on every machine. The characters
 * that `String.prototype.indexOf` scans are added, because V8 does not count them.
 */
export async function countBlocks(folder: string, work: () => unknown): Promise<number> {
  const session = new Session();
  session.connect();
  const { indexOf } = String.prototype;
  let searched = 0;
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    await session.post('Profiler.takePreciseCoverage');
    String.prototype.indexOf = function (wanted: string, from = 0) {
      const found = indexOf.call(this, wanted, from);
      searched += (found < 0 ? this.length : found) - from;
      return found;
    };
    await work();
    String.prototype.indexOf = indexOf;
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const ranges = result
      .filter((script) => script.url.includes(folder))
      .flatMap((script) => script.functions.flatMap((one) => one.ranges));
    return ranges.reduce((sum, range) => sum + range.count, searched);
  } finally {
    String.prototype.indexOf = indexOf;
    session.disconnect();
  }
}
